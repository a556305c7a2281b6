"""Eligibility: which rules achievements satisfy, and why. Reads, never writes.

One engine answers the counter in the grid, the list in the dialog, the check at submission, the reviewer's panel, the
check at approval and the public what-if pages. `conversion.slots` finds which rules an achievement has a slot in;
`assess` explains one version for achievements, saved or not, in a `Situation`.
"""

from conversion.rules.assessment import Assessment, assess
from conversion.rules.caps import cap_words
from conversion.rules.conditions import Condition, Verdict, satisfies, source_conditions
from conversion.rules.differences import Change, differences
from conversion.rules.events import Event, event_of, frozen_event, of_same_event
from conversion.rules.frozen import assess_frozen, frozen_achievements
from conversion.rules.grid import GridStatus, grid_page, grid_rows
from conversion.rules.lists import BY_TARGET, assess_all, assess_submission
from conversion.rules.scores import resulting_score
from conversion.rules.situation import (
    Award,
    Situation,
    caps_of,
    exclusive_keys,
    situation_of,
    situation_of_case,
    used_pairs,
)

__all__ = [
    "BY_TARGET",
    "Assessment",
    "Award",
    "Change",
    "Condition",
    "Event",
    "GridStatus",
    "Situation",
    "Verdict",
    "assess",
    "assess_all",
    "assess_frozen",
    "assess_submission",
    "cap_words",
    "caps_of",
    "differences",
    "event_of",
    "exclusive_keys",
    "frozen_achievements",
    "frozen_event",
    "grid_page",
    "grid_rows",
    "of_same_event",
    "resulting_score",
    "satisfies",
    "situation_of",
    "situation_of_case",
    "source_conditions",
    "used_pairs",
]
