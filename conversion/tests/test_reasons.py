"""The centre's list of reasons: words that records have given are kept."""

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.urls import reverse

from accounts.tests.factories import CentreReviewerFactory
from conversion.models import ReasonCode
from conversion.tests.scene import Scene


@pytest.fixture
def scene(db):
    return Scene()


@pytest.fixture
def keeper(client, db):
    rights = ["conversion.view_reasoncode", "conversion.change_reasoncode", "conversion.add_reasoncode"]
    client.force_login(CentreReviewerFactory(permissions=rights))
    return client


def words(reason, **changes):
    return {"code": reason.code, "text": reason.text, "position": 3, "for_refusal": "on"} | changes


def page_of(reason):
    return reverse("admin:conversion_reasoncode_change", args=[reason.pk])


def test_keeper_rewords_a_reason_that_nobody_has_given(keeper, scene):
    keeper.post(page_of(scene.reason), words(scene.reason, text="材料缺页"))
    scene.reason.refresh_from_db()
    assert scene.reason.text == "材料缺页"


def test_keeper_stops_a_given_reason_but_cannot_reword_it(keeper, scene):
    scene.reject(scene.submit())
    reason = scene.special_reason
    assert "请停用这一条并新建" in keeper.get(page_of(reason)).content.decode()
    keeper.post(page_of(reason), words(reason, text="别的意思"))
    reason.refresh_from_db()
    assert (reason.text, reason.is_active, reason.position) == ("课程要求特殊", False, 3)


def test_raw_update_of_given_words_is_refused(scene):
    scene.reject(scene.submit())
    given = ReasonCode.objects.filter(pk=scene.special_reason.pk)
    for change in ({"text": "别的意思"}, {"code": "other-words"}):
        with pytest.raises(IntegrityError, match="keeps its words"), transaction.atomic():
            given.update(**change)
    assert ReasonCode.objects.filter(pk=scene.reason.pk).update(text="还没有用过") == 1


def test_what_a_learner_can_mend_is_no_ground_to_refuse_a_met_rule(db):
    call_command("load_reference", verbosity=0)
    special = ReasonCode.objects.filter(for_met_rule=True)
    expected = {"not_genuine", "name_mismatch", "content_mismatch", "not_enrolled", "already_credited"}
    assert set(special.values_list("code", flat=True)) == expected
