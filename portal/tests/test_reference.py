"""`load_reference` on a database that is in use: it brings what a release adds and undoes nobody's work."""

import pytest

from achievements.models import AchievementType, TypeField, TypeMaterial
from portal.management.commands.load_reference import load_types

pytestmark = pytest.mark.django_db


@pytest.fixture
def competition():
    """A type as an earlier release left it: without 所属赛事 and its first material, and with no memory of them."""
    load_types()
    type_ = AchievementType.objects.get(code="performance-competition")
    type_.extra_fields.filter(key="event").delete()
    type_.materials.filter(position=1).delete()
    AchievementType.objects.update(brought=[])
    return type_


def rows(model):
    return list(model.objects.order_by("pk").values())


def test_a_known_type_gets_the_fields_and_materials_of_a_newer_release(competition):
    assert load_types() == (0, 2)
    assert competition.extra_fields.get(key="event").names_event
    assert competition.materials.filter(position=1).exists()


def test_a_second_run_brings_nothing(competition):
    load_types()
    before = [rows(model) for model in (AchievementType, TypeField, TypeMaterial)]
    assert load_types() == (0, 0)
    assert [rows(model) for model in (AchievementType, TypeField, TypeMaterial)] == before


def test_what_an_operator_changed_stays(competition):
    load_types()
    changed = {"label": "本校的叫法", "required": False, "is_active": False}
    competition.extra_fields.filter(key="event").update(**changed)
    competition.materials.filter(position=1).update(label="奖状原件")
    competition.extra_fields.exclude(key="event").first().delete()
    AchievementType.objects.filter(pk=competition.pk).update(name="竞赛", min_files=3)
    before = [rows(model) for model in (AchievementType, TypeField, TypeMaterial)]
    assert load_types() == (0, 0)
    assert [rows(model) for model in (AchievementType, TypeField, TypeMaterial)] == before


def test_an_operators_own_event_field_is_the_only_one(competition):
    TypeField.objects.create(type=competition, key="contest", label="赛事", names_event=True)
    load_types()
    assert competition.extra_fields.get(names_event=True).key == "contest"
