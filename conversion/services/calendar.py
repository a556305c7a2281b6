"""Holidays and worked weekends (调休): what is published for a year, from a file into the table."""

import csv
from datetime import date
from pathlib import Path

from conversion.models import CalendarDay

DATA = Path(__file__).resolve().parents[1] / "data" / "calendar.csv"


def load_calendar(path=DATA):
    """Add the days of a file that are missing; what operators have changed stays. Return how many were added.

    Columns: 日期 (ISO), 是否上班 (1 for a worked day of a weekend, 0 for a holiday), 说明, 依据.
    """
    with Path(path).open(encoding="utf-8", newline="") as lines:
        days = [_day(row) for row in csv.DictReader(lines)]
    known = set(CalendarDay.objects.filter(day__in=[day.day for day in days]).values_list("day", flat=True))
    return len(CalendarDay.objects.bulk_create(day for day in days if day.day not in known))


def _day(row):
    return CalendarDay(
        day=date.fromisoformat(row["日期"]),
        is_workday=row["是否上班"] == "1",
        name=row["说明"],
        source=row["依据"],
    )
