"""How cases are reviewed: the configured stages, and what may be done in each. Reads only."""

from django.utils.translation import gettext as _

from conversion.models import ReviewStage
from conversion.models.application import APPROVALS, DECISIONS, WAITS_IN, Action, Kind, Status, Step

DUE_DAYS = {Step.FIRST: 10, Step.SECOND: 5, Step.FINAL: 5, Step.APPEAL: 15}
STEP_OF = {action: step for step, decisions in DECISIONS.items() for action in decisions}


def default_stage(kind, step):
    """The stage where nothing is configured: 初审 by the receiving institution, 终审 by the centre (product.md)."""
    of_institution = step == Step.FIRST and kind != Kind.RECOGNITION
    return ReviewStage(
        kind=kind,
        step=step,
        name=Step(step).label,
        owner=ReviewStage.Owner.INSTITUTION if of_institution else ReviewStage.Owner.CENTRE,
        permission=ReviewStage.Right[Step(step).name],
        due_days=DUE_DAYS[step],
        is_active=step != Step.SECOND,
    )


def stage_table():
    """Every stage as {(kind, step): ReviewStage}, in one query."""
    table = {(kind, step): default_stage(kind, step) for kind in Kind.values for step in Step.values}
    return table | {(stage.kind, stage.step): stage for stage in ReviewStage.objects.all()}


def stage_of(kind, step):
    return ReviewStage.objects.filter(kind=kind, step=step).first() or default_stage(kind, step)


def review_of(kind):
    """(how many stages a case submitted now passes, {step: ReviewStage}); the database insists on the same number."""
    rows = {stage.step: stage for stage in ReviewStage.objects.filter(kind=kind)}
    count = sum(stage.is_active for step, stage in rows.items() if step != Step.APPEAL) if rows else 2
    return count, {step: default_stage(kind, step) for step in Step.values} | rows


def step_in(status, count):
    """The step for which a case of `count` stages waits in a state, or ""."""
    if status == Status.APPEALED:
        return Step.APPEAL
    return next((step for step, state in WAITS_IN[count].items() if state == status), "")


def step_of(action, status, count):
    """The step that a reviewer's action belongs to; a return is one of the stage that the case waited for."""
    return step_in(status, count) or next(iter(WAITS_IN[count])) if action == Action.RETURN else STEP_OF[action]


def actions_of(application):
    """What a reviewer may decide in the state of a case, the approval first."""
    if not application.step:
        return []
    approval, refusal = DECISIONS[application.step]
    return [approval, *([Action.RETURN] if application.allows(Action.RETURN) else []), refusal]


def with_stages(applications):
    """Give each case of a page its `stage` (None where it waits for none), `status_shown`, `stages`: in one query."""
    table = stage_table()
    for application in applications:
        application.stages = table
        application.stage = table.get((application.kind, application.step))
        application.status_shown = status_words(application, table)
    return applications


def status_words(case, table=None):
    """The state of a case, or of a line of the queue, by the names its stages have now: 初审通过,待终审."""
    return _words(case.kind, case.status, case.stage_count, table)


def _words(kind, status, count, table=None):
    steps = list(WAITS_IN[count])
    step = step_in(status, count)
    if step not in steps:
        return str(Status(status).label)
    table, before = table or stage_table(), steps[: steps.index(step)]
    if not before:
        return _("待%s") % table[kind, step].name
    names = {"before": table[kind, before[-1]].name, "next": table[kind, step].name}
    return _("%(before)s通过,待%(next)s") % names


def action_words(action, kind, table=None):
    """What was done to a case, or can be, by the name its stage has now: 初审通过."""
    step = STEP_OF.get(action, Step.APPEAL)
    if step == Step.APPEAL:
        return str(Action(action).label)
    name = (table or stage_table())[kind, step].name
    return _("%s通过") % name if action in APPROVALS else _("%s不予通过") % name


def with_words(records, kind, table=None):
    """Give each record of a page its `words`, in one query at most."""
    table = table or stage_table()
    for record in records:
        record.words = action_words(record.action, kind, table)
    return records


def choices_of(application):
    """What a reviewer may decide now, as choices of a form."""
    table = stage_table()
    return [(action.value, action_words(action, application.kind, table)) for action in actions_of(application)]


def status_choices(table):
    """Every state for a filter, in the words of the configured reviews; 「待初审 / 待终审」 where kinds differ."""
    counts = {kind: sum(table[kind, step].is_active for step in WAITS_IN[3]) for kind in Kind.values}
    return [(status.value, _words_of_all(status, counts, table)) for status in Status]


def _words_of_all(status, counts, table):
    found = {_words(kind, status, count, table) for kind, count in counts.items() if step_in(status, count)}
    return " / ".join(sorted(found)) or str(status.label)
