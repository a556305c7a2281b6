"""A correction of a used achievement is a version of the same achievement."""

import copy
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from achievements.models import Achievement, LevelFamily
from achievements.services.achievements import change_achievement
from conversion import rules, slots
from conversion.models import ApplicationSource
from conversion.services.applications import AlreadyAppliedError, CorrectedMeanwhileError, withdraw
from conversion.tests.scene import Scene, make_achievement, make_entry, make_version


@pytest.fixture
def scene(db):
    scene = Scene()
    groups = [(1, [{"entry": scene.entry}])]
    scene.repeatable = make_version(scene.college, groups, use_policy="repeatable", fills_course_once=False)
    return scene


def corrected(scene, achievement=None, **changes):
    """What the learner's correction of an achievement, the scene's by default, gives."""
    form_made = copy.copy(Achievement.objects.get(pk=(achievement or scene.achievement).pk))
    for name, value in changes.items():
        setattr(form_made, name, value)
    return change_achievement(achievement=form_made, files=[], kept=[], by=scene.user, edition=form_made.edition)


def test_learner_cannot_convert_a_correction_under_the_same_repeatable_rule_again(scene):
    assert slots.convertible_counts([scene.achievement])[scene.achievement.pk] == 2
    scene.submit(version=scene.repeatable)
    newer = corrected(scene, certificate_number="N-neu")
    assert newer.pk != scene.achievement.pk
    (row,) = rules.grid_page(scene.user.learner_id).object_list
    assert (row.achievement.pk, row.convertible, row.used) == (newer.pk, 1, 1)
    assert rules.assess_all([scene.repeatable], [newer])[0].verdict == "used"
    with pytest.raises(AlreadyAppliedError):
        scene.submit(version=scene.repeatable, achievements=[newer])
    assert scene.submit(achievements=[newer]).status == "submitted"


def test_raw_sql_cannot_use_a_correction_again_either(scene):
    case = scene.submit(version=scene.repeatable)
    newer = corrected(scene, certificate_number="N-neu")
    other = scene.submit(achievements=[newer])
    with pytest.raises(IntegrityError, match="one_live_application"), transaction.atomic():
        ApplicationSource.objects.filter(application=other).update(rule=scene.repeatable.rule)
    assert (
        ApplicationSource.objects.get(application=case).line == ApplicationSource.objects.get(application=other).line
    )


def test_a_certificate_corrected_to_a_lower_level_is_no_longer_held(scene):
    """Else the mistaken one would outrank the right one for ever."""
    family = LevelFamily.objects.create(name="大学英语")
    lower = make_entry("英语四级", family=family, family_rank=4)
    higher = make_entry("英语六级", family=family, family_rank=6)
    version = make_version(scene.college, [(1, [{"entry": lower}, {"entry": higher}])])
    mistaken = make_achievement(scene.user, higher)
    scene.submit(version=make_version(scene.college, [(1, [{"entry": higher}])]), achievements=[mistaken])
    right = make_achievement(scene.user, lower)
    assert rules.assess_all([version], [right])[0].verdict == "missing"
    corrected(scene, mistaken, entry=lower, name=lower.name)
    assert rules.assess_all([version], [right])[0].is_match


def test_a_replaced_version_is_not_submitted(scene):
    scene.submit()
    corrected(scene, certificate_number="N-neu")
    with pytest.raises(CorrectedMeanwhileError):
        scene.submit(version=scene.repeatable)


def test_a_case_freezes_what_stands_in_the_database_not_what_the_page_had_loaded(scene):
    loaded = Achievement.objects.select_related("type", "entry__institution").get(pk=scene.achievement.pk)
    corrected(scene, score=Decimal(88))  # in place: nobody has used it yet
    case = scene.submit(achievements=[loaded])
    assert case.snapshot["sources"][0]["score"] == "88"


@pytest.mark.parametrize(("column", "value"), [("name", "别的"), ("score", 100), ("certificate_number", "X")])
def test_raw_sql_cannot_change_what_a_case_has_used(scene, column, value):
    case = scene.submit()

    def change():
        with connection.cursor() as cursor, transaction.atomic():
            sql = f"UPDATE achievements_achievement SET {column} = %s WHERE id = %s"
            cursor.execute(sql, [value, scene.achievement.pk])

    with pytest.raises(IntegrityError, match="never changes"):
        change()
    withdraw(application=case, by=scene.user)
    change()
