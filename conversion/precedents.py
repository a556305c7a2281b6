"""How like cases were decided, and what became of the learner's other cases. Reads only."""

from dataclasses import dataclass

from django.db.models import Prefetch, Q
from django.utils.translation import gettext_lazy as _

from conversion.alerts import sources_of
from conversion.models import Application, ApplicationSource, CriteriaTest, ReviewRecord
from conversion.models.application import APPROVALS, REJECTIONS, Action, Kind, Status
from conversion.queue import visible_applications

DECIDED = [Status.APPROVED, Status.REJECTED, Status.REVOKED]
LAST_WORDS = [*APPROVALS, *REJECTIONS, Action.REVOKE]
SHOWN = 6
LIKENESS = {
    Kind.RECOGNITION: _("类型和名称相同的认定申请"),
    Kind.CONVERSION: _("来源和目标相同的申请"),
    Kind.PERFORMANCE: _("目标、业绩类型和档次相同的申请"),
}


@dataclass
class Precedents:
    """Decided cases like one at hand: how many went which way, and the newest of them with their last word."""

    likeness: str  # what makes them like it
    approved: int
    refused: int
    cases: list[Application]


def like(application):
    """The filter for source rows of cases like this: same target, and the same entries or the same performance."""
    sources = list(sources_of(application))
    if application.kind == Kind.RECOGNITION:
        return Q(kind=Kind.RECOGNITION, achievement__type=sources[0].type_id, achievement__name=sources[0].name)
    target = Q(kind=application.kind, application__rule_version__course=application.rule_version.course_id)
    if application.kind == Kind.PERFORMANCE:
        return target & _like_performance(application, sources[0])
    return target & Q(achievement__entry__in={source.entry_id for source in sources})


def _like_performance(application, source):
    """The same type, and the same words (级别, 奖项) wherever the table asks for words."""
    tests = CriteriaTest.objects.filter(row__version=application.rule_version_id).exclude(value="")
    keys = tests.values_list("field__key", flat=True).distinct()
    asked = {key: source.extra[key] for key in keys if key in source.extra}
    return Q(achievement__type=source.type_id, achievement__extra__contains=asked)


def precedents_of(application):
    """The decided cases of anybody with the same source and target as this case's."""
    rows = ApplicationSource.objects.filter(like(application), application_status__in=DECIDED)
    rows = rows.exclude(application=application.pk)
    statuses = dict(rows.values_list("application_id", "application_status"))
    approved = sum(status == Status.APPROVED for status in statuses.values())
    newest = Application.objects.filter(pk__in=statuses).order_by("-decided_at", "-pk")[:SHOWN]
    cases = list(newest.prefetch_related(_decisions()))
    return Precedents(LIKENESS[application.kind], approved, len(statuses) - approved, cases)


def _decisions():
    records = ReviewRecord.objects.filter(action__in=LAST_WORDS).select_related("reason").order_by("-number")
    return Prefetch("records", records, to_attr="decisions")


def other_cases(application, user):
    """The learner's other cases, newest first; `is_visible` says whether this reviewer may open one."""
    rows = Application.objects.filter(learner=application.learner_id).exclude(pk=application.pk)
    cases = list(rows.order_by("-submitted_at", "-pk")[:SHOWN])
    theirs = visible_applications(user).filter(pk__in=[case.pk for case in cases])
    visible = set(theirs.values_list("pk", flat=True))
    for case in cases:
        case.is_visible = case.pk in visible
    return cases
