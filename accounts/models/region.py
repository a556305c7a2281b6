from django.db import models
from django.utils.translation import gettext_lazy as _


class Region(models.Model):
    """An administrative division of GB/T 2260. Codes change: a vanished one keeps its row with `valid_to`."""

    code = models.CharField(_("代码"), max_length=6, primary_key=True)
    name = models.CharField(_("名称"), max_length=60)
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, related_name="children", verbose_name=_("上级区划")
    )
    level = models.PositiveSmallIntegerField(_("层级"), help_text=_("1 省 2 市 3 县"))
    valid_from = models.DateField(_("启用日期"), null=True, blank=True)
    valid_to = models.DateField(_("停用日期"), null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("行政区划")
        ordering = ["code"]

    def __str__(self):
        return self.name

    @property
    def full_name(self):
        """Province, city and district in one line, such as 广东省广州市天河区; 北京市 stands there once."""
        above = self.parent.full_name if self.parent else ""
        return above if above == self.name else above + self.name
