"""The reviewer's desk in the admin."""

import io

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import reverse
from PIL import Image

from achievements.models import Achievement
from conversion.tests.scene import (
    Scene,
    make_achievement,
    make_entry,
    make_institution,
    make_learner_user,
    make_reviewer,
)
from evidence.services import add_evidence, inspect_evidence
from evidence.tests.test_inspection import pdf

QUEUE = reverse("admin:conversion_application_changelist")


@pytest.fixture
def scene(db):
    return Scene()


@pytest.fixture
def application(scene):
    return scene.submit()


@pytest.fixture
def reviewer(client, scene):
    client.force_login(scene.first_reviewer)
    return client


@pytest.fixture
def picture(scene, settings, tmp_path):
    """A picture that proves the scene's achievement and passed inspection."""
    settings.MEDIA_ROOT = tmp_path
    return add_picture(scene.user, scene.achievement)


def add_picture(user, achievement):
    content = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(content, "PNG")
    uploads = [(SimpleUploadedFile("证书.png", content.getvalue()), "png")]
    [row] = add_evidence(uploads=uploads, by=user)
    achievement.files.add(row)
    inspect_evidence(pk=row.pk)
    row.refresh_from_db()
    return row


def desk(application):
    return reverse("admin:conversion_application_review", args=[application.pk])


def decision(application, action, **fields):
    return {"action": action, "seen_status": application.status} | fields


def text_of(response):
    return response.content.decode()


def test_reviewer_sees_learner_rule_conditions_and_decides(reviewer, scene, application):
    page = reviewer.get(desk(application))
    for words in [scene.user.name, scene.user.learner.masked_document, "未核验", scene.entry.name, "所列条件全部符合"]:
        assert words in text_of(page)
    assert scene.user.learner.document_number not in text_of(page)
    answer = reviewer.post(desk(application), decision(application, "first_approve", opinion="材料齐全"))
    assert answer.url == QUEUE
    application.refresh_from_db()
    assert application.status == "first_approved"
    assert application.records.last().opinion == "材料齐全"


def test_reviewer_of_another_institution_finds_no_case(client, application, picture):
    client.force_login(make_reviewer(make_entry().institution, first=True))
    assert client.get(desk(application)).status_code == 404
    evidence = reverse("admin:conversion_application_evidence", args=[application.pk, picture.pk])
    assert client.get(evidence).status_code == 404
    assert application.title not in text_of(client.get(QUEUE))


def test_staff_without_the_right_to_view_cases_is_refused(client, scene, application):
    scene.first_reviewer.user_permissions.clear()
    client.force_login(scene.first_reviewer)
    assert client.get(desk(application)).status_code == 403


@pytest.mark.parametrize("who", ["applicant", "visitor"])
def test_applicant_and_visitor_are_sent_to_the_admins_sign_in(client, scene, application, who):
    if who == "applicant":
        client.force_login(scene.user)
    assert client.get(desk(application)).url.startswith(reverse("admin:login"))
    assert client.post(desk(application), decision(application, "first_approve")).status_code == 302
    application.refresh_from_db()
    assert application.status == "submitted"


def test_second_reviewer_is_told_who_decided_and_changes_nothing(client, scene, application):
    second = make_reviewer(scene.college, first=True)
    seen = decision(application, "first_reject", reason=scene.reason.pk)
    scene.decide(application, "first_approve", scene.first_reviewer)
    client.force_login(second)
    page = client.post(desk(application), seen, follow=True)
    assert f"由 {scene.first_reviewer} 处理(初审通过)" in text_of(page)
    application.refresh_from_db()
    assert application.status == "first_approved"
    assert application.records.count() == 2


@pytest.mark.parametrize("action", ["first_reject", "return"])
def test_refusal_without_reason_shows_the_error_beside_the_field(reviewer, scene, application, action):
    page = reviewer.post(desk(application), decision(application, action, opinion="写好的意见"))
    text = " ".join(text_of(page).split())
    assert '<p class="review-error" id="reason-error"> 不予通过或退回时必须选择原因。 </p>' in text
    assert 'aria-describedby="reason-error"' in text
    assert "写好的意见" in text
    application.refresh_from_db()
    assert application.status == "submitted"


def test_reviewer_who_chose_no_decision_reads_so(reviewer, application):
    page = reviewer.post(desk(application), {"seen_status": application.status})
    assert 'id="action-error"' in text_of(page)
    assert application.records.count() == 1


def test_final_reviewer_reads_why_he_may_not_decide_yet(client, scene, application):
    client.force_login(scene.final_reviewer)
    page = text_of(client.get(desk(application)))
    assert "您没有这一审核阶段的权限。" in page
    assert f"等待{scene.college}初审。" in page
    assert "提交审核结论" not in page


def test_first_reviewer_with_both_rights_may_not_take_the_final_stage(client, scene, application):
    scene.decide(application, "first_approve", scene.first_reviewer)
    both = make_reviewer(first=True, final=True)
    type(application).objects.filter(pk=application.pk).update(first_reviewer=both)
    client.force_login(both)
    assert "各级审核必须由不同的人完成" in text_of(client.get(desk(application)))


def test_queue_of_a_reviewer_can_be_narrowed_to_what_waits_for_him(client, scene, application):
    other = scene.submit(
        achievements=[make_achievement(scene.user, scene.entry)],
    )
    scene.decide(other, "first_approve", scene.first_reviewer)
    waiting = {scene.first_reviewer: application, scene.final_reviewer: other}
    for reviewer, case in waiting.items():
        client.force_login(reviewer)
        assert [row.pk for row in client.get(QUEUE).context["page_obj"]] == [case.pk]
        shown = [row.pk for row in client.get(QUEUE, {"scope": "open"}).context["page_obj"]]
        assert shown == [application.pk, other.pk]


def test_reviewer_opens_the_evidence_of_the_case_and_of_no_other(reviewer, scene, application, picture):
    names = ["admin:conversion_application_evidence", "admin:conversion_application_thumbnail"]
    page = text_of(reviewer.get(desk(application)))
    for name in names:
        url = reverse(name, args=[application.pk, picture.pk])
        assert url in page
        answer = reviewer.get(url)
        assert answer["Content-Type"].startswith("image/")
        assert b"".join(answer.streaming_content)
    stranger = make_learner_user()
    foreign = add_picture(stranger, make_achievement(stranger, scene.entry))
    assert reviewer.get(reverse(names[0], args=[application.pk, foreign.pk])).status_code == 404


def test_reviewer_turns_the_pages_of_a_pdf_beside_the_conditions(
    client, reviewer, scene, application, settings, tmp_path
):
    settings.MEDIA_ROOT = tmp_path
    [row] = add_evidence(uploads=[(SimpleUploadedFile("合同.pdf", pdf(pages=2)), "pdf")], by=scene.user)
    inspect_evidence(pk=row.pk)
    pages = [reverse("admin:conversion_application_page", args=[application.pk, row.pk, page]) for page in (1, 2, 3)]
    assert reviewer.get(pages[0]).status_code == 404  # not yet of this case
    scene.achievement.files.add(row)
    shown = text_of(reviewer.get(desk(application)))
    assert [url in shown for url in pages] == [True, True, False]
    for url in pages[:2]:
        assert b"".join(reviewer.get(url).streaming_content).startswith(b"\xff\xd8\xff")
    assert reviewer.get(pages[2]).status_code == 404
    client.force_login(make_reviewer(make_institution(), first=True))
    assert client.get(pages[0]).status_code == 404
    client.logout()
    assert client.get(pages[0]).status_code == 302


def test_reviewer_is_warned_of_a_certificate_number_that_another_learner_holds(reviewer, scene, application):
    warning = "另有学习者登记了同一编号的证书"
    assert warning not in text_of(reviewer.get(desk(application)))
    number = scene.achievement.certificate_number
    make_achievement(scene.user, scene.entry, certificate_number=number, body_name="别的机构")
    assert "另有学习者" not in text_of(reviewer.get(desk(application)))
    make_achievement(make_learner_user(), scene.entry, certificate_number=f" {number.lower()}", body_name="别的写法")
    page = text_of(reviewer.get(desk(application)))
    assert "另有学习者登记了同一编号、机构写法不同的证书" in page
    assert warning not in page
    twin = {"certificate_number": number, "body_name": scene.achievement.body_name}
    make_achievement(make_learner_user(), scene.entry, **twin)
    assert warning in text_of(reviewer.get(desk(application)))


def test_a_bar_at_the_head_of_a_number_is_not_everybodys_who_has_none(reviewer, scene):
    """The key of a certificate is number|body: before the bar of "|7" stood what papers without a number have."""
    barred = make_achievement(scene.user, scene.entry, certificate_number="|7")
    case = scene.submit(achievements=[barred])
    make_achievement(make_learner_user(), scene.entry, certificate_number="无")
    assert "同一编号" not in text_of(reviewer.get(desk(case)))
    make_achievement(make_learner_user(), scene.entry, certificate_number="｜7", body_name="别的写法")
    assert "另有学习者登记了同一编号、机构写法不同的证书" in text_of(reviewer.get(desk(case)))


def test_reviewer_sees_which_institution_imported_an_achievement(reviewer, scene, application):
    school = make_institution(name="示例导入学校")
    assert "机构导入" not in text_of(reviewer.get(desk(application)))
    Achievement.objects.filter(pk=scene.achievement.pk).update(origin="imported", imported_from=school)
    assert "机构导入(示例导入学校)" in text_of(reviewer.get(desk(application)))
