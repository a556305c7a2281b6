"""Due dates: what the columns of a case say when it starts to wait, is returned, comes back, is decided."""

from django.db import transaction
from django.utils import timezone

from conversion import stages
from conversion.business_days import Calendar, due_day
from conversion.models import Application, CalendarDay
from conversion.models.application import Action, Status


def working_calendar():
    """The calendar the centre keeps, as a value for `conversion.business_days`."""
    return Calendar.of(dict(CalendarDay.objects.values_list("day", "is_workday")))


def opening(kind):
    """Columns of a case that is submitted now."""
    count, table = stages.review_of(kind)
    stage = table[stages.step_in(Status.SUBMITTED, count)]
    return {"stage_count": count, "due_on": _due(working_calendar(), stage, timezone.now(), 0)}


def waiting(application, status):
    """Columns of a case that comes to a reviewer of the next step, with all his time before him."""
    step = stages.step_in(status, application.stage_count)
    now = timezone.now()
    due_on = _due(working_calendar(), stages.stage_of(application.kind, step), now, 0)
    return {"waiting_since": now, "due_on": due_on, "days_used": 0}


def returned(application):
    """Columns of a case that goes back to the learner: the clock stops."""
    used = working_calendar().between(timezone.localdate(application.waiting_since), timezone.localdate())
    return {"waiting_since": timezone.now(), "due_on": None, "days_used": application.days_used + used}


def resubmitted(application):
    """Columns of a case that comes back to the stage that returned it: its clock goes on."""
    now, step = timezone.now(), stages.step_in(application.after(Action.RESUBMIT), application.stage_count)
    stage = stages.stage_of(application.kind, step)
    return {"waiting_since": now, "due_on": _due(working_calendar(), stage, now, application.days_used)}


def closed():
    """Columns of a case that nobody has to decide any more."""
    return {"due_on": None, "decided_at": timezone.now()}


def _due(calendar, stage, since, used):
    return due_day(calendar, since=timezone.localdate(since), days=stage.due_days, used=used)


@transaction.atomic
def reckon_again():
    """Compute the due dates of all waiting cases anew, after a change of calendar or stages; return how many moved."""
    calendar, table, moved = working_calendar(), stages.stage_table(), 0
    waiting_cases = Application.objects.exclude(step="").select_for_update()
    for case in waiting_cases.only("kind", "step", "waiting_since", "due_on", "days_used").iterator():
        due_on = _due(calendar, table[case.kind, case.step], case.waiting_since, case.days_used)
        if due_on != case.due_on:
            moved += Application.objects.filter(pk=case.pk).update(due_on=due_on)
    return moved
