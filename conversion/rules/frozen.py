"""A case as it was submitted: achievements from the snapshot, the frozen version, what was taken then."""

import datetime as dt
from decimal import Decimal

from achievements.models import Achievement, CatalogueEntry
from conversion.rules.assessment import assess
from conversion.rules.situation import situation_of_case


def assess_frozen(application):
    """What the engine says about a conversion from its frozen data, caps and what others have taken included."""
    achievements = frozen_achievements(application)
    return assess(application.rule_version, achievements, situation_of_case(application, achievements))


def frozen_achievements(application):
    """The achievements of a case as they were at its submission; never to be saved."""
    return [_achievement(source, application.learner_id) for source in application.snapshot["sources"]]


def _achievement(source, learner):
    entry = source["entry_id"] and CatalogueEntry(
        pk=source["entry_id"],
        name=source["name"],
        framework_level=source.get("framework_level"),
        family_id=source.get("family_id"),
        family_rank=source.get("family_rank"),
    )
    return Achievement(
        pk=source["id"],
        first_version_id=source.get("line"),
        learner_id=learner,
        entry=entry,
        name=source["name"],
        obtained_on=dt.date.fromisoformat(source["obtained_on"]),
        score=Decimal(source["score"]) if source["score"] else None,
        extra=source.get("extra_values", {}),
    )
