"""The verdict about one rule version and its explanation."""

from dataclasses import dataclass, field
from decimal import Decimal

from django.utils import timezone
from django.utils.translation import gettext as _

from achievements.models import Achievement
from conversion.models import CriteriaRow, RuleGroup, RuleSource, RuleVersion
from conversion.rules.caps import cap_conditions
from conversion.rules.conditions import VERDICT_LABELS, Condition, Verdict, satisfies, source_conditions
from conversion.rules.scores import resulting_score
from conversion.rules.situation import Situation
from conversion.rules.uses import learner_conditions, own_condition


@dataclass
class Assessment:
    """What the engine says about one rule version for a set of achievements.

    Of a performance table, `row` is the line that counts, if one does, and `credits` what it gives.
    """

    version: RuleVersion
    verdict: Verdict
    conditions: list[Condition] = field(default_factory=list)
    used: list[Achievement] = field(default_factory=list)
    row: CriteriaRow | None = None
    credits: Decimal | None = None

    @property
    def is_match(self):
        return self.verdict == Verdict.MATCH

    @property
    def verdict_label(self):
        """「还缺成果」 is said of rules that ask for several achievements; a table asks about one."""
        is_table = self.version.achievement_type_id is not None
        return _("不符合条件") if is_table and self.verdict == Verdict.MISSING else VERDICT_LABELS[self.verdict]

    @property
    def score(self):
        """The score that the course would get; empty while something is missing."""
        return resulting_score(self.version, self.used) if self.is_match else ""

    @property
    def missing(self):
        """The remedies of the conditions that aren't met, for 「还需要: …」."""
        return [condition.remedy for condition in self.conditions if not condition.met]


@dataclass
class _Part:
    """A group of the version, and which achievements (by position) can stand in it.

    `fitting` satisfy a source and are free; `outranked` would, but {position: the higher one of the family};
    `used_up` would, but {position: the condition that says by what}. `places` is filled by `_fill`.
    """

    group: RuleGroup
    sources: list[RuleSource]
    fitting: list[int] = field(default_factory=list)
    outranked: dict[int, Achievement] = field(default_factory=dict)
    used_up: dict[int, Condition] = field(default_factory=dict)
    places: list[int] = field(default_factory=list)

    @property
    def lacking(self):
        return self.group.choose - len(self.places)


def assess(version, achievements, situation=None):
    """Explain one version for achievements, saved or not; by default as for somebody who has used nothing yet.

    The version needs its groups, sources (with entries) and exclusivity groups (`with_sources`), an achievement its
    `entry`, `score`, `obtained_on` and `name`.
    """
    situation = situation or Situation(timezone.localdate(), held=tuple(achievements))
    groups = list(version.exclusivity_groups.all())
    spent = {n: own_condition(version, groups, a, situation) for n, a in enumerate(achievements)}
    parts = [_part(version, group, achievements, spent, situation) for group in version.groups.all()]
    _fill(parts, [achievement.entry_id for achievement in achievements])
    learner = learner_conditions(version, groups, situation)
    caps = cap_conditions(version, version.credits, situation)
    conditions = [c for part in parts for c in _part_conditions(version, part, achievements, situation.on)]
    placed = {n for part in parts for n in part.places}
    used = [achievement for n, achievement in enumerate(achievements) if n in placed]
    return Assessment(version, _verdict(parts, learner, caps), [*conditions, *learner, *caps], used)


def _part(version, group, achievements, spent, situation):
    part = _Part(group, list(group.sources.all()))
    for n, achievement in enumerate(achievements):
        if not _stands_in(version, part, achievement, situation.on):
            continue
        if spent[n]:
            part.used_up[n] = spent[n]
        elif higher := _higher(version, part, achievement, situation):
            part.outranked[n] = higher
        else:
            part.fitting.append(n)
    return part


def _stands_in(version, part, achievement, on):
    return any(satisfies(version, source, achievement, on) for source in part.sources)


def _higher(version, part, achievement, situation):
    """A held achievement of the same family and a higher rank that could stand in the same part; None without."""
    family, rank = achievement.entry.family_id, achievement.entry.family_rank
    if not family:
        return None
    higher = (a for a in situation.held if a.entry_id and a.entry.family_id == family and a.entry.family_rank > rank)
    return next((a for a in higher if _stands_in(version, part, a, situation.on)), None)


def _fill(parts, entries):
    """Give each place an achievement of its own where that is possible; in a part no entry stands twice.

    Augmenting paths: an achievement that stands elsewhere moves if its part finds another for it.
    """
    holder, standing, pending = {}, {}, set()  # {achievement: part}, {(part, entry): achievement}, {(part, entry)…}

    def place(p, vacated, tried):
        """Find one more for a part, whose place of the entry `vacated` is about to be free."""
        for n in parts[p].fitting:
            spot = (p, entries[n])
            if n in tried or spot in pending or (spot in standing and entries[n] != vacated):
                continue
            tried.add(n)
            pending.add(spot)
            is_free = n not in holder or place(holder[n], entries[n], tried)
            pending.discard(spot)
            if is_free:
                stand(n, p)
                return True
        return False

    def stand(n, p):
        if standing.get((holder.get(n), entries[n])) == n:
            del standing[holder[n], entries[n]]
        holder[n], standing[p, entries[n]] = p, n

    for p, part in enumerate(parts):
        for _number in range(min(part.group.choose, len(part.fitting))):
            place(p, None, set())
    for n, p in sorted(holder.items()):
        parts[p].places.append(n)


def _verdict(parts, learner, caps):
    """The first that applies of used, missing, capped, match."""
    if not all(condition.met for condition in learner):
        return Verdict.USED
    if not parts or any(part.lacking for part in parts):
        has_open_place = any(part.fitting or part.outranked for part in parts)
        is_used_up = any(part.used_up for part in parts)
        return Verdict.USED if is_used_up and not has_open_place else Verdict.MISSING
    return Verdict.MATCH if all(condition.met for condition in caps) else Verdict.CAPPED


def _part_conditions(version, part, achievements, on):
    """The part itself; where something lacks, also why each achievement of its entries can't stand in it."""
    yield _part_condition(part, achievements)
    entries = {source.entry_id: source for source in part.sources}
    for n, achievement in enumerate(achievements):
        source = entries.get(achievement.entry_id)
        if source and (n in part.places or part.lacking):
            yield from source_conditions(version, source, achievement, on)
        if part.lacking and n in part.outranked:
            yield _outranked(achievement, part.outranked[n])
    if part.lacking:
        yield from part.used_up.values()


def _part_condition(part, achievements):
    required = _choice([source.entry for source in part.sources], part.group.choose)
    actual = "、".join(achievements[n].name for n in part.places) or _("没有")
    remedy = _part_remedy(part, achievements) if part.lacking else ""
    return Condition("sources", _("所需成果"), required, actual, not part.lacking, remedy)


def _choice(entries, number):
    names = "、".join(entry.name for entry in entries[:5]) + ("…" if len(entries) > 5 else "")
    return names if len(entries) == 1 else _("%(names)s 中的 %(n)d 项") % {"names": names, "n": number}


def _part_remedy(part, achievements):
    """What lacks beside what stands in the part; who has chosen one that doesn't count needs one that does."""
    standing = {achievements[n].entry_id for n in part.places}
    open_entries = [source.entry for source in part.sources if source.entry_id not in standing]
    chosen = {achievement.entry_id for n, achievement in enumerate(achievements) if n not in part.fitting}
    is_in_vain = any(entry.pk in chosen for entry in open_entries)
    words = _("还需要: 符合要求的%s") if is_in_vain else _("还需要: %s")
    return words % _choice(open_entries, part.lacking)


def _outranked(achievement, higher):
    names = {"held": achievement.name, "higher": higher.name}
    remedy = _("您持有同系列更高等级的“%(higher)s”,请用它申请,不能用“%(held)s”") % names
    return Condition("family", _("等级"), _("同系列中等级最高的成果"), achievement.name, False, remedy)
