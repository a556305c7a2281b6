"""Eligibility: which rules achievements satisfy, and why. Reads, never writes.

One engine answers the counter in the grid, the list in the dialog, the check at submission and at approval.
`conversion.slots` finds which rules an achievement has a slot in; `assess` explains one rule version.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from dateutil.relativedelta import relativedelta
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from achievements.models import Achievement
from conversion.models import ApplicationSource, RuleVersion
from conversion.models.application import DEAD, Kind
from conversion.slots import grid_counts


class Verdict(StrEnum):
    MATCH = "match"
    MISSING = "missing"
    USED = "used"


VERDICT_LABELS = {
    Verdict.MATCH: gettext_lazy("符合条件"),
    Verdict.MISSING: gettext_lazy("还缺成果"),
    Verdict.USED: gettext_lazy("已申请"),
}


@dataclass(frozen=True)
class Condition:
    """One thing a rule asks for: what is required, what there is, and what would meet it."""

    label: str
    required: str
    actual: str
    met: bool
    remedy: str = ""


@dataclass
class Assessment:
    """What the engine says about one rule version for a set of achievements."""

    version: RuleVersion
    verdict: Verdict
    conditions: list[Condition] = field(default_factory=list)
    used: list[Achievement] = field(default_factory=list)

    @property
    def is_match(self):
        return self.verdict == Verdict.MATCH

    @property
    def verdict_label(self):
        return VERDICT_LABELS[self.verdict]

    @property
    def missing(self):
        """The remedies of the conditions that aren't met, for 「还需要: …」."""
        return [condition.remedy for condition in self.conditions if not condition.met]


def used_pairs(achievements, kind=Kind.CONVERSION):
    """(achievement id, rule id) pairs that live applications reserve."""
    live = ApplicationSource.objects.filter(achievement__in=achievements, kind=kind)
    return set(live.exclude(application_status__in=DEAD).values_list("achievement_id", "rule_id"))


def _threshold(label, required, actual, met):
    remedy = _("%(label)s: %(required)s") % {"label": label, "required": required}
    return Condition(label, str(required), str(actual), met, "" if met else remedy)


def source_conditions(source, achievement, on):
    """The thresholds of a source for an achievement of its entry, each as a `Condition`."""
    entry_level, obtained = achievement.entry.framework_level, achievement.obtained_on
    conditions = []
    if source.min_score is not None:
        score = achievement.score
        met = score is not None and score >= source.min_score
        actual = _("未填写") if score is None else score
        conditions.append(_threshold(_("成绩"), source.min_score, actual, met))
    if source.min_framework_level is not None:
        met = entry_level is not None and entry_level >= source.min_framework_level
        actual = entry_level or _("未定级")
        conditions.append(_threshold(_("资历框架等级"), source.min_framework_level, actual, met))
    if source.obtained_from is not None:
        met = obtained >= source.obtained_from
        conditions.append(_threshold(_("取得时间不早于"), source.obtained_from, obtained, met))
    if source.obtained_to is not None:
        met = obtained <= source.obtained_to
        conditions.append(_threshold(_("取得时间不晚于"), source.obtained_to, obtained, met))
    if source.max_age_months is not None:
        earliest = on - relativedelta(months=source.max_age_months)
        conditions.append(_threshold(_("取得时间不早于"), earliest, obtained, obtained >= earliest))
    return conditions


def satisfies(source, achievement, on):
    return source.entry_id == achievement.entry_id and all(
        condition.met for condition in source_conditions(source, achievement, on)
    )


def _fill_slots(groups, achievements, on):
    """Give each slot of each group an achievement of its own where possible (augmenting paths).

    Returns {slot: achievement}, a slot being (group, n-th of its `choose`).
    """
    slots = [(group, n) for group in groups for n in range(group.choose)]
    fits = {
        slot: [a for a in achievements if any(satisfies(source, a, on) for source in slot[0].sources.all())]
        for slot in slots
    }
    holder = {}

    def place(slot, tried):
        for achievement in fits[slot]:
            if achievement.pk in tried:
                continue
            tried.add(achievement.pk)
            if achievement.pk not in holder or place(holder[achievement.pk], tried):
                holder[achievement.pk] = slot
                return True
        return False

    for slot in slots:
        place(slot, set())
    by_id = {achievement.pk: achievement for achievement in achievements}
    return {slot: by_id[pk] for pk, slot in holder.items()}


def _group_conditions(group, filling, achievements, on):
    sources = list(group.sources.all())
    names = "、".join(source.entry.name for source in sources[:5]) + ("…" if len(sources) > 5 else "")
    held = [filling[group, n] for n in range(group.choose) if (group, n) in filling]
    lacking = group.choose - len(held)
    required = names if len(sources) == 1 else _("%(names)s 中的 %(n)d 项") % {"names": names, "n": group.choose}
    actual = "、".join(achievement.name for achievement in held) or _("没有")
    yield Condition(_("所需成果"), required, actual, not lacking, _("还需要: %s") % required if lacking else "")
    for source in sources:
        for achievement in achievements:
            if source.entry_id == achievement.entry_id and (achievement in held or lacking):
                yield from source_conditions(source, achievement, on)


def assess(version, achievements, on=None, reserved=frozenset()):
    """Explain one rule version for achievements; `reserved` are the pairs of `used_pairs`."""
    on = on or timezone.localdate()
    free = [a for a in achievements if (a.pk, version.rule_id) not in reserved]
    groups = list(version.groups.all())
    filling = _fill_slots(groups, free, on)
    conditions = [condition for group in groups for condition in _group_conditions(group, filling, free, on)]
    complete = bool(groups) and len(filling) == sum(group.choose for group in groups)
    short_of = Verdict.USED if achievements and not free else Verdict.MISSING
    verdict = Verdict.MATCH if complete else short_of
    used = [achievement for achievement in achievements if achievement in filling.values()]
    return Assessment(version, verdict, conditions, used)


def assess_all(versions, achievements, on=None):
    """Assess several versions for the same achievements, as the dialog lists them and the form accepts them."""
    reserved = used_pairs(achievements)
    return [assess(version, achievements, on, reserved) for version in versions]


def assess_submission(version, achievements, on=None):
    """Assess a version as the form must: a match that is in force is what the dialog lists as one."""
    assessment = assess(version, achievements, on, used_pairs(achievements))
    if assessment.is_match and not RuleVersion.objects.in_force(on).filter(pk=version.pk).exists():
        return Assessment(version, Verdict.MISSING, [*assessment.conditions, _not_in_force()])
    return assessment


def _not_in_force():
    return Condition(_("规则状态"), _("已发布且在有效期内"), _("已停用或不在有效期"), False, _("请选择其他规则"))


BY_TARGET = (
    "course__programme__institution__bank_code",
    "course__programme__cohort",
    "course__programme__name",
    "course__code",
    "rule__title",
    "pk",
)


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
