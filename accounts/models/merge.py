from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _


class LearnerMerge(models.Model):
    """What was decided about two records with one document number. Append-only (a trigger keeps it so)."""

    class Outcome(models.TextChoices):
        MERGED = "merged", _("已合并")
        KEPT_APART = "kept_apart", _("不是同一人,不合并")

    unverified = models.ForeignKey(
        "accounts.Learner", models.PROTECT, related_name="merges", verbose_name=_("未核验的学习者")
    )
    verified = models.ForeignKey(
        "accounts.Learner", models.PROTECT, related_name="merges_into", verbose_name=_("已核验的学习者")
    )
    outcome = models.CharField(_("结论"), max_length=10, choices=Outcome)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("操作人"))
    note = models.CharField(_("依据"), max_length=200, blank=True)
    at = models.DateTimeField(_("时间"), auto_now_add=True)

    class Meta:
        verbose_name = verbose_name_plural = _("合并记录")
        ordering = ["-at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["unverified"], condition=Q(outcome="merged"), name="learner_is_merged_once"
            ),
            models.CheckConstraint(condition=~Q(unverified=F("verified")), name="merge_has_two_sides"),
        ]

    def __str__(self):
        return f"{self.unverified_id} → {self.verified_id}"
