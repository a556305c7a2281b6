"""我的信息: the grid and the counters, from one definition of 成果状态 (product.md: 二、成果)."""

from django.db.models import Count
from django.utils.translation import gettext_lazy as _

from achievements.models import Achievement
from conversion.statuses import STATUS_LABELS, AchievementStatus, with_status

COUNTERS = [  # (label, statuses): the last four add up to the first
    (_("成果总数"), tuple(STATUS_LABELS)),
    (_("未申请成果"), (AchievementStatus.UNLISTED,)),
    (_("已申请成果"), (AchievementStatus.UNDER_RECOGNITION,)),
    (_("已认定成果"), (AchievementStatus.LISTED, AchievementStatus.RECOGNISED)),
    (_("认定未通过成果"), (AchievementStatus.REFUSED,)),
]


def achievement_rows(achievements):
    return with_status(achievements.select_related("type")).order_by("-obtained_on", "-pk")


def achievement_counters(learner):
    """The five counters as [(label, number)…], in one query."""
    rows = with_status(Achievement.objects.filter(learner=learner)).order_by()
    numbers = dict(rows.values_list("status").annotate(Count("pk")))
    return [(label, sum(numbers.get(status, 0) for status in statuses)) for label, statuses in COUNTERS]
