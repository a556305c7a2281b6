"""Performance criteria: what a recognised 业绩类 achievement is worth under an institution's table. Reads only."""

from dataclasses import replace
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext as _

from conversion.models import RuleVersion
from conversion.models.application import Kind
from conversion.rules import (
    Assessment,
    Condition,
    Verdict,
    event_of,
    frozen_achievements,
    frozen_event,
    of_same_event,
    situation_of,
    situation_of_case,
)
from conversion.rules.caps import cap_conditions
from conversion.rules.conditions import window_conditions
from conversion.rules.lists import refuse_unless_in_force
from conversion.rules.uses import learner_conditions, own_condition


def performance_versions(achievement, on=None):
    """Criteria tables in force for the type of an achievement."""
    versions = RuleVersion.objects.in_force(on).filter(
        rule__kind=Kind.PERFORMANCE, achievement_type=achievement.type_id
    )
    return versions.with_target().prefetch_related("criteria__tests__field", "exclusivity_groups")


def _number(text):
    try:
        return Decimal(text)
    except InvalidOperation:
        return None


def test_condition(test, extra):
    """One test of a row for an achievement's extra fields, as a `Condition`."""
    actual = str(extra.get(test.field.key, ""))
    number = _number(actual)
    met = not test.value or actual == test.value
    if test.min_number is not None:
        met = met and number is not None and number >= test.min_number
    if test.max_number is not None:
        met = met and number is not None and number <= test.max_number
    remedy = "" if met else _("%(label)s: %(required)s") % {"label": test.field.label, "required": test.required}
    return Condition("criteria", test.field.label, test.required, actual or _("未填写"), met, remedy)


def row_conditions(row, achievement):
    return [test_condition(test, achievement.extra) for test in row.tests.all()]


def best_row(version, achievement):
    """The row with the most credits whose every test holds, or None (highest of an achievement counts)."""
    held = [row for row in version.criteria.all() if all(c.met for c in row_conditions(row, achievement))]
    return max(held, key=lambda row: row.credits, default=None)


def assess_performance(version, achievement, situation=None):
    """Explain a criteria table for one achievement; a match carries the `row` that counts and its `credits`.

    Uses and caps are those of every rule (`conversion.rules`).
    """
    situation = situation or performance_situation([version], achievement)
    row = best_row(version, achievement)
    groups = list(version.exclusivity_groups.all())
    own = own_condition(version, groups, achievement, situation)
    uses = learner_conditions(version, groups, situation) + ([own] if own else [])
    caps = cap_conditions(version, row.credits, situation) if row else []
    conditions = [_recognised_condition(achievement.entry_id is not None), *_window(version, achievement)]
    conditions += _row_summary(version, row, achievement)
    conditions += _event_condition(version, row, situation)
    verdict = _verdict(all(condition.met for condition in conditions), uses, caps)
    conditions = [*conditions, *uses, *caps]
    return Assessment(version, verdict, conditions, [achievement], row, row.credits if row else None)


def assess_performance_submission(version, achievement):
    """Assess a table as the form must: one that is in force and for this type, as the page offers it."""
    assessment = assess_performance(version, achievement)
    if achievement.type_id != version.achievement_type_id:
        assessment.verdict = Verdict.MISSING
        assessment.conditions.insert(0, _other_type(version, achievement))
    return refuse_unless_in_force(assessment)


def performance_situation(versions, achievement):
    """A learner's situation with the event that the achievement is of, and his others of that event."""
    learner, event = achievement.learner_id, event_of(achievement)
    situation = situation_of(learner, achievements=[achievement], versions=versions, kind=Kind.PERFORMANCE)
    others = of_same_event(achievement, event) if event else []
    return replace(situation, event=event, same_event=tuple(others))


def _verdict(is_met, uses, caps):
    if not all(condition.met for condition in uses):
        return Verdict.USED
    if not is_met:
        return Verdict.MISSING
    return Verdict.MATCH if all(condition.met for condition in caps) else Verdict.CAPPED


def assess_frozen_performance(application):
    """What a criteria table says about a case from its frozen data."""
    achievements = frozen_achievements(application)
    situation = replace(situation_of_case(application, achievements), event=frozen_event(application))
    return assess_performance(application.rule_version, achievements[0], situation)


def _recognised_condition(recognised):
    actual = _("已认定") if recognised else _("尚未认定")
    return Condition(
        "recognition", _("认定"), _("已认定"), actual, recognised, "" if recognised else _("请先申请认定")
    )


def _other_type(version, achievement):
    required, actual = str(version.achievement_type or ""), str(achievement.type)
    return Condition("type", _("成果类型"), required, actual, False, _("这张业绩标准不适用于这类成果"))


def _window(version, achievement):
    """When the achievement has to be obtained, where that selects the version."""
    if version.version_selected_by != version.SelectedBy.OBTAINED:
        return []
    return window_conditions(version.valid_from, version.valid_to, achievement.obtained_on)


def _row_summary(version, row, achievement):
    """The tests of the row that counts; where none holds, the whole table as one condition."""
    if row:
        return row_conditions(row, achievement)
    required = _("符合表中的一档(共%d档)") % len(version.criteria.all())
    return [
        Condition("criteria", _("业绩标准"), required, _("未达到任何一档"), False, _("没有达到业绩标准的任何一档"))
    ]


def _event_condition(version, row, situation):
    """Highest of one event: no other achievement of it that the learner holds is worth more in this table."""
    if not (row and situation.event):
        return []
    others = [other for other in situation.same_event if all(c.met for c in _window(version, other))]
    rows = [(best_row(version, other), other) for other in others]
    higher = [(found.credits, other) for found, other in rows if found and found.credits > row.credits]
    required = _("“%s”中学分最高的成果") % situation.event.name
    if not higher:
        return [Condition("event", _("同一赛事"), required, _("本项"), True)]
    credits, other = max(higher, key=lambda pair: pair[0])
    names = {"name": other.name, "credits": credits}
    remedy = _("同一赛事只计最高的一项:您的“%(name)s”可得 %(credits)s 学分,请用它申请") % names
    return [Condition("event", _("同一赛事"), required, other.name, False, remedy)]


def performance_options(achievement):
    """What the page of an achievement offers: every criteria table for its type, explained."""
    versions = list(performance_versions(achievement))
    situation = performance_situation(versions, achievement)
    return [assess_performance(version, achievement, situation) for version in versions]
