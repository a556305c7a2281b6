"""The centre's page of a review stage: what the database forbids is said beside the field."""

import pytest
from django.urls import reverse

from accounts.tests.factories import CentreReviewerFactory
from conversion.models import ReviewStage
from conversion.stages import default_stage


@pytest.fixture
def stage(db):
    def make(kind, step):
        stage, _made = ReviewStage.objects.get_or_create(
            kind=kind, step=step, defaults=values_of(default_stage(kind, step))
        )
        return stage

    return make


@pytest.fixture
def keeper(client, db):
    client.force_login(
        CentreReviewerFactory(permissions=["conversion.view_reviewstage", "conversion.change_reviewstage"])
    )
    return client


def values_of(stage):
    return {name: getattr(stage, name) for name in ("name", "owner", "permission", "due_days", "is_active")}


def save(client, stage, **changes):
    """Post the page of a stage; an unticked box isn't sent."""
    data = {name: value for name, value in (values_of(stage) | changes).items() if value is not False}
    return client.post(reverse("admin:conversion_reviewstage_change", args=[stage.pk]), data)


@pytest.mark.parametrize("kind", ["recognition", "conversion", "performance"])
@pytest.mark.parametrize("step", ["final", "appeal"])
def test_keeper_cannot_stop_the_last_stage_or_appeals(keeper, stage, kind, step):
    answer = save(keeper, stage(kind, step), is_active=False)
    assert "终审和申诉裁决不能停用。" in answer.content.decode()
    assert stage(kind, step).is_active


def test_keeper_cannot_give_a_recognition_to_an_institution(keeper, stage):
    answer = save(keeper, stage("recognition", "first"), owner="institution")
    assert "认定没有接收机构" in answer.content.decode()
    assert stage("recognition", "first").owner == "centre"


def test_keeper_changes_the_days_of_a_stage(keeper, stage):
    assert save(keeper, stage("conversion", "first"), due_days=7).status_code == 302
    assert stage("conversion", "first").due_days == 7
