from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from conversion.models.application.reason import ReasonCode
from conversion.models.application.states import Action, Status


class ReviewRecord(models.Model):
    """One change of state of a case: numbered without gaps, hash-chained, append-only.

    Triggers keep it so, and let nobody decide two steps of a case or a case of his own.
    """

    application = models.ForeignKey(
        "conversion.Application", models.PROTECT, related_name="records", verbose_name=_("申请")
    )
    number = models.PositiveSmallIntegerField(_("序号"))
    action = models.CharField(_("操作"), max_length=20, choices=Action)
    from_status = models.CharField(_("原状态"), max_length=20, choices=Status, blank=True)
    to_status = models.CharField(_("新状态"), max_length=20, choices=Status)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("操作人"))
    unit = models.CharField(_("办理单位"), max_length=120, blank=True)
    reason = models.ForeignKey(
        ReasonCode, models.PROTECT, null=True, blank=True, related_name="+", verbose_name=_("原因")
    )
    opinion = models.TextField(_("意见"), max_length=1000, blank=True)
    # What the reviewer found out for each `ReviewCriterion`, as [{"label", "minimum", "unit", "found"}…].
    findings = models.JSONField(_("审核指标"), default=list, blank=True)
    # Of a submission: the digest of what the case froze (`services.records.frozen_digest`).
    frozen_digest = models.CharField(max_length=64, blank=True)
    at = models.DateTimeField(_("时间"))
    previous_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64)

    class Meta:
        verbose_name = verbose_name_plural = _("审核记录")
        ordering = ["application", "number"]
        # Appended in the order of time: a few pages find a day, for its root.
        indexes = [BrinIndex(fields=["at"], name="record_by_day", pages_per_range=32, autosummarize=True)]
        constraints = [
            models.UniqueConstraint(fields=["application", "number"], name="record_number_once_per_case"),
            models.UniqueConstraint(fields=["application"], condition=Q(action="appeal"), name="one_appeal_per_case"),
            models.CheckConstraint(
                condition=~Q(to_status__in=["rejected", "returned", "revoked"]) | Q(reason__isnull=False),
                name="no_refusal_record_without_reason",
            ),
            models.CheckConstraint(
                condition=~Q(action="submit") | ~Q(frozen_digest=""), name="submission_record_digests_what_was_frozen"
            ),
        ]

    def __str__(self):
        return f"{self.get_action_display()} {self.at:%Y-%m-%d}"
