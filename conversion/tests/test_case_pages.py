import uuid

import pytest
from django.urls import reverse

from achievements.models import AchievementType, CatalogueEntry
from achievements.tests.factories import EntryFactory
from conversion.models import Application
from conversion.models.application import Action
from conversion.services.applications import submit_recognition, withdraw
from conversion.services.reviews import decide
from conversion.tests.scene import Scene, make_achievement, make_entry, make_learner_user, make_reviewer, make_version


@pytest.fixture
def scene(db):
    return Scene()


@pytest.fixture
def achievement(scene):
    made = make_achievement(scene.user, scene.entry, certificate_number="")
    type(made).objects.filter(pk=made.pk).update(entry=None)
    made.refresh_from_db()
    return made


@pytest.fixture
def owner(client, scene):
    client.force_login(scene.user)
    return client


@pytest.fixture
def case(scene, achievement):
    return submit_recognition(by=scene.user, achievement=achievement, token=uuid.uuid4())


def test_owner_asks_for_recognition(owner, achievement):
    assert "申请认定" in owner.get(reverse("conversion:recognition")).content.decode()
    page = owner.get(reverse("conversion:recognition_apply", args=[achievement.pk]))
    answer = owner.post(page.request["PATH_INFO"], {"token": page.context["form"]["token"].value()})
    assert answer.url == Application.objects.get().get_absolute_url()
    assert "认定中" in owner.get(reverse("conversion:recognition")).content.decode()
    assert achievement.name in owner.get(answer.url).content.decode()


def test_second_ask_is_told_beside_the_form(owner, achievement, case):
    url = reverse("conversion:recognition_apply", args=[achievement.pk])
    answer = owner.post(url, {"token": uuid.uuid4()})
    assert "已提交过同样的申请" in answer.content.decode()


@pytest.mark.parametrize("name", ["recognition", "performance"])
def test_stranger_sees_an_empty_grid_and_visitor_signs_in(client, achievement, name):
    url = reverse(f"conversion:{name}")
    assert client.get(url).url.startswith(reverse("accounts:sign_in"))
    client.force_login(make_learner_user())
    assert "没有找到匹配的记录" in client.get(url).content.decode()


@pytest.mark.parametrize("name", ["recognition_apply", "performance_apply"])
def test_stranger_finds_no_form_of_another_learner(client, achievement, name):
    url = reverse(f"conversion:{name}", args=[achievement.pk])
    assert client.get(url).status_code == 302
    client.force_login(make_learner_user())
    assert client.get(url).status_code == 404
    assert client.post(url, {"token": uuid.uuid4()}).status_code == 404


def test_learner_hands_in_what_a_returned_case_asked_for(owner, scene, case):
    url = reverse("conversion:resubmit", args=[case.pk])
    assert owner.get(url).url == case.get_absolute_url()
    decide(
        application=case, action=Action.RETURN, by=make_reviewer(first=True), reason=scene.reason, opinion="请补合同"
    )
    assert "请在申请页面补充材料并重新提交" in scene.user.inbox_messages.get().body
    page = owner.get(url).content.decode()
    assert "退回原因:材料不足" in page
    assert "审核意见:请补合同" in page
    assert "请上传补充材料" in owner.post(url, {"explanation": " "}).content.decode()
    assert owner.post(url, {"explanation": "已补"}).url == case.get_absolute_url()
    case.refresh_from_db()
    assert case.status == "submitted"
    again = owner.post(url, {"explanation": "再补"}, follow=True)
    assert "可能已经提交过了" in again.content.decode()
    assert case.records.filter(action="resubmit").count() == 1


def test_reviewers_recognise_an_achievement_as_a_new_entry(client, scene, case):
    url = reverse("admin:conversion_application_review", args=[case.pk])
    client.force_login(make_reviewer(first=True))
    client.post(url, {"action": "first_approve", "seen_status": "submitted"})
    client.force_login(make_reviewer(final=True))
    decision = {"action": "final_approve", "seen_status": "first_approved"}
    refused = client.post(url, decision)
    assert "没有填写名录成果编号时必填" in refused.content.decode()
    new = {
        "project_name": "工作经历", "entry_name": "软件开发两年", "institution": scene.college.pk,
        "framework_level": 4, "credits": "2.0",
    }  # fmt: skip
    assert client.post(url, decision | new).status_code == 302
    entry = CatalogueEntry.objects.get(name="软件开发两年")
    assert Application.objects.get(pk=case.pk).status == "approved"
    assert case.sources.get().achievement.entry == entry


def test_reviewers_recognise_an_achievement_as_a_listed_entry(client, scene, case):
    url = reverse("admin:conversion_application_review", args=[case.pk])
    decide(application=case, action=Action.FIRST_APPROVE, by=make_reviewer(first=True))
    client.force_login(make_reviewer(final=True))
    decision = {"action": "final_approve", "seen_status": "first_approved", "entry": scene.entry.pk}
    assert client.post(url, decision).status_code == 302
    assert case.sources.get().achievement.entry == scene.entry


def test_learner_without_a_matching_table_is_told_so(owner, scene, achievement):
    type_ = AchievementType.objects.create(code="work", name="业绩类-工作经历", is_performance=True)
    type(achievement).objects.filter(pk=achievement.pk).update(type=type_, entry=scene.entry)
    page = owner.get(reverse("conversion:performance_apply", args=[achievement.pk])).content.decode()
    assert "目前没有机构公布" in page


def test_reviewers_recognise_what_one_person_did_for_that_person(client, scene, case):
    type_ = case.sources.get().achievement.type
    type(type_).objects.filter(pk=type_.pk).update(is_performance=True)
    url = reverse("admin:conversion_application_review", args=[case.pk])
    decide(application=case, action=Action.FIRST_APPROVE, by=make_reviewer(first=True))
    client.force_login(make_reviewer(final=True))
    page = client.get(url).content.decode()
    assert "只认定这一项(个案认定)" in page
    assert "项目名称</label>" not in page
    decision = {"action": "final_approve", "seen_status": "first_approved"}
    assert "没有填写名录成果编号时必填" in client.post(url, decision).content.decode()
    level = {"institution": scene.college.pk, "framework_level": 4, "credits": "2.0"}
    assert client.post(url, decision | level).status_code == 302
    assert case.sources.get().achievement.entry.status == "individual"


def test_reviewer_finds_the_entry_that_is_there_already(client, scene, case):
    """By its number, which its page and a list beside the form tell; one of another type is refused."""
    achievement = case.sources.get().achievement
    same = EntryFactory(name=f"{achievement.name}(中级)", type=achievement.type)
    other = EntryFactory(name=f"{achievement.name}(另一类)")
    url = reverse("admin:conversion_application_review", args=[case.pk])
    decide(application=case, action=Action.FIRST_APPROVE, by=make_reviewer(first=True))
    client.force_login(make_reviewer(final=True))
    page = client.get(url).content.decode()
    assert f"编号 {same.pk}" in page
    assert f"编号 {other.pk}" not in page
    assert f"<dd>{same.pk}</dd>" in client.get(same.get_absolute_url()).content.decode()
    decision = {"action": "final_approve", "seen_status": "first_approved", "entry": other.pk}
    assert "申请认定的成果属于" in client.post(url, decision).content.decode()
    assert client.post(url, decision | {"entry": same.pk}).status_code == 302
    assert case.sources.get().achievement.entry == same


def test_learner_whose_refused_case_has_a_successor_is_led_to_it_instead_of_an_appeal(owner, scene, achievement, case):
    decide(application=case, action=Action.FIRST_REJECT, by=make_reviewer(first=True), reason=scene.reason)
    case_url, appeal_url = case.get_absolute_url(), reverse("conversion:appeal", args=[case.pk])
    page = owner.get(case_url).content.decode()
    assert appeal_url in page
    assert "可以重新申请" in page
    second = submit_recognition(by=scene.user, achievement=achievement, token=uuid.uuid4())
    page = owner.get(case_url).content.decode()
    assert second.get_absolute_url() in page
    assert appeal_url not in page
    assert "可以重新申请" not in page
    answer = owner.get(appeal_url, follow=True)
    assert "不能同时申诉这一件" in answer.content.decode()
    withdraw(application=second, by=scene.user)
    assert appeal_url in owner.get(case_url).content.decode()


def test_learner_whose_course_was_filled_by_another_rule_is_led_to_that_case(owner, scene):
    other = make_entry("另一项证书")
    refused = make_version(scene.college, [(1, [{"entry": scene.entry}])], fills_course_once=True)
    filling = make_version(scene.college, [(1, [{"entry": other}])], course=refused.course, fills_course_once=True)
    first = scene.submit(version=refused)
    scene.reject(first)
    second = scene.submit(version=filling, achievements=[make_achievement(scene.user, other)])
    assert second.get_absolute_url() in owner.get(first.get_absolute_url()).content.decode()
