"""Levels of one family in a rule: a group takes what it lists and nothing else. Reads only."""

from typing import NamedTuple

from achievements.models import CatalogueEntry
from conversion.models import RuleSource


class HigherLevel(NamedTuple):
    """An entry that a group doesn't list, and its source of the same family that ranks next below."""

    entry: CatalogueEntry
    below: RuleSource


def unlisted_levels(group):
    """The `HigherLevel`s that a group would list too if it meant 及以上, in the order of their ranks."""
    sources = [source for source in group.sources.all() if source.entry.family_id]
    families = {source.entry.family_id for source in sources}
    if not families:
        return []
    entries = CatalogueEntry.objects.in_force().filter(family__in=families).order_by("family_rank", "pk")
    entries = entries.exclude(pk__in=[source.entry_id for source in sources])
    found = [(entry, _below(entry, sources)) for entry in entries]
    return [HigherLevel(entry, below) for entry, below in found if below]


def _below(entry, sources):
    lower = [s for s in sources if s.entry.family_id == entry.family_id and s.entry.family_rank < entry.family_rank]
    return max(lower, key=lambda source: source.entry.family_rank, default=None)
