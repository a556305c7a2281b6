from decimal import Decimal

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from achievements.models.types import plain


class CriteriaRow(models.Model):
    """A line of a performance rule's table (业绩标准): every test of it must hold, then it gives its credits."""

    version = models.ForeignKey(
        "conversion.RuleVersion", models.CASCADE, related_name="criteria", verbose_name=_("规则版本")
    )
    position = models.PositiveSmallIntegerField(_("次序"), default=1)
    credits = models.DecimalField(_("学分"), max_digits=5, decimal_places=1)

    class Meta:
        verbose_name = verbose_name_plural = _("业绩标准")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["version", "position"], name="criteria_position_once_per_version"),
            models.CheckConstraint(condition=Q(credits__gte=0), name="criteria_credits_not_negative"),
        ]

    def __str__(self):
        return "、".join(str(test) for test in self.tests.all()) or str(self.position)


class CriteriaTest(models.Model):
    """What one extra field of the achievement must say: a value, or a number within bounds."""

    row = models.ForeignKey(CriteriaRow, models.CASCADE, related_name="tests", verbose_name=_("业绩标准"))
    field = models.ForeignKey("achievements.TypeField", models.PROTECT, related_name="+", verbose_name=_("附加项"))
    value = models.CharField(_("等于"), max_length=60, blank=True)
    min_number = models.DecimalField(_("不小于"), max_digits=8, decimal_places=1, null=True, blank=True)
    max_number = models.DecimalField(_("不大于"), max_digits=8, decimal_places=1, null=True, blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("业绩条件")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["row", "field"], name="field_tested_once_per_row"),
            models.CheckConstraint(
                condition=~Q(value="") | Q(min_number__isnull=False) | Q(max_number__isnull=False),
                name="criteria_test_asks_for_something",
                violation_error_message=_("请填写要求;不作要求的请删除这一项。"),
            ),
            models.CheckConstraint(
                condition=Q(min_number__isnull=True) | Q(max_number__isnull=True) | Q(min_number__lte=F("max_number")),
                name="criteria_minimum_below_maximum",
                violation_error_message=_("“不小于”不能大于“不大于”。"),
            ),
        ]

    def __str__(self):
        return f"{self.field.label} {self.required}"

    @property
    def required(self):
        """What is asked for, in words: 省级, 2, 4–8, ≥2, ≤3."""
        return " ".join(filter(None, [self.value, self._bounds()]))

    def _bounds(self):
        low, high = (None if number is None else _plain(number) for number in (self.min_number, self.max_number))
        if low is None or high is None:
            return f"≥{low}" if low else f"≤{high}" if high else ""
        return low if low == high else f"{low}–{high}"


def _plain(number):
    """3 for 3.0, which is how the database gives it back."""
    return plain(Decimal(number))
