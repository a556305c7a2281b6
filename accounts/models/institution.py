from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class InstitutionQuerySet(models.QuerySet):
    def listed(self, on=None):
        """Institutions that stand in the 资历名册 on a day."""
        on = on or timezone.localdate()
        return self.filter(
            Q(valid_from__isnull=True) | Q(valid_from__lte=on),
            Q(valid_to__isnull=True) | Q(valid_to__gte=on),
            status=Institution.Status.APPROVED,
        )


class Institution(models.Model):
    """A body that awards, receives or enrols; approved ones stand in the 资历名册 under their bank code."""

    class Kind(models.TextChoices):
        UNIVERSITY = "university", _("普通高校")
        VOCATIONAL = "vocational", _("职业院校")
        ADULT = "adult", _("成人与开放教育机构")
        TRAINING = "training", _("培训机构")
        EXAMINATION = "examination", _("考试与评价机构")
        ENTERPRISE = "enterprise", _("行业企业")

    class Status(models.TextChoices):
        PENDING = "pending", _("待审核")
        APPROVED = "approved", _("已入册")
        REFUSED = "refused", _("未通过")
        CLOSED = "closed", _("已移出")

    name = models.CharField(_("机构名称"), max_length=120)
    bank_code = models.CharField(
        _("机构代码"),
        max_length=9,
        unique=True,
        null=True,
        blank=True,
        validators=[RegexValidator(r"^[a-z]{4}[0-9]{5}$", _("机构代码由四个小写字母和五位数字组成。"))],
        help_text=_("学分银行给出的代码,如 xfyh00001"),
    )
    uscc = models.CharField(_("统一社会信用代码"), max_length=18, unique=True, null=True, blank=True)
    kind = models.CharField(_("机构类型"), max_length=20, choices=Kind)
    status = models.CharField(_("状态"), max_length=20, choices=Status, default=Status.PENDING)
    valid_from = models.DateField(_("入册日期"), null=True, blank=True)
    valid_to = models.DateField(_("有效期至"), null=True, blank=True)
    licence = models.ForeignKey(
        "evidence.EvidenceFile",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="licence_of",
        verbose_name=_("证照"),
    )
    contact_name = models.CharField(_("联系人"), max_length=100, blank=True)
    contact_phone = models.CharField(_("联系电话"), max_length=20, blank=True)
    created_at = models.DateTimeField(_("登记时间"), auto_now_add=True)

    objects = InstitutionQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("机构")
        ordering = ["bank_code"]
        constraints = [
            models.CheckConstraint(
                condition=~Q(status="approved") | Q(bank_code__isnull=False),
                name="approved_institution_has_bank_code",
                violation_error_message=_("入册机构必须有机构代码。"),
            ),
            models.CheckConstraint(
                condition=Q(bank_code__isnull=True) | Q(bank_code__regex=r"^[a-z]{4}[0-9]{5}$"),
                name="bank_code_has_its_form",
            ),
            models.UniqueConstraint(
                fields=["name"], condition=Q(status="approved"), name="approved_institution_name_once"
            ),
        ]

    def __str__(self):
        return self.name

    def decide(self, status, **changes):
        """Leave 待审核, if it still stands there; tell whether it did."""
        pending = type(self).objects.filter(pk=self.pk, status=self.Status.PENDING)
        decided = bool(pending.update(status=status, **changes))
        self.refresh_from_db()
        return decided
