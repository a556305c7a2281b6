"""「我的证书能转换什么?」 for certificates that nobody has registered: the same engine, nothing stored. Reads only."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from django.db.models import Count, Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from achievements.models import Achievement, CatalogueEntry
from conversion import rules, slots
from conversion.models import PublishedSource, RuleVersion


class Outlook(StrEnum):
    """What a rule means for certificates: a match, something missing beside them, or none of them fits it."""

    MATCH = "match"
    MISSING = "missing"
    IMPOSSIBLE = "impossible"


LABELS = {
    Outlook.MATCH: _("可以申请"),
    Outlook.MISSING: _("还缺成果"),
    Outlook.IMPOSSIBLE: _("不符合条件"),
}


@dataclass
class Prospect:
    """One rule and what it means for the certificates."""

    assessment: rules.Assessment
    outlook: Outlook

    @property
    def label(self):
        """A cap that leaves no room even for somebody who has used nothing is told as such."""
        is_capped = self.assessment.verdict == rules.Verdict.CAPPED
        return self.assessment.verdict_label if is_capped else LABELS[self.outlook]

    @property
    def version(self):
        return self.assessment.version


class LowerLevel(NamedTuple):
    """A lower level of a chosen certificate's family, and how many rules name it but not the chosen one."""

    chosen: CatalogueEntry
    lower: CatalogueEntry
    rules: int


def imagined(entry, *, score=None, obtained_on=None):
    """An achievement of an entry as somebody might hold it, not saved; obtained today unless he says otherwise."""
    obtained_on = obtained_on or timezone.localdate()
    return Achievement(entry=entry, type=entry.type, name=entry.name, score=score, obtained_on=obtained_on)


def open_rules(achievements):
    """Rules in which one of the certificates has a place, as 可转换规则数 counts them."""
    return slots.open_versions(achievements)


def naming_rules(achievements):
    """Every rule in force that names one of the certificates, those with a place for them first."""
    entries = [achievement.entry_id for achievement in achievements]
    named = PublishedSource.objects.filter(version=OuterRef("pk"), entry__in=entries)
    is_open = Exists(open_rules(achievements).filter(pk=OuterRef("pk")))
    versions = RuleVersion.objects.in_force().filter(Exists(named)).annotate(is_open=is_open)
    return versions.with_target().with_sources().order_by("-is_open", *rules.BY_TARGET)


def prospects(versions, achievements):
    """What each of the rules (a page of `naming_rules`) means for the certificates."""
    versions = list(versions)
    assessments = rules.assess_all(versions, achievements)
    return [Prospect(assessment, _outlook(assessment)) for assessment in assessments]


def lower_levels(entries):
    """The `LowerLevel`s of chosen entries: rules that don't list a higher level don't take it (docs/decisions.md)."""
    return [found for entry in entries if entry.family_id for found in _lower_levels(entry, entries)]


def _lower_levels(entry, chosen):
    today, named = timezone.localdate(), PublishedSource.objects.filter(version=OuterRef("version"), entry=entry)
    sources = PublishedSource.objects.filter(
        Q(valid_from__isnull=True) | Q(valid_from__lte=today),
        Q(valid_to__isnull=True) | Q(valid_to__gte=today),
        entry__family=entry.family_id,
        entry__family_rank__lt=entry.family_rank,
    )
    sources = sources.exclude(entry__in=chosen).exclude(Exists(named)).values("entry")
    counts = dict(sources.annotate(rules=Count("version", distinct=True)).values_list("entry", "rules"))
    lower = CatalogueEntry.objects.public().in_bulk(counts)
    return [LowerLevel(entry, lower[pk], rules) for pk, rules in counts.items() if pk in lower]


def _outlook(assessment):
    if assessment.is_match:
        return Outlook.MATCH
    if assessment.verdict == rules.Verdict.CAPPED:
        return Outlook.IMPOSSIBLE
    return Outlook.MISSING if assessment.version.is_open else Outlook.IMPOSSIBLE
