from django.db import models
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from accounts.models.uploads import UploadedImport


class CatalogueImport(UploadedImport):
    """An uploaded file of catalogue entries; without an institution it is the centre's."""

    FOLDER = "catalogue"
    TASK = "achievements.tasks.run_catalogue_import"

    institution = models.ForeignKey(
        "accounts.Institution",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="catalogue_imports",
        verbose_name=_("机构"),
    )

    class Meta:
        verbose_name = verbose_name_plural = _("名录成果导入")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["institution"],
                condition=models.Q(status__in=["checking", "importing"]),
                nulls_distinct=False,
                name="one_running_catalogue_import_per_institution",
                violation_error_message=_("有一份名录正在处理,请等它完成后再上传。"),
            ),
        ]

    def get_absolute_url(self):
        return self._url("")

    @property
    def report_url(self):
        return self._url("_report")

    def _url(self, page):
        place = "achievements:catalogue" if self.institution_id else "admin:achievements_catalogue"
        return reverse(f"{place}_import{page}", args=[self.pk])
