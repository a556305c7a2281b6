"""Working days: pure functions over a calendar of exceptions. Days are `datetime.date`."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import date, timedelta

DAY = timedelta(days=1)
FRIDAY = 4


@dataclass(frozen=True)
class Calendar:
    """Monday to Friday, without the `holidays`, with the `worked` days of weekends (调休). Both sorted."""

    holidays: tuple[date, ...] = ()
    worked: tuple[date, ...] = ()

    @classmethod
    def of(cls, exceptions):
        """Make a calendar of {day: whether it is worked}; a line that says what the week says anyway is ignored."""
        days = sorted(exceptions)
        return cls(
            holidays=tuple(day for day in days if not exceptions[day] and _is_weekday(day)),
            worked=tuple(day for day in days if exceptions[day] and not _is_weekday(day)),
        )

    def between(self, start, end):
        """How many working days come after `start`, up to and with `end`; none when it ends before it starts."""
        if end <= start:
            return 0
        return (
            _weekdays_to(end)
            - _weekdays_to(start)
            - _count(self.holidays, start, end)
            + _count(self.worked, start, end)
        )

    def after(self, start, count):
        """The `count`-th working day after `start`, counting from 1."""
        end = start + timedelta(days=count)
        while (missing := count - self.between(start, end)) > 0:
            end += timedelta(days=missing)
        return end


def due_day(calendar, *, since, days, used=0):
    """The last day on which a decision is in time: `days` working days after the day the case came.

    `used` of them passed before the case was returned for material: that time isn't counted again, the time it was
    away isn't counted at all. Who returned it in time has one more day at least; who was late already stays late.
    """
    if used > days:
        return since - DAY
    return calendar.after(since, max(days - used, 1))


def _is_weekday(day):
    return day.weekday() <= FRIDAY


def _weekdays_to(day):
    """Mondays to Fridays from the first Monday of the calendar up to and with `day`."""
    weeks, rest = divmod(day.toordinal(), 7)  # ordinal 1 is a Monday
    return weeks * 5 + min(rest, 5)


def _count(days, start, end):
    """How many of the sorted `days` come after `start`, up to and with `end`."""
    return bisect_right(days, end) - bisect_right(days, start)
