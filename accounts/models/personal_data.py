from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class PersonalDataAccess(models.Model):
    """One look of staff at personal data that is shown masked. Append-only (a trigger keeps it so)."""

    class Purpose(models.TextChoices):
        REVIEW = "review", _("审核申请,核对证明材料")
        IDENTITY = "identity", _("核对身份")
        ROSTER = "roster", _("核对名册")
        ENQUIRY = "enquiry", _("答复本人咨询")
        OTHER = "other", _("其他")

    class What(models.TextChoices):
        DOCUMENT_NUMBER = "document_number", _("完整证件号码")

    learner = models.ForeignKey(
        "accounts.Learner", models.PROTECT, related_name="data_accesses", verbose_name=_("学习者")
    )
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("查看人"))
    unit = models.CharField(_("查看单位"), max_length=120)
    what = models.CharField(_("查看内容"), max_length=20, choices=What, default=What.DOCUMENT_NUMBER)
    purpose = models.CharField(_("查看目的"), max_length=10, choices=Purpose)
    note = models.CharField(_("说明"), max_length=100, blank=True)
    address = models.GenericIPAddressField(_("网络地址"), null=True, blank=True)
    at = models.DateTimeField(_("查看时间"), auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = _("个人信息查看记录")
        ordering = ["-at", "-pk"]
        permissions = [("unmask_document", _("查看完整证件号码"))]
        indexes = [models.Index(fields=["learner", "-at"], name="data_access_by_learner")]
        constraints = [
            models.CheckConstraint(
                condition=~Q(purpose="other") | ~Q(note=""),
                name="other_purpose_says_which",
                violation_error_message=_("选择“其他”时请写明查看目的。"),
            ),
        ]

    def __str__(self):
        return f"{self.unit} {self.at:%Y-%m-%d}"
