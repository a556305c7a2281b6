from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils.translation import gettext_lazy as _

from accounts.code_tables import COUNTRIES, ETHNIC_GROUPS, Sex
from accounts.documents import DocumentKind, mask
from vault.digests import keyed_digest
from vault.fields import EncryptedTextField


class LearnerQuerySet(models.QuerySet):
    def verified(self):
        return self.filter(verified_at__isnull=False)

    def with_document(self, number):
        """Learners holding a (normalised) document number, whatever its kind."""
        return self.filter(document_digest=document_digest(number))

    def to_merge(self):
        """待合并: unproven people whose number a proven person holds, and about whom nobody has decided yet."""
        twins = Learner.objects.verified().filter(document_digest=OuterRef("document_digest"))
        undecided = self.filter(verified_at=None, merged_into=None, merges=None)
        return undecided.filter(Exists(twins))


def document_digest(number):
    """The look-up key of a normalised document number (promises: Identity)."""
    return keyed_digest("document", number)


class Learner(models.Model):
    """The person: owns achievements for life, with or without a sign-in account."""

    name = models.CharField(_("姓名"), max_length=100)
    document_kind = models.CharField(_("证件类型"), max_length=30, choices=DocumentKind)
    document_number = EncryptedTextField(_("证件号码"))
    document_digest = models.CharField(_("证件号码摘要"), max_length=64, editable=False, db_index=True)
    sex = models.CharField(_("性别"), max_length=1, choices=Sex, default=Sex.UNKNOWN)
    birth_on = models.DateField(_("出生日期"), null=True, blank=True)
    ethnicity = models.CharField(_("民族"), max_length=2, choices=ETHNIC_GROUPS, blank=True)
    nationality = models.CharField(_("国籍"), max_length=2, choices=COUNTRIES, blank=True)
    region = models.ForeignKey(
        "accounts.Region", models.PROTECT, null=True, blank=True, verbose_name=_("联系地址所在地区")
    )
    address = models.CharField(_("详细地址"), max_length=200, blank=True)
    verified_at = models.DateTimeField(_("实名核验时间"), null=True, blank=True)
    merged_into = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        editable=False,
        related_name="merged_from",
        verbose_name=_("已合并到"),
        help_text=_("合并后的空记录只留作凭据"),
    )
    created_at = models.DateTimeField(_("建档时间"), auto_now_add=True)

    objects = LearnerQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("学习者")
        permissions = [("merge_learner", _("合并学习者"))]
        constraints = [
            models.CheckConstraint(
                condition=Q(merged_into__isnull=True) | Q(verified_at__isnull=True),
                name="merged_learner_is_never_verified",
            ),
            # A squatter's unverified record can't lock the owner of a number out (promises: Identity).
            models.UniqueConstraint(
                fields=["document_digest"],
                condition=Q(verified_at__isnull=False),
                name="one_verified_learner_per_document",
            ),
        ]

    def __str__(self):
        return self.name

    def set_document(self, document):
        """Take over a parsed `accounts.documents.Document`."""
        self.document_kind = document.kind
        self.document_number = document.number
        self.document_digest = document_digest(document.number)

    @property
    def masked_document(self):
        return mask(self.document_number)

    @property
    def account(self):
        """The sign-in account, or None."""
        return getattr(self, "user", None)

    @property
    def verified_twin(self):
        """The proven person who holds the same number, or None."""
        return Learner.objects.verified().filter(document_digest=self.document_digest).exclude(pk=self.pk).first()


class Enrolment(models.Model):
    """A roster row: one person may stand on the rosters of several institutions."""

    learner = models.ForeignKey(Learner, models.PROTECT, related_name="enrolments", verbose_name=_("学习者"))
    institution = models.ForeignKey(
        "accounts.Institution", models.PROTECT, related_name="enrolments", verbose_name=_("机构")
    )
    student_number = models.CharField(_("学号"), max_length=40, blank=True)
    phone = models.CharField(_("名册手机号码"), max_length=20, blank=True)
    email = models.EmailField(_("名册电子邮箱"), blank=True)
    cohort = models.CharField(_("年级"), max_length=10, blank=True)
    education_level = models.CharField(_("层次"), max_length=40, blank=True)
    study_form = models.CharField(_("学习形式"), max_length=40, blank=True)
    programme_code = models.CharField(_("专业代码"), max_length=20, blank=True)
    programme_name = models.CharField(_("专业名称"), max_length=100, blank=True)
    status = models.CharField(_("学籍状态"), max_length=40, blank=True)
    created_at = models.DateTimeField(_("导入时间"), auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = _("学籍")
        constraints = [
            models.UniqueConstraint(
                fields=["institution", "learner", "student_number"], name="one_enrolment_per_student_number"
            ),
        ]

    def __str__(self):
        return f"{self.learner} · {self.institution}"
