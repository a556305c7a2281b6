from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models.uploads import UploadedImport


class RosterImport(UploadedImport):
    """An uploaded roster."""

    FOLDER = "rosters"
    TASK = "accounts.tasks.run_roster_import"

    institution = models.ForeignKey(
        "accounts.Institution", models.PROTECT, related_name="roster_imports", verbose_name=_("机构")
    )

    class Meta:
        verbose_name = verbose_name_plural = _("名册导入")
        ordering = ["-pk"]
        constraints = [
            # Two clerks uploading at once would only wait for each other.
            models.UniqueConstraint(
                fields=["institution"],
                condition=models.Q(status__in=["checking", "importing"]),
                name="one_running_roster_import_per_institution",
                violation_error_message=_("本机构有一份名册正在处理,请等它完成后再上传。"),
            ),
        ]

    def get_absolute_url(self):
        return reverse("accounts:roster_import", args=[self.pk])

    @property
    def report_url(self):
        return reverse("accounts:roster_report", args=[self.pk])
