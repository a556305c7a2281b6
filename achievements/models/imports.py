from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models.uploads import UploadedImport


class AchievementImport(UploadedImport):
    """An uploaded file of achievements."""

    FOLDER = "achievement-imports"
    TASK = "achievements.tasks.run_achievement_import"

    institution = models.ForeignKey(
        "accounts.Institution", models.PROTECT, related_name="achievement_imports", verbose_name=_("机构")
    )

    class Meta:
        verbose_name = verbose_name_plural = _("成果导入")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["institution"],
                condition=models.Q(status__in=["checking", "importing"]),
                name="one_running_achievement_import_per_institution",
                violation_error_message=_("本机构有一份成果文件正在处理,请等它完成后再上传。"),
            ),
        ]

    def get_absolute_url(self):
        return reverse("achievements:import", args=[self.pk])

    @property
    def report_url(self):
        return reverse("achievements:import_report", args=[self.pk])
