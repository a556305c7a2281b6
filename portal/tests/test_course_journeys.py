"""Journeys of a case after its decision: refusal, appeal, approval; revocation that the verification page shows."""

import pytest

from conversion.tests.scene import Scene, make_reviewer
from portal.tests import journey

pytestmark = pytest.mark.django_db(transaction=True)


def test_refused_learner_appeals_and_a_third_person_approves(new_page):
    scene = Scene()
    case = scene.reject(scene.submit())
    learner = journey.learner_session(new_page, scene.user)
    learner.goto(case.get_absolute_url())
    learner.get_by_role("link", name="申诉", exact=True).click()
    learner.get_by_label("申诉理由").fill("证书可以在颁发机构核实")
    learner.get_by_role("button", name="提交申诉").click()
    learner.get_by_text("申诉已提交").wait_for()
    judge = journey.staff_session(new_page, make_reviewer(rights=["appeal"]))
    judge.goto("/admin/conversion/application/?scope=mine")
    judge.get_by_role("row").filter(has_text=scene.user.name).get_by_role("link").first.click()
    judge.get_by_label("申诉成立,予以通过").check()
    judge.get_by_role("button", name="提交审核结论").click()
    judge.get_by_text("申诉成立,予以通过").first.wait_for()
    learner.reload()
    assert "已通过" in journey.main_text(learner)
    assert case.certificate.number in journey.main_text(learner)


def test_revoked_certificate_is_shown_as_revoked_at_once(new_page):
    scene = Scene()
    case = scene.approved()
    visitor = new_page()
    visitor.goto(f"/verify/{case.certificate.token}/")
    assert "已撤销" not in journey.main_text(visitor)
    revoker = journey.staff_session(new_page, make_reviewer(rights=["revoke"]))
    revoker.goto(f"/admin/conversion/application/{case.pk}/review/")
    revoker.get_by_role("link", name="撤销…").click()
    revoker.get_by_label("撤销原因").select_option(label=scene.revocation_reason.text)
    revoker.get_by_role("button", name="撤销并通知申请人").click()
    revoker.get_by_text("已撤销,并已通知申请人").wait_for()
    visitor.reload()
    assert "已撤销" in journey.main_text(visitor)
