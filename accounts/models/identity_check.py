from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.documents import mask
from accounts.models.learner import Learner, document_digest
from accounts.phones import mask_phone
from vault.fields import EncryptedTextField


class IdentityCheckQuerySet(models.QuerySet):
    def waiting_for(self, user):
        """Open cases that this member of staff may take the next decision about; who has the right is asked before."""
        return self.filter(status__in=IdentityCheck.OPEN).exclude(first_by=user)


class IdentityCheck(models.Model):
    """人工核对: somebody with a proven phone says to be the holder of a number; two of the centre's staff decide."""

    class Status(models.TextChoices):
        PENDING = "pending", _("待核对")
        FIRST_APPROVED = "first_approved", _("一人已核对,待复核")
        APPROVED = "approved", _("已通过")
        REFUSED = "refused", _("未通过")

    class Refusal(models.TextChoices):
        NOT_PROVEN = "not_proven", _("材料不足以证明是本人")
        OTHER_PERSON = "other_person", _("与名册中的人不符")
        NOT_LISTED = "not_listed", _("不在任何名册中,可注册个人账号")
        HAS_ACCOUNT = "has_account", _("已有账号,可登录或找回密码")
        UNREACHABLE = "unreachable", _("无法联系到申请人")

    OPEN = [Status.PENDING, Status.FIRST_APPROVED]

    name = models.CharField(_("姓名"), max_length=100)
    document_number = EncryptedTextField(_("证件号码"))
    document_digest = models.CharField(_("证件号码摘要"), max_length=64, editable=False, db_index=True)
    phone = models.CharField(_("已验证的手机号码"), max_length=20)
    note = models.CharField(_("情况说明"), max_length=500, blank=True)
    files = models.ManyToManyField(
        "evidence.EvidenceFile", blank=True, related_name="identity_checks", verbose_name=_("证件照片")
    )
    status = models.CharField(_("状态"), max_length=20, choices=Status, default=Status.PENDING)
    refusal = models.CharField(_("不通过的原因"), max_length=20, choices=Refusal, blank=True)
    first_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("核对人")
    )
    first_at = models.DateTimeField(_("核对时间"), null=True, blank=True)
    final_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("决定人")
    )
    final_at = models.DateTimeField(_("决定时间"), null=True, blank=True)
    activation_code = models.OneToOneField(
        "accounts.ActivationCode",
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="identity_check",
        verbose_name=_("签发的激活码"),
    )
    created_at = models.DateTimeField(_("申请时间"), auto_now_add=True)

    objects = IdentityCheckQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("人工核对")
        ordering = ["created_at", "pk"]
        permissions = [("decide_identitycheck", _("核对身份"))]
        constraints = [
            models.UniqueConstraint(
                fields=["document_digest", "phone"],
                condition=Q(status__in=["pending", "first_approved"]),
                name="one_open_identity_check_per_number_and_phone",
            ),
            models.CheckConstraint(condition=~Q(first_by=F("final_by")), name="identity_check_by_two_people"),
            models.CheckConstraint(
                condition=~Q(status="first_approved") | Q(first_by__isnull=False, final_by__isnull=True),
                name="first_identity_check_names_its_person",
            ),
            models.CheckConstraint(
                condition=~Q(status="approved") | Q(first_by__isnull=False, final_by__isnull=False),
                name="identity_approval_takes_two_people",
            ),
            models.CheckConstraint(
                condition=(Q(status="refused") & ~Q(refusal="") & Q(final_by__isnull=False))
                | (~Q(status="refused") & Q(refusal="")),
                name="no_identity_refusal_without_reason",
            ),
        ]

    def __str__(self):
        return f"{self.name} {self.pk}"

    def set_document_number(self, number):
        self.document_number = number
        self.document_digest = document_digest(number)

    @property
    def masked_document(self):
        return mask(self.document_number)

    @property
    def masked_phone(self):
        return mask_phone(self.phone)

    @property
    def is_open(self):
        return self.status in self.OPEN

    @property
    def learner(self):
        """The proven person who holds the number, or None."""
        return Learner.objects.verified().filter(document_digest=self.document_digest).first()

    def move(self, after, **changes):
        """Change the state if it still is the one that was loaded; tell whether it was."""
        rows = type(self).objects.filter(pk=self.pk, status=self.status)
        moved = bool(rows.update(status=after, **changes))
        self.refresh_from_db()
        return moved
