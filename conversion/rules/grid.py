"""The lines of 转换成果申请."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from django.db import connection
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.pages import WINDOW_SQL, offset_of, page_from
from conversion.slots import grid_counts


class GridStatus(StrEnum):
    """状态 of an achievement in 转换成果申请."""

    CONVERTED = "converted"
    APPLIED = "applied"
    OPEN = "open"


GRID_LABELS = {
    GridStatus.CONVERTED: gettext_lazy("已转换"),
    GridStatus.APPLIED: gettext_lazy("已申请"),
    GridStatus.OPEN: gettext_lazy("未申请"),
}


class Held(NamedTuple):
    """An achievement as the grid shows it and the counters need it."""

    pk: int
    line: int
    learner_id: int
    entry_id: int | None
    score: Decimal | None
    obtained_on: date
    name: str
    type: str
    body_name: str
    created_at: datetime


@dataclass
class GridRow:
    """One line of 转换成果申请; a row can be chosen while a rule is open to it."""

    achievement: Held
    convertible: int
    used: int
    status: GridStatus

    @property
    def status_label(self):
        return GRID_LABELS[self.status]

    @property
    def can_be_chosen(self):
        return self.convertible > 0

    @property
    def added(self):
        """(day, time) on which the achievement was added, here."""
        return f"{localtime(self.achievement.created_at):%Y-%m-%d %H:%M:%S}".split(" ")

    @property
    def detail_label(self):
        return _("查看详情:%s") % self.achievement.name

    @property
    def no_rule_label(self):
        return _("%s(没有可转换的规则)") % self.achievement.name


# Said in SQL: the ORM took longer to spell the page and its total than the database to find them.
HELD = f"""
WITH mine AS MATERIALIZED (
    SELECT a.id, coalesce(a.first_version_id, a.id) AS line, a.learner_id, a.entry_id, a.score, a.obtained_on, a.name,
        type.name AS type, a.body_name, a.created_at
    FROM achievements_achievement a JOIN achievements_achievementtype type ON type.id = a.type_id
    WHERE a.learner_id = %(learner)s AND a.replaced_by_id IS NULL
    AND (%(type)s::bigint IS NULL OR a.type_id = %(type)s)
    AND strpos(upper(a.name), upper(%(name)s)) > 0 AND strpos(upper(a.body_name), upper(%(body)s)) > 0
)
SELECT total, shown.* FROM (SELECT count(*)::int AS total FROM mine) AS counted LEFT JOIN LATERAL (
    SELECT * FROM mine ORDER BY created_at DESC, id DESC {WINDOW_SQL.replace("%s", "%(offset)s")}
) AS shown ON true ORDER BY shown.created_at DESC, shown.id DESC
"""  # noqa: S608 (no part of it is typed by anybody)


def grid_page(learner_id, page_number=1, *, name="", body="", type=None):
    """The nearest page of a learner's lines, the newest achievement first, in two queries.

    `name` and `body` are parts of the achievement's name and body, `type` the id of its type.
    """
    asked = {"learner": learner_id, "name": name, "body": body, "type": type, "offset": offset_of(page_number)}
    with connection.cursor() as cursor:
        cursor.execute(HELD, asked)
        lines = cursor.fetchall()
    held = [Held(*line[1:]) for line in lines if line[1] is not None]
    return page_from(grid_rows(held), lines[0][0], page_number)


def grid_rows(achievements):
    """The lines of achievements (models or `Held`), in one query."""
    achievements = list(achievements)
    counts = grid_counts(achievements)
    return [GridRow(a, counts[a.pk].convertible, counts[a.pk].live, _grid_status(counts[a.pk])) for a in achievements]


def _grid_status(counts):
    if counts.approved:
        return GridStatus.CONVERTED
    return GridStatus.APPLIED if counts.live else GridStatus.OPEN
