"""Awards of the competitions' type, tables beside the first, and cases."""

import uuid

from achievements.models import Achievement, CatalogueEntry
from conversion.models import (
    ConversionRule,
    CriteriaRow,
    CriteriaTest,
    RuleVersion,
)
from conversion.services.applications import submit_performance
from conversion.tests.scene import (
    make_achievement,
    make_entry,
    make_version,
    publish_version,
)

EVENT = "2024年示例技能大赛"


def make_award(scene, version, name="获奖", event=EVENT, recognised=True, **extra):
    """An award of the competition's type, in first place unless `extra` says otherwise."""
    entry = make_entry(name)
    CatalogueEntry.objects.filter(pk=entry.pk).update(type=version.achievement_type)
    extra = {"event": event, "competition_level": "省级", "prize": "一等奖", "rank": "1"} | extra
    award = make_achievement(scene.user, entry, type=version.achievement_type, extra=extra)
    if not recognised:
        Achievement.objects.filter(pk=award.pk).update(entry=None)
        award.refresh_from_db()
    return award


def another_table(version, institution=None, **fields):
    """A table that says the same for another course of the institution, or of another."""
    copy = make_version(
        institution or version.rule.institution,
        [],
        publish=False,
        achievement_type=version.achievement_type,
        **fields,
    )
    ConversionRule.objects.filter(pk=copy.rule_id).update(kind="performance")
    for row in version.criteria.all():
        own = CriteriaRow.objects.create(version=copy, position=row.position, credits=row.credits)
        for test in row.tests.all():
            CriteriaTest.objects.create(row=own, field=test.field, value=test.value, max_number=test.max_number)
    publish_version(copy)
    return RuleVersion.objects.get(pk=copy.pk)


def apply_for(scene, version, award):
    return submit_performance(by=scene.user, version=version, achievement=award, token=uuid.uuid4())
