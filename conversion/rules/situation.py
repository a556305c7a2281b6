"""Everything beside a rule and the achievements that a verdict depends on, as data."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal
from typing import NamedTuple

from django.db.models import Q
from django.utils import timezone

from achievements.models import Achievement
from conversion.models import Application, ApplicationSource, ConversionCap, ExclusiveUse, ExclusivityGroup
from conversion.models.application import DEAD, Kind, Status
from conversion.rules.events import Event, event_key, event_of


class Award(NamedTuple):
    """Credits that a live or approved conversion takes of a programme; caps add them up."""

    programme: int
    category: int | None
    nature: str
    credits: Decimal


@dataclass(frozen=True)
class Situation:
    """A day, what the learner holds and what is taken. An empty one is that of a visitor who asks what if.

    `held`: achievements that count for 「等级」 (the highest of a family wins), those asked about included.
    `pairs`: (line of an achievement, rule id) in use; `keys`: the `ExclusiveUse` keys in use.
    `event`: which event a performance asked about is of; `same_event`: the learner's other recognised ones of it.
    """

    on: dt.date
    held: tuple = ()
    pairs: frozenset = frozenset()
    keys: frozenset = frozenset()
    awards: tuple = ()
    caps: tuple = ()
    event: Event | None = None
    same_event: tuple = ()


def rule_key(version):
    return f"rule:{version.rule_id}"


def course_key(version):
    return f"course:{version.course_id}"


def family_key(version, achievement):
    """The key of an achievement's content for the version's course; None for one that is in no family."""
    family = achievement.entry.family_id if achievement.entry_id else None
    return f"family:{family}:course:{version.course_id}" if family else None


def group_key(group, achievement=None):
    """The key of an exclusivity group: the learner's, or the achievement's where the group says so."""
    if group.scope == ExclusivityGroup.Scope.LEARNER:
        return f"group:{group.pk}"
    return f"group:{group.pk}:achievement:{achievement.line}"


def exclusive_keys(version, achievements):
    """The keys that an application of these achievements under the version occupies, sorted."""
    keys = {rule_key(version)} if version.use_policy == version.UsePolicy.ONCE else set()
    if version.fills_course_once:
        keys.add(course_key(version))
    groups = version.exclusivity_groups.all()
    keys |= {group_key(group, achievement) for group in groups for achievement in achievements}
    keys |= {family_key(version, achievement) for achievement in achievements}
    if version.rule.kind == Kind.PERFORMANCE:
        keys |= {event_key(version, event_of(achievement)) for achievement in achievements}
    return sorted(keys - {None})


def used_pairs(achievements, kind=Kind.CONVERSION):
    """(line of an achievement, rule id) pairs that live applications reserve: a correction is no new achievement."""
    return _pairs([achievement.line for achievement in achievements], kind)


def _pairs(lines, kind, without=None):
    live = ApplicationSource.objects.filter(line__in=[line for line in lines if line], kind=kind)
    live = live.exclude(application_status__in=DEAD).exclude(application=without)
    return frozenset(live.values_list("line", "rule_id"))


def situation_of(learner, *, achievements, versions, on=None, kind=Kind.CONVERSION):
    """The situation of a learner (an id; None for a visitor) who asks about achievements and versions today.

    Five queries at most, however many versions.
    """
    on = on or timezone.localdate()
    caps = caps_of(versions, on)
    if learner is None:
        return Situation(on, held=tuple(achievements), caps=caps)
    return Situation(
        on,
        held=_held(learner, achievements),
        pairs=_pairs([achievement.line for achievement in achievements], kind),
        keys=_taken_keys(learner),
        awards=_awards(learner),
        caps=caps,
    )


def situation_of_case(application, achievements):
    """What an application finds beside itself on the day of its submission: approved cases and earlier live ones.

    Later ones don't count, so that two waiting cases never stand in each other's way. Of the learner's achievements
    only its own count: what he adds later changes no case.
    """
    on, learner = timezone.localdate(application.submitted_at), application.learner_id
    return Situation(
        on,
        held=tuple(achievements),
        pairs=_pairs([achievement.line for achievement in achievements], application.kind, application),
        keys=_taken_keys(learner, application),
        awards=_awards(learner, application),
        caps=caps_of([application.rule_version], on),
    )


def caps_of(versions, on):
    institutions = {version.course.programme.institution_id for version in versions}
    caps = ConversionCap.objects.in_force(on).filter(institution__in=institutions)
    return tuple(caps.select_related("policy_category"))


def _taken_keys(learner, without=None):
    uses = ExclusiveUse.objects.filter(learner=learner).exclude(application_status__in=DEAD)
    return frozenset(uses.exclude(application=without).values_list("key", flat=True))


def _awards(learner, before=None):
    cases = Application.objects.filter(learner=learner, rule_version__isnull=False).live()
    if before:
        cases = cases.filter(Q(status=Status.APPROVED) | Q(pk__lt=before.pk)).exclude(pk=before.pk)
    rows = cases.values_list(
        "rule_version__course__programme",
        "rule_version__policy_category",
        "rule_version__course__nature",
        "snapshot__rule__credits",
    )
    return tuple(Award(programme, category, nature, Decimal(credits)) for programme, category, nature, credits in rows)


def _held(learner, achievements):
    families = {achievement.entry.family_id for achievement in achievements if achievement.entry_id} - {None}
    if not families:
        return tuple(achievements)
    held = Achievement.objects.current().filter(learner=learner, entry__family__in=families)
    return tuple(held.select_related("entry"))
