"""How like cases were decided, and what became of the learner's other cases. Reads only."""

from dataclasses import dataclass

from django.db.models import Prefetch, Q

from conversion.alerts import sources_of
from conversion.models import Application, ApplicationSource, ReviewRecord
from conversion.models.application import APPROVALS, REJECTIONS, Action, Kind, Status

DECIDED = [Status.APPROVED, Status.REJECTED, Status.REVOKED]
LAST_WORDS = [*APPROVALS, *REJECTIONS, Action.REVOKE]
SHOWN = 6


@dataclass
class Precedents:
    """Decided cases like one at hand: how many went which way, and the newest of them with their last word."""

    approved: int
    refused: int
    cases: list[Application]


def like(application):
    """The filter for source rows of cases like this: same target and same entries, or the same kind of achievement."""
    sources = list(sources_of(application))
    if application.kind == Kind.RECOGNITION:
        return Q(kind=Kind.RECOGNITION, achievement__type=sources[0].type_id, achievement__name=sources[0].name)
    target = Q(kind=application.kind, application__rule_version__course=application.rule_version.course_id)
    entries = {source.entry_id for source in sources}
    return target & (Q(achievement__entry__in=entries) if application.kind == Kind.CONVERSION else Q())


def precedents_of(application):
    """The decided cases of anybody with the same source and target as this case's."""
    rows = ApplicationSource.objects.filter(like(application), application_status__in=DECIDED)
    rows = rows.exclude(application=application.pk)
    statuses = dict(rows.values_list("application_id", "application_status"))
    approved = sum(status == Status.APPROVED for status in statuses.values())
    newest = Application.objects.filter(pk__in=statuses).order_by("-decided_at", "-pk")[:SHOWN]
    return Precedents(approved, len(statuses) - approved, list(newest.prefetch_related(_decisions())))


def _decisions():
    records = ReviewRecord.objects.filter(action__in=LAST_WORDS).select_related("reason").order_by("-number")
    return Prefetch("records", records, to_attr="decisions")


def other_cases(application):
    """The learner's other cases, newest first."""
    rows = Application.objects.filter(learner=application.learner_id).exclude(pk=application.pk)
    return rows.order_by("-submitted_at", "-pk")[:SHOWN]
