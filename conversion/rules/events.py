"""同一赛事: of a learner's achievements of one event the highest counts, once at each institution. Reads only."""

import hashlib
import re
import unicodedata
from typing import NamedTuple

from achievements.models import Achievement
from conversion.models import ConversionRule


class Event(NamedTuple):
    """The event that an achievement is of, as its learner states it; frozen with a case as JSON of these two."""

    type: int
    name: str

    @property
    def key(self):
        """Equal for names that differ in width, case, spaces or punctuation only."""
        return f"event:{self.type}:{hashlib.blake2b(_folded(self.name).encode(), digest_size=16).hexdigest()}"


def _folded(text):
    return re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", text)).casefold()


def event_of(achievement):
    """The `Event` of an achievement, or None where its type has no field for it.

    What was recorded before the type asked for an event is of the event that it is named after.
    """
    fields = achievement.type.extra_fields.all()
    key = next((field.key for field in fields if field.names_event and field.is_active), None)
    if key is None:
        return None
    names = [str(achievement.extra.get(key, "")), achievement.name]
    return next((Event(achievement.type_id, name) for name in names if _folded(name)), None)


def frozen_event(application):
    """The `Event` that a performance case froze, or None."""
    event = application.snapshot["sources"][0].get("event")
    return Event(**event) if event else None


def event_key(version, event):
    """What a live case of an event occupies at the institution of a criteria table; None for other rules."""
    if event is None or version.rule.kind != ConversionRule.Kind.PERFORMANCE:
        return None
    return f"{event.key}:institution:{version.rule.institution_id}"


def of_same_event(achievement, event):
    """The learner's other recognised achievements of an event, as they stand now."""
    others = Achievement.objects.current().filter(learner=achievement.learner_id, type=event.type)
    others = others.filter(entry__isnull=False).exclude(pk=achievement.pk)
    others = others.select_related("type").prefetch_related("type__extra_fields")
    return [other for other in others if other.line != achievement.line and _is_of(other, event)]


def _is_of(achievement, event):
    other = event_of(achievement)
    return other is not None and other.key == event.key
