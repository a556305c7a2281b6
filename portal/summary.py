"""我的信息: the status of each achievement and the counters, from one definition (product.md: 二、成果)."""

from django.db.models import Case, CharField, Count, Exists, OuterRef, Q, Value, When
from django.utils.translation import gettext_lazy as _

from achievements.models import Achievement
from conversion.models import ApplicationSource
from conversion.models.application import Kind, Status


class AchievementStatus:
    """成果状态 as the grid shows it."""

    LISTED, RECOGNISED, UNDER_RECOGNITION, REFUSED, UNLISTED = "listed", "recognised", "under", "refused", "unlisted"


STATUS_LABELS = {
    AchievementStatus.LISTED: _("名录成果"),
    AchievementStatus.RECOGNISED: _("已认定"),
    AchievementStatus.UNDER_RECOGNITION: _("认定中"),
    AchievementStatus.REFUSED: _("认定未通过"),
    AchievementStatus.UNLISTED: _("非名录成果"),
}
COUNTERS = [  # (label, statuses): the last four add up to the first
    (_("成果总数"), tuple(STATUS_LABELS)),
    (_("未申请成果"), (AchievementStatus.UNLISTED,)),
    (_("已申请成果"), (AchievementStatus.UNDER_RECOGNITION,)),
    (_("已认定成果"), (AchievementStatus.LISTED, AchievementStatus.RECOGNISED)),
    (_("认定未通过成果"), (AchievementStatus.REFUSED,)),
]


def with_status(achievements):
    """Annotate `status`: what the latest recognition of an achievement says, or its place in the catalogue."""
    recognitions = ApplicationSource.objects.filter(achievement=OuterRef("pk"), kind=Kind.RECOGNITION)

    def has(*statuses):
        return Exists(recognitions.filter(application_status__in=statuses))

    return achievements.annotate(
        status=Case(
            When(has(Status.APPROVED), then=Value(AchievementStatus.RECOGNISED)),
            When(entry__isnull=False, then=Value(AchievementStatus.LISTED)),
            When(
                has(Status.SUBMITTED, Status.RETURNED, Status.FIRST_APPROVED),
                then=Value(AchievementStatus.UNDER_RECOGNITION),
            ),
            When(has(Status.REJECTED), then=Value(AchievementStatus.REFUSED)),
            default=Value(AchievementStatus.UNLISTED),
            output_field=CharField(),
        )
    )


def achievement_rows(achievements):
    return with_status(achievements.select_related("type")).order_by("-obtained_on", "-pk")


def achievement_counters(learner):
    """The five counters as [(label, number)…], in one query."""
    rows = with_status(Achievement.objects.filter(learner=learner))
    totals = rows.aggregate(
        **{f"n{i}": Count("pk", Q(status__in=kinds)) for i, (_label, kinds) in enumerate(COUNTERS)}
    )
    return [(label, totals[f"n{i}"]) for i, (label, _kinds) in enumerate(COUNTERS)]
