from django.conf import settings
from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils.translation import gettext_lazy as _


class EvidenceFile(models.Model):
    """A file that proves something: stored once under its hash, private, shown to others only when it passed."""

    class State(models.TextChoices):
        CHECKING = "checking", _("检查中")
        PASSED = "passed", _("可用")
        REFUSED = "refused", _("已拒绝")

    name = models.CharField(_("文件名"), max_length=200)
    kind = models.CharField(_("格式"), max_length=4)
    size = models.PositiveIntegerField(_("大小(字节)"))
    sha256 = models.CharField(_("摘要"), max_length=64, db_index=True)
    state = models.CharField(_("状态"), max_length=10, choices=State, default=State.CHECKING)
    refusal = models.CharField(_("拒绝原因"), max_length=300, blank=True)
    clean_sha256 = models.CharField(_("检查后文件摘要"), max_length=64, blank=True)
    width = models.PositiveIntegerField(_("宽"), null=True, blank=True)
    height = models.PositiveIntegerField(_("高"), null=True, blank=True)
    pages = models.PositiveIntegerField(_("页数"), null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(_("检查次数"), default=0)
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="uploads",
        verbose_name=_("上传人"),
        help_text=_("人工核对的申请人还没有账号"),
    )
    uploaded_at = models.DateTimeField(_("上传时间"), auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = _("证明材料")
        ordering = ["pk"]
        indexes = [
            models.Index(fields=["uploaded_at"], condition=Q(state="checking"), name="evidence_waiting"),
            models.Index(fields=["clean_sha256"], name="evidence_clean_copy"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="refused") | ~Q(refusal=""), name="refused_file_tells_its_reason"
            ),
            models.CheckConstraint(
                condition=~Q(state="passed") | ~Q(clean_sha256=""), name="passed_file_has_its_copy"
            ),
        ]

    def __str__(self):
        return self.name

    def get_absolute_url(self):
        return reverse("achievements:evidence", args=[self.pk])

    @property
    def is_passed(self):
        return self.state == self.State.PASSED

    @property
    def is_picture(self):
        return self.kind != "pdf"

    @property
    def page_numbers(self):
        """The pages of a PDF, which are shown one by one as pictures."""
        return range(1, (self.pages or 0) + 1)
