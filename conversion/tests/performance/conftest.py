"""A table for competitions, and an award that it is about."""

import pytest

from achievements.models import AchievementType, TypeField
from conversion.models import (
    CriteriaRow,
    CriteriaTest,
)
from conversion.tests.scene import (
    Scene,
    make_achievement,
    make_entry,
    make_version,
    publish_version,
)


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def competition(scene):
    """A criteria table: 省级一等奖 among the first three gives 2 credits, any 省级 prize 1, 国家级 3."""
    type_ = AchievementType.objects.create(code="competition", name="业绩类-竞赛奖励", is_performance=True)
    fields = {
        key: TypeField.objects.create(type=type_, key=key, label=label)
        for key, label in [("competition_level", "级别"), ("prize", "奖项"), ("rank", "名次")]
    }
    TypeField.objects.create(type=type_, key="event", label="所属赛事", names_event=True)
    version = make_version(scene.college, [], publish=False, achievement_type=type_)
    type(version.rule).objects.filter(pk=version.rule_id).update(kind="performance")
    table = [
        (3, [("competition_level", {"value": "国家级"})]),
        (1, [("competition_level", {"value": "省级"})]),
        (2, [("competition_level", {"value": "省级"}), ("prize", {"value": "一等奖"}), ("rank", {"max_number": 3})]),
    ]
    for position, (credits, tests) in enumerate(table, 1):
        row = CriteriaRow.objects.create(version=version, position=position, credits=credits)
        for key, test in tests:
            CriteriaTest.objects.create(row=row, field=fields[key], **test)
    publish_version(version)
    version.refresh_from_db()
    return version


@pytest.fixture
def award(scene, competition):
    entry = make_entry("职业技能竞赛")
    type(entry).objects.filter(pk=entry.pk).update(type=competition.achievement_type)
    extra = {"competition_level": "省级", "prize": "一等奖", "rank": "2"}
    return make_achievement(scene.user, entry, type=competition.achievement_type, extra=extra)
