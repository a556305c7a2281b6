"""The lines of 转换成果申请."""

from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext_lazy

from achievements.models import Achievement
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


@dataclass
class GridRow:
    """One line of 转换成果申请; a row can be chosen while a rule is open to it."""

    achievement: Achievement
    convertible: int
    used: int
    status: GridStatus

    @property
    def status_label(self):
        return GRID_LABELS[self.status]

    @property
    def can_be_chosen(self):
        return self.convertible > 0


def grid_rows(achievements):
    """The lines of one page of the grid, in one query beside the achievements'."""
    achievements = list(achievements)
    counts = grid_counts(achievements)
    return [GridRow(a, counts[a.pk].convertible, counts[a.pk].live, _grid_status(counts[a.pk])) for a in achievements]


def _grid_status(counts):
    if counts.approved:
        return GridStatus.CONVERTED
    return GridStatus.APPLIED if counts.live else GridStatus.OPEN
