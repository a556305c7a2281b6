import uuid
from datetime import timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

MOST_DRAFTS = 20
ENDS_SOON = timedelta(days=7)


class DraftQuerySet(models.QuerySet):
    def expired(self):
        """Drafts that nobody has saved for `ACHIEVEMENT_DRAFT_DAYS`."""
        return self.filter(updated_at__lt=timezone.now() - timedelta(days=settings.ACHIEVEMENT_DRAFT_DAYS))


class AchievementDraft(models.Model):
    """A half-filled 成果添加 form and the files uploaded for it; `achievement` is the one it edits or corrects.

    A form has its token from its first page on; what comes first makes the row: a file, 「搜索」 or 「保存草稿」.
    """

    token = models.UUIDField(_("表单标识"), unique=True, default=uuid.uuid4, editable=False)
    learner = models.ForeignKey("accounts.Learner", models.CASCADE, related_name="drafts", verbose_name=_("学习者"))
    type = models.ForeignKey("achievements.AchievementType", models.CASCADE, verbose_name=_("成果类型"))
    achievement = models.ForeignKey(
        "achievements.Achievement",
        models.CASCADE,
        null=True,
        blank=True,
        related_name="drafts",
        verbose_name=_("所修改的成果"),
    )
    data = models.JSONField(_("已填写的内容"), default=dict)
    files = models.ManyToManyField("evidence.EvidenceFile", related_name="drafts", verbose_name=_("相关材料"))
    created_at = models.DateTimeField(_("开始填写时间"), auto_now_add=True)
    updated_at = models.DateTimeField(_("最近保存时间"), auto_now=True)

    objects = DraftQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("成果草稿")
        ordering = ["-updated_at", "-pk"]

    def __str__(self):
        return self.data.get("name") or str(self.type)

    @property
    def kept_until(self):
        """When it goes with its files, unless it is saved again before."""
        return self.updated_at + timedelta(days=settings.ACHIEVEMENT_DRAFT_DAYS)

    @property
    def ends_soon(self):
        return self.kept_until - timezone.now() < ENDS_SOON
