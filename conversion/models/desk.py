from datetime import timedelta

from django.conf import settings
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class ReviewClaimQuerySet(models.QuerySet):
    def live(self):
        """Claims that haven't ended by themselves, by the database's clock."""
        return self.filter(at__gt=Now() - timedelta(hours=settings.REVIEW_CLAIM_HOURS))


class ReviewClaim(models.Model):
    """领取: who is working on a case. It ends with a decision, when it is given back, or by itself."""

    application = models.OneToOneField(
        "conversion.Application", models.CASCADE, primary_key=True, related_name="claim", verbose_name=_("申请")
    )
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="review_claims", verbose_name=_("领取人")
    )
    at = models.DateTimeField(_("领取时间"))

    objects = ReviewClaimQuerySet.as_manager()

    class Meta:
        verbose_name = verbose_name_plural = _("审核领取")

    def __str__(self):
        return str(self.by)


class ReviewCriterion(models.Model):
    """A number that the first reviewer of a rule's cases has to find out, and the least it must be.

    Such as the hours of the source in per cent of the target's (≥ 75 %), or the relevance of the content (≥ 80 %):
    what no register holds (domain.md §2).
    """

    version = models.ForeignKey(
        "conversion.RuleVersion", models.CASCADE, related_name="review_criteria", verbose_name=_("规则版本")
    )
    position = models.PositiveSmallIntegerField(_("次序"), default=1)
    label = models.CharField(_("审核指标"), max_length=60, help_text=_("如 内容相关度、学时占目标课程学时的比例"))
    minimum = models.DecimalField(_("不低于"), max_digits=7, decimal_places=1)
    unit = models.CharField(_("单位"), max_length=10, default="%", blank=True)

    class Meta:
        verbose_name = verbose_name_plural = _("审核指标")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["version", "position"], name="criterion_position_once_per_version"),
            models.UniqueConstraint(fields=["version", "label"], name="criterion_label_once_per_version"),
        ]

    def __str__(self):
        return f"{self.label} ≥{self.minimum:g}{self.unit}"
