"""Working days against a slow oracle that walks day by day."""

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversion.business_days import Calendar, due_day
from conversion.models import CalendarDay
from conversion.services.calendar import load_calendar
from conversion.services.clock import working_calendar

DAYS = st.dates(date(2025, 12, 1), date(2027, 3, 1))
CALENDARS = st.dictionaries(DAYS, st.booleans(), max_size=60)


def is_worked(exceptions, day):
    return exceptions.get(day, day.weekday() < 5)


def walk(exceptions, start, count):
    """The `count`-th working day after `start`, found by walking."""
    day = start
    while count:
        day += timedelta(days=1)
        count -= is_worked(exceptions, day)
    return day


@given(CALENDARS, DAYS, st.integers(1, 60))
def test_nth_working_day_is_where_a_walk_ends(exceptions, start, count):
    assert Calendar.of(exceptions).after(start, count) == walk(exceptions, start, count)


@given(CALENDARS, DAYS, DAYS)
def test_days_between_are_those_a_walk_counts(exceptions, start, end):
    walked = (start + timedelta(days=number) for number in range(1, (end - start).days + 1))
    assert Calendar.of(exceptions).between(start, end) == sum(is_worked(exceptions, day) for day in walked)


@given(CALENDARS, DAYS, st.integers(1, 20), st.integers(0, 40), st.integers(0, 40))
def test_time_a_case_was_away_counts_for_nobody(exceptions, start, days, until_return, away):
    """Walk the days of a case that was returned once; only those at the reviewer's count."""
    calendar = Calendar.of(exceptions)
    returned, back = start + timedelta(until_return), start + timedelta(until_return + away)
    used = calendar.between(start, returned)
    due = due_day(calendar, since=back, days=days, used=used)
    if used > days:
        assert due < back
    else:
        assert due == walk(exceptions, back, max(days - used, 1))


@pytest.mark.django_db
def test_published_calendar_of_2026():
    assert load_calendar() == CalendarDay.objects.count()
    assert load_calendar() == 0
    calendar = working_calendar()
    assert calendar.after(date(2026, 2, 13), 1) == date(2026, 2, 14)  # a Saturday that is worked
    assert calendar.after(date(2026, 2, 14), 1) == date(2026, 2, 24)  # after nine days of 春节
    assert calendar.after(date(2026, 9, 30), 1) == date(2026, 10, 8)
    assert calendar.between(date(2025, 12, 31), date(2026, 12, 31)) == 248
