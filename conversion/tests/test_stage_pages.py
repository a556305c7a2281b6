"""The centre's page of a review stage: what the database forbids is said beside the field."""

import pytest
from django.urls import reverse

from accounts.tests.factories import CentreReviewerFactory
from conversion.models import ReviewStage
from conversion.stages import default_stage
from conversion.tests.scene import Scene, make_reviewer


@pytest.fixture
def stage(db):
    def make(kind, step):
        stage, _made = ReviewStage.objects.get_or_create(
            kind=kind, step=step, defaults=values_of(default_stage(kind, step))
        )
        stage.refresh_from_db()
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


# The names of the stages where a case waits for them ---------------------------------------------------------

ONE = {"first": False}
THREE = {"second": True}


def name_stages(stage, names, active):
    for step in ("first", "second", "final"):
        row = stage("conversion", step)
        fields = {"name": names.get(step, row.name), "is_active": active.get(step, row.is_active)}
        ReviewStage.objects.filter(pk=row.pk).update(**fields)


def words_for(client, scene, case):
    """What the queue, its filter, the case at the desk, the learner's page and his progress call the state."""
    client.force_login(scene.final_reviewer)
    queue = client.get(reverse("admin:conversion_application_changelist"), {"scope": "all"})
    (row,) = queue.context["page_obj"].object_list
    words = str(row.status_label)
    assert words in dict(queue.context["form"].fields["status"].choices)[case.status]
    assert f">{words}</span>" in client.get(page_at_desk(case)).content.decode()
    client.force_login(scene.user)
    for page in [case.get_absolute_url(), reverse("conversion:progress")]:
        assert f">{words}</span>" in client.get(page).content.decode()
    return words


def page_at_desk(case):
    return reverse("admin:conversion_application_review", args=[case.pk])


@pytest.mark.parametrize(
    ("active", "names", "approvals", "words"),
    [
        (ONE, {"final": "审核"}, [], "待审核"),
        ({}, {}, [], "待初审"),
        ({}, {"final": "核准"}, ["first"], "初审通过,待核准"),
        (THREE, {}, ["first"], "初审通过,待复审"),
        (THREE, {"second": "专家评议"}, ["first", "second"], "专家评议通过,待终审"),
    ],
)
def test_everybody_reads_the_stage_by_its_configured_name(client, stage, active, names, approvals, words):
    name_stages(stage, names, active)
    scene = Scene()
    case = scene.submit()
    people = {"first": scene.first_reviewer, "second": make_reviewer(rights=["second"])}
    for step in approvals:
        scene.decide(case, f"{step}_approve", people[step])
    assert words_for(client, scene, case) == words


def test_filter_names_every_kinds_stage(client, stage):
    name_stages(stage, {"final": "审核"}, ONE)
    client.force_login(make_reviewer(final=True))
    choices = client.get(reverse("admin:conversion_application_changelist")).context["form"].fields["status"].choices
    assert dict(choices)["submitted"] == "待初审 / 待审核"


def test_decisions_are_called_by_the_name_of_their_stage(client, stage):
    """At the desk, in the course of the case, in the message, on the certificate."""
    name_stages(stage, {"final": "核准"}, ONE)
    scene = Scene()
    case = scene.submit()
    client.force_login(scene.final_reviewer)
    assert [str(radio.choice_label) for radio in client.get(page_at_desk(case)).context["form"]["action"]] == [
        "核准通过",
        "退回补充材料",
        "核准不予通过",
    ]
    done = client.post(page_at_desk(case), {"action": "final_approve", "seen_status": "submitted"}, follow=True)
    assert ":核准通过。" in done.content.decode()
    assert "<strong>核准通过</strong>" in client.get(page_at_desk(case)).content.decode()
    client.force_login(scene.user)
    for page in [case.get_absolute_url(), reverse("conversion:progress")]:
        assert "<strong>核准通过</strong>" in client.get(page).content.decode()
    assert "核准通过" in client.get(reverse("portal:timeline")).content.decode()
    assert scene.user.inbox_messages.get().subject == "转换审核结果:核准通过"
    assert [row["stage"] for row in case.certificate.content["stages"]] == ["核准通过"]


# A stage that nobody may decide ------------------------------------------------------------------------------

NOBODY = "还没有工作人员能审核“转换 · 复审”"


def test_keeper_who_starts_a_stage_that_nobody_may_decide_is_told(keeper, stage):
    second = stage("conversion", "second")
    stage("conversion", "first"), stage("conversion", "final")
    make_reviewer(Scene().college, rights=["second"])  # of an institution: the stage is the centre's
    page = reverse("admin:conversion_reviewstage_changelist")
    assert save(keeper, second, is_active=True).status_code == 302
    assert NOBODY in keeper.get(page).content.decode()
    make_reviewer(rights=["second"])
    save(keeper, second, is_active=True)
    assert NOBODY not in keeper.get(page).content.decode()
