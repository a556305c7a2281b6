"""我的信息: the grid and the counters, from one definition of 成果状态 (product.md: 二、成果)."""

import json
from datetime import date
from typing import NamedTuple

from django.db import connection
from django.utils.translation import gettext_lazy as _

from accounts.pages import WINDOW_SQL, offset_of, page_from
from accounts.row_urls import row_url
from achievements.models import Achievement
from conversion.statuses import STATUS_LABELS, AchievementStatus, LatestWord

COUNTERS = [  # (label, statuses): the last four add up to the first
    (_("成果总数"), tuple(STATUS_LABELS)),
    (_("未申请成果"), (AchievementStatus.UNLISTED,)),
    (_("已申请成果"), (AchievementStatus.UNDER_RECOGNITION,)),
    (_("已认定成果"), (AchievementStatus.LISTED, AchievementStatus.RECOGNISED)),
    (_("认定未通过成果"), (AchievementStatus.REFUSED,)),
]
ORIGINS = dict(Achievement.Origin.choices)
STATUS, STATUS_PARAMETERS = LatestWord.spelt("achievement.id", "achievement.entry_id")
# One statement for counters and page: three of the ORM took longer to spell than all of it takes to answer.
SUMMARY = f"""
WITH mine AS MATERIALIZED (
    SELECT achievement.id, achievement.obtained_on, {STATUS} AS status
    FROM achievements_achievement achievement
    WHERE achievement.learner_id = %s AND achievement.replaced_by_id IS NULL
), counted AS (
    SELECT coalesce(jsonb_object_agg(status, number), '{{}}') AS numbers, coalesce(sum(number), 0)::int AS total
    FROM (SELECT status, count(*) AS number FROM mine GROUP BY status) AS by_status
)
SELECT numbers, shown.* FROM counted LEFT JOIN LATERAL (
    SELECT mine.id, achievement.name, type.name AS type, mine.status, achievement.body_name, achievement.origin,
        mine.obtained_on
    FROM (
        SELECT * FROM mine ORDER BY obtained_on DESC, id DESC {WINDOW_SQL}
    ) AS mine
    JOIN achievements_achievement achievement ON achievement.id = mine.id
    JOIN achievements_achievementtype type ON type.id = achievement.type_id
) AS shown ON true ORDER BY shown.obtained_on DESC, shown.id DESC
"""  # noqa: S608 (no part of it is typed by anybody)


class AchievementRow(NamedTuple):
    """A line of 我的成果."""

    pk: int
    name: str
    type: str
    status: str
    body_name: str
    origin: str
    obtained_on: date

    @property
    def origin_label(self):
        return ORIGINS[self.origin]

    @property
    def url(self):
        return row_url("achievements:detail", self.pk)


def my_achievements(learner_id, page_number=1):
    """The five counters as [(label, number)…] and the nearest page of 我的成果, in one query."""
    with connection.cursor() as cursor:
        cursor.execute(SUMMARY, [*STATUS_PARAMETERS, learner_id, offset_of(page_number)])
        lines = cursor.fetchall()
    numbers = json.loads(lines[0][0])
    counters = [(label, sum(numbers.get(status, 0) for status in statuses)) for label, statuses in COUNTERS]
    rows = [AchievementRow(*line[1:]) for line in lines if line[1] is not None]
    return counters, page_from(rows, counters[0][1], page_number)
