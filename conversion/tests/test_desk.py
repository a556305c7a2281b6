"""The reviewers' queue, claims, bulk approval, precedents, preview and criteria."""

import datetime as dt
from decimal import Decimal
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.contrib.auth.models import Permission
from django.urls import reverse
from django.utils import timezone
from django.utils.html import escape

from conversion.models import ReviewClaim, ReviewCriterion
from conversion.services import claims
from conversion.services.appeals import appeal
from conversion.services.applications import resubmit, submit_recognition
from conversion.services.bulk import approve_in_bulk, bulk_line
from conversion.services.claims import ClaimedError, claim_case
from conversion.services.reviews import FindingMissingError, NotAllowedError, SpecialReasonMissingError
from conversion.services.revocation import revoke
from conversion.tests.scene import (
    Scene,
    make_achievement,
    make_entry,
    make_institution,
    make_learner_user,
    make_reviewer,
    make_version,
    verify,
)
from conversion.tests.test_course import off_catalogue, set_stages

QUEUE = reverse("admin:conversion_application_changelist")
BULK = reverse("admin:conversion_application_bulk")


@pytest.fixture
def scene(db):
    return Scene()


@pytest.fixture
def colleague(scene):
    return make_reviewer(scene.college, first=True)


def page_for(application, name="review"):
    return reverse(f"admin:conversion_application_{name}", args=[application.pk])


def text_of(response):
    return response.content.decode()


def another(scene):
    """A case of another learner under the same rule."""
    user = make_learner_user("赵小红")
    return scene.submit(by=user, achievements=[make_achievement(user, scene.entry)])


# Queue -----------------------------------------------------------------------------------------------------


def test_reviewer_finds_a_case_by_number_applicant_and_rule(client, scene):
    first, second = scene.submit(), another(scene)
    client.force_login(scene.first_reviewer)
    for text, found in [(str(second.pk), [second]), ("赵小红", [second]), (scene.version.rule.code, [first, second])]:
        assert [row.pk for row in client.get(QUEUE, {"q": text}).context["page_obj"]] == [case.pk for case in found]


NOTHING_WAITS, NOTHING_FITS = "目前没有待您审核的申请", "没有符合所选条件的申请"


@pytest.mark.parametrize("filters", [{"q": "没有这个人"}, {"status": "approved"}, {"kind": "recognition"}])
def test_reviewer_whose_filter_finds_nothing_can_clear_it(client, scene, filters):
    case = scene.submit()
    client.force_login(scene.first_reviewer)
    page = text_of(client.get(QUEUE, filters))
    assert NOTHING_FITS in page
    assert NOTHING_WAITS not in page
    assert f'<a href="{QUEUE}?scope=mine">清除条件</a>' in page
    assert "在全部申请中查找" in page
    assert [row.pk for row in client.get(QUEUE, {"scope": "mine"}).context["page_obj"]] == [case.pk]


def test_reviewer_for_whom_nothing_waits_reads_so(client, scene):
    client.force_login(scene.first_reviewer)
    page = text_of(client.get(QUEUE))
    assert NOTHING_WAITS in page
    assert NOTHING_FITS not in page


@pytest.mark.parametrize(
    ("scope", "words"),
    [("mine", "等待最久的在最前"), ("overdue", "应办结日期最早的在最前"), ("all", "新提交的在最前")],
)
def test_queue_tells_the_order_it_is_in(client, scene, scope, words):
    scene.submit()
    client.force_login(scene.first_reviewer)
    assert f'<caption class="visually-hidden">{words}</caption>' in text_of(client.get(QUEUE, {"scope": scope}))


@pytest.mark.parametrize(
    "query", ["scope=x", "kind=%00", "page=99999999999999999999", "q=" + "9" * 30, "institution=x"]
)
def test_queue_survives_filters_that_nobody_offers(client, scene, query):
    client.force_login(scene.final_reviewer)
    assert client.get(f"{QUEUE}?{query}").status_code in {200, 400}


def test_queue_says_when_it_stops_counting(client, scene, monkeypatch):
    monkeypatch.setattr("conversion.queue.COUNTED", 1)
    monkeypatch.setattr("conversion.views.desk.COUNTED", 1)
    scene.submit(), another(scene)
    client.force_login(scene.first_reviewer)
    assert "超过 1 件" in text_of(client.get(QUEUE))


def test_a_longer_queue_takes_no_more_queries(client, scene, django_assert_num_queries):
    client.force_login(scene.first_reviewer)
    another(scene)
    client.get(QUEUE)
    with django_assert_num_queries(8) as few:
        client.get(QUEUE)
    for _number in range(4):
        another(scene)
    with django_assert_num_queries(len(few)):
        client.get(QUEUE)


def test_reviewer_goes_from_case_to_case_and_on_after_a_decision(client, scene):
    cases = [scene.submit(), another(scene), another(scene)]
    client.force_login(scene.first_reviewer)
    middle = text_of(client.get(page_for(cases[1])))
    assert f'href="{page_for(cases[0])}"' in middle
    assert f'href="{page_for(cases[2])}"' in middle
    data = {"action": "first_approve", "seen_status": "submitted"}
    assert client.post(page_for(cases[1]), data).url == page_for(cases[2])
    assert client.post(page_for(cases[2]), data).url == page_for(cases[0])
    assert client.post(page_for(cases[0]), data).url == QUEUE


def test_reviewer_goes_on_in_the_queue_that_he_filtered(client, scene):
    """From the list to a case, to the next, and back; a case that the filters leave out is not the next one."""
    elsewhere = make_institution()
    cases = [
        scene.submit(),
        another(scene),
        scene.submit(version=make_version(elsewhere, [(1, [{"entry": scene.entry}])])),
    ]
    for case in cases:
        reviewer = scene.first_reviewer if case != cases[2] else make_reviewer(elsewhere, first=True)
        scene.decide(case, "first_approve", reviewer)
    client.force_login(scene.final_reviewer)
    filters = {"institution": scene.college.pk, "kind": "conversion"}
    left = "?" + urlencode({"queue": urlencode(filters)})
    assert f'href="{page_for(cases[0])}{left}"' in text_of(client.get(QUEUE, filters))
    page = text_of(client.get(page_for(cases[0]) + left))
    assert f'href="{page_for(cases[1])}{left}"' in page
    assert f'href="{QUEUE}?{escape(urlencode(filters))}"' in page
    assert f'action="{page_for(cases[0])}{left}"' in page
    data = {"action": "final_approve", "seen_status": "first_approved"}
    assert client.post(page_for(cases[0]) + left, data).url == page_for(cases[1]) + left
    assert client.post(page_for(cases[1]) + left, data).url == f"{QUEUE}?{urlencode(filters)}"
    assert client.post(page_for(cases[2]), data).url == QUEUE


def test_words_of_the_queue_stay_out_of_the_addresses_of_cases(client, scene):
    """They may be somebody's name."""
    case = scene.submit()
    client.force_login(scene.first_reviewer)
    listed = text_of(client.get(QUEUE, {"q": scene.user.learner.name, "kind": "conversion"}))
    assert f'href="{page_for(case)}?queue=kind%3Dconversion"' in listed


@pytest.mark.parametrize(
    "left", ["%00", "a=%2500&scope=mine", "institution=x&page=-1", "%ED%A0%80", "q=" + "9" * 5000]
)
def test_no_filters_in_an_address_break_a_case(client, scene, left):
    case = scene.submit()
    client.force_login(scene.first_reviewer)
    assert client.get(page_for(case), QUERY_STRING=f"queue={left}").status_code in {200, 400}


# Claims ----------------------------------------------------------------------------------------------------


def test_a_claimed_case_is_decided_by_its_reviewer_only(client, scene, colleague):
    case = scene.submit()
    client.force_login(scene.first_reviewer)
    client.post(page_for(case, "claim"))
    with pytest.raises(NotAllowedError, match="正在办理"):
        scene.decide(case, "first_approve", colleague)
    assert scene.decide(case, "first_approve", scene.first_reviewer).status == "first_approved"
    assert not ReviewClaim.objects.exists()


def test_second_reviewer_is_told_who_claimed_the_case(client, scene, colleague):
    case = scene.submit()
    claim_case(application=case, by=scene.first_reviewer)
    client.force_login(colleague)
    page = text_of(client.post(page_for(case, "claim"), follow=True))
    assert f"没有领取成功:{scene.first_reviewer} 正在办理这件申请。" in page
    assert "正在办理这件申请" in text_of(client.get(page_for(case)))
    assert not client.post(page_for(case, "release")).wsgi_request.user.review_claims.exists()
    assert ReviewClaim.objects.get().by == scene.first_reviewer


def test_a_case_given_back_or_forgotten_is_free_again(client, scene, colleague):
    case = scene.submit()
    claim_case(application=case, by=scene.first_reviewer)
    client.force_login(scene.first_reviewer)
    client.post(page_for(case, "release"))
    claim_case(application=case, by=colleague)
    ReviewClaim.objects.update(at=timezone.now() - dt.timedelta(hours=5))
    claim_case(application=case, by=scene.first_reviewer)
    with pytest.raises(ClaimedError):
        claim_case(application=case, by=colleague)


@pytest.mark.django_db(transaction=True)
def test_of_two_reviewers_at_once_one_claims_the_case(in_parallel):
    scene = Scene()
    case = scene.submit()
    reviewers = [make_reviewer(scene.college, first=True) for _number in range(8)]
    waiting = iter(reviewers)

    def claim():
        reviewer = next(waiting)
        claim_case(application=case, by=reviewer)
        return reviewer

    answers = in_parallel(claim, times=8)
    assert [answer for answer in answers if not isinstance(answer, ClaimedError)] == [ReviewClaim.objects.get().by]


@pytest.mark.django_db(transaction=True)
def test_without_the_condition_every_reviewer_would_believe_he_has_it(in_parallel, monkeypatch):
    """The positive control of the test above."""
    unguarded, _condition = claims.CLAIM.split("WHERE")
    monkeypatch.setattr(claims, "CLAIM", unguarded + "WHERE %s IS NOT NULL")
    scene = Scene()
    case = scene.submit()
    waiting = iter([make_reviewer(scene.college, first=True) for _number in range(8)])
    answers = in_parallel(lambda: claim_case(application=case, by=next(waiting)), times=8)
    assert answers == [None] * 8


@pytest.mark.parametrize("name", ["claim", "release"])
def test_reviewer_of_another_institution_claims_nothing(client, scene, name):
    case = scene.submit()
    client.force_login(make_reviewer(make_entry().institution, first=True))
    assert client.post(page_for(case, name)).status_code == 404
    assert client.get(page_for(case, name)).status_code == 405
    assert not ReviewClaim.objects.exists()


def test_claim_beside_a_whole_document_number_leads_back_to_the_case(client, scene):
    """That page is the answer to a POST: its own address can't be opened."""
    case = scene.submit()
    scene.first_reviewer.user_permissions.add(Permission.objects.get(codename="unmask_document"))
    client.force_login(scene.first_reviewer)
    shown = client.post(page_for(case, "document"), {"purpose": "review"})
    assert f'name="next" value="{page_for(case)}"' in text_of(shown)
    assert client.get(page_for(case, "document")).status_code == 405


def test_who_may_not_decide_a_case_can_not_keep_others_from_it(client, scene):
    """An operator, and a reviewer of the stage after: both see the case, neither may claim it."""
    case = scene.submit()
    for person in [make_reviewer(), scene.final_reviewer]:
        client.force_login(person)
        listed = text_of(client.get(QUEUE, {"scope": "open"}))
        assert page_for(case) in listed
        assert page_for(case, "claim") not in listed
        assert "没有领取成功:您没有这一审核阶段的权限。" in text_of(client.post(page_for(case, "claim"), follow=True))
    assert not ReviewClaim.objects.exists()
    client.force_login(scene.first_reviewer)
    assert page_for(case, "claim") in text_of(client.get(QUEUE, {"scope": "open"}))


@pytest.mark.parametrize("target", ["abc", "https://evil.example/", ""])
def test_who_claims_a_case_is_led_to_the_queue_where_next_is_no_address_of_ours(client, scene, target):
    client.force_login(scene.first_reviewer)
    answer = client.post(page_for(scene.submit(), "claim"), {"next": target})
    assert answer.url == reverse("admin:conversion_application_changelist")


# Bulk approval ---------------------------------------------------------------------------------------------


def test_reviewer_sees_first_what_a_bulk_approval_would_contain(client, scene, colleague):
    fits, held = scene.submit(), another(scene)
    verify(fits.submitted_by, held.submitted_by)
    claim_case(application=held, by=colleague)
    client.force_login(scene.first_reviewer)
    page = client.post(BULK, {"application": [fits.pk, held.pk]})
    assert [line.application for line in page.context["fitting"]] == [fits]
    assert [line.application for line in page.context["left"]] == [held]
    assert fits.records.count() == 1
    done = client.post(BULK, {"application": [fits.pk, held.pk], "confirm": "1", "opinion": "一并通过"}, follow=True)
    assert "已通过 1 件" in text_of(done)
    assert "正在办理" in text_of(done)
    assert (fits.records.last().action, fits.records.last().opinion) == ("first_approve", "一并通过")
    assert held.records.count() == 1


def test_bulk_approval_leads_back_to_the_queue_that_was_filtered(client, scene):
    case, left = scene.submit(), f"{QUEUE}?kind=conversion&page=2"
    verify(case.submitted_by)
    client.force_login(scene.first_reviewer)
    assert client.post(BULK, {"next": left}).url == left  # nothing chosen
    page = text_of(client.post(BULK, {"application": [case.pk], "next": left}))
    assert page.count(f'"{escape(left)}"') == 3  # above, 返回列表, and what 确认通过 sends along
    assert client.post(BULK, {"application": [case.pk], "next": left, "confirm": "1"}).url == left


def test_an_opinion_is_kept_without_what_no_database_holds(client, scene):
    case = scene.submit()
    verify(case.submitted_by)
    client.force_login(scene.first_reviewer)
    client.post(BULK, {"application": [case.pk], "confirm": "1", "opinion": "一并\x00通过\r\n" + "字" * 995})
    assert case.records.last().opinion == "一并通过\n" + "字" * 995  # a thousand for a browser


def test_bulk_approval_leaves_out_what_needs_a_look(scene):
    twin = {"certificate_number": scene.achievement.certificate_number, "body_name": scene.achievement.body_name}
    flagged = scene.submit()
    make_achievement(make_learner_user(), scene.entry, **twin)
    version = make_version(scene.college, [(1, [{"entry": scene.entry}])], publish=False)
    ReviewCriterion.objects.create(version=version, label="内容相关度", minimum=80)
    version = published(version)
    with_number = scene.submit(version=version)
    other = another(scene)
    verify(scene.user)
    done, left = approve_in_bulk(applications=[flagged, with_number], by=scene.first_reviewer)
    assert done == []
    assert ["同一编号" in left[0][1], "审核指标" in left[1][1]] == [True, True]
    assert bulk_line(other, scene.final_reviewer).obstacle == "您没有这一审核阶段的权限。"


def test_bulk_approval_names_a_recognition_and_a_case_with_a_condition_unmet(scene):
    verify(scene.user)
    recognition = submit_recognition(by=scene.user, achievement=off_catalogue(scene), token=uuid4())
    assert bulk_line(recognition, make_reviewer(first=True)).obstacle == "成果认定须逐件审核。"
    case = scene.submit()
    assert bulk_line(case, scene.first_reviewer).obstacle == ""
    case.snapshot["sources"][0]["entry_id"] = make_entry("别的成果").pk
    assert bulk_line(case, scene.first_reviewer).obstacle == "规则的条件没有全部满足。"


def test_bulk_approval_proves_nobodys_identity(client, scene):
    """The final approval of one case counts its person as verified: after a look at the papers, so not in bulk."""
    case = scene.submit()
    scene.decide(case, "first_approve", scene.first_reviewer)
    client.force_login(scene.final_reviewer)
    listed = text_of(client.post(BULK, {"application": [case.pk]}))
    assert "申请人尚未实名核验,请对照证明材料核对姓名和证件" in listed
    client.post(BULK, {"application": [case.pk], "confirm": "1"})
    scene.user.learner.refresh_from_db()
    assert (status_of(case), scene.user.learner.verified_at) == ("first_approved", None)
    client.post(page_for(case), {"action": "final_approve", "seen_status": "first_approved"})
    scene.user.learner.refresh_from_db()
    assert (status_of(case), scene.user.learner.verified_at is None) == ("approved", False)


UNSEEN = {"checking": "还在检查", "refused": "没有通过检查"}


@pytest.mark.parametrize("state", UNSEEN)
@pytest.mark.parametrize("stage", ["first", "final"])
@pytest.mark.parametrize("place", ["achievement", "case"])
def test_bulk_approval_leaves_out_a_case_with_a_file_that_nobody_can_see(client, scene, state, stage, place):
    case, reviewer = scene.submit(), scene.first_reviewer
    verify(scene.user)
    if stage == "final":
        scene.decide(case, "first_approve", reviewer)
        reviewer = scene.final_reviewer
    assert not bulk_line(case, reviewer).obstacle
    owner = case if place == "case" else scene.achievement
    refusal = "加密的文件" if state == "refused" else ""
    owner.files.create(name="证书.pdf", kind="pdf", size=1, sha256="0" * 64, state=state, refusal=refusal)
    before = status_of(case)
    client.force_login(reviewer)
    assert f"文件“证书.pdf”{UNSEEN[state]}" in text_of(client.post(BULK, {"application": [case.pk]}))
    client.post(BULK, {"application": [case.pk], "confirm": "1"})
    assert status_of(case) == before
    # Alone it may be approved: whoever opens the case is told, and sees what else proves it.
    assert f"注意:文件“证书.pdf”{UNSEEN[state]}" in text_of(client.get(page_for(case)))
    client.post(page_for(case), {"action": f"{stage}_approve", "seen_status": before})
    assert status_of(case) != before


def status_of(case):
    return type(case).objects.get(pk=case.pk).status


@pytest.mark.parametrize("who", ["anonymous", "applicant", "stranger"])
def test_nobody_else_approves_in_bulk(client, scene, who):
    case = scene.submit()
    people = {"applicant": scene.user, "stranger": make_reviewer(make_entry().institution, first=True)}
    if who in people:
        client.force_login(people[who])
    client.post(BULK, {"application": [case.pk], "confirm": "1"})
    case.refresh_from_db()
    assert (case.status, case.records.count()) == ("submitted", 1)


# What the reviewer reads -----------------------------------------------------------------------------------


def test_reviewer_reads_how_like_cases_were_decided(client, scene):
    precedent = another(scene)
    scene.reject(precedent, opinion="缺少成绩单")
    case = scene.submit()
    client.force_login(scene.first_reviewer)
    page = client.get(page_for(case))
    found = page.context["precedents"]
    assert (found.approved, found.refused, found.cases) == (0, 1, [precedent])
    assert "缺少成绩单" in text_of(page)


def test_reviewer_reads_the_last_word_on_like_cases_that_were_appealed_or_revoked(client, scene):
    appealed, revoked = another(scene), scene.approved()
    scene.reject(appealed, opinion="缺少成绩单")
    appeal(application=appealed, by=appealed.submitted_by, text="成绩单已补")
    scene.decide(appealed, "appeal_approve", make_reviewer(rights=["appeal"]), opinion="成绩单属实")
    revoke(application=revoked, by=make_reviewer(rights=["revoke"]), reason=scene.revocation_reason)
    client.force_login(scene.first_reviewer)
    page = client.get(page_for(another(scene)))
    found = page.context["precedents"]
    assert (found.approved, found.refused) == (1, 1)
    last_words = {case: case.decisions[0].get_action_display() for case in found.cases}
    assert last_words == {appealed: "申诉成立,予以通过", revoked: "撤销"}
    text = text_of(page)
    assert "成绩单属实" in text
    assert "证书系伪造" in text
    assert "缺少成绩单" not in text


def test_reviewer_opens_of_the_learners_other_cases_those_of_his_institution(client, scene):
    """The history is whole, but a link never leads to a case that he may not see."""
    elsewhere = make_version(make_entry().institution, [(1, [{"entry": scene.entry}])])
    foreign, case = scene.submit(version=elsewhere), scene.submit()
    for person, is_open in [(scene.first_reviewer, False), (scene.final_reviewer, True)]:
        client.force_login(person)
        page = text_of(client.get(page_for(case)))
        assert foreign.title in page
        assert (page_for(foreign) in page) == is_open
        assert client.get(page_for(foreign)).status_code == (200 if is_open else 404)


def test_reviewer_whose_page_is_older_than_the_material_reads_it_first(client, scene):
    """Returned by a colleague and handed in again: the state is the same, what was read isn't."""
    case = scene.submit()
    client.force_login(scene.first_reviewer)
    assert '<input type="hidden" name="seen_record" value="1">' in text_of(client.get(page_for(case)))
    scene.decide(case, "return", make_reviewer(scene.college, first=True), reason=scene.reason)
    resubmit(application=case, by=scene.user, explanation="成绩单已补")
    decision = {"action": "first_approve", "seen_status": "submitted", "seen_record": "1", "opinion": "写好的意见"}
    page = text_of(client.post(page_for(case), decision))
    assert "申请人补充了材料或说明" in page
    assert "写好的意见" in page
    assert "成绩单已补" in page
    assert '<input type="hidden" name="seen_record" value="3">' in page
    assert status_of(case) == "submitted"
    client.post(page_for(case), decision | {"seen_record": "3"})
    assert status_of(case) == "first_approved"


def test_reviewer_reads_what_the_approval_will_write(client, scene):
    case = scene.submit()
    scene.decide(case, "first_approve", scene.first_reviewer)
    client.force_login(scene.final_reviewer)
    effects = client.get(page_for(case)).context["effects"]
    assert any("记入 4.0 学分,余额由 0 变为 4.0" in effect for effect in effects)
    scene.decide(case, "final_approve", scene.final_reviewer)
    assert scene.user.learner.credit_entries.balance() == Decimal("4.0")


# Criteria --------------------------------------------------------------------------------------------------


def published(version):
    from conversion.tests.scene import publish_version

    publish_version(version)
    return version


@pytest.fixture
def measured(scene):
    """A case whose rule wants the relevance of the content, at least 80 %."""
    version = make_version(scene.college, [(1, [{"entry": scene.entry}])], publish=False)
    criterion = ReviewCriterion.objects.create(version=version, label="内容相关度", minimum=80)
    return scene.submit(version=published(version)), criterion


@pytest.mark.parametrize(
    ("typed", "error"), [("", "通过之前请填写内容相关度"), ("79.9", "低于规则要求"), ("x", "输入")]
)
def test_reviewer_cannot_approve_without_the_number_that_the_rule_asks_for(client, scene, measured, typed, error):
    case, criterion = measured
    client.force_login(scene.first_reviewer)
    data = {"action": "first_approve", "seen_status": "submitted", f"criterion_{criterion.pk}": typed}
    assert error in text_of(client.post(page_for(case), data))
    with pytest.raises(FindingMissingError):
        scene.decide(case, "first_approve", scene.first_reviewer, findings={criterion: Decimal("79.9")})
    case.refresh_from_db()
    assert case.status == "submitted"


def test_the_number_stands_in_the_record(client, scene, measured):
    case, criterion = measured
    client.force_login(scene.first_reviewer)
    data = {"action": "first_approve", "seen_status": "submitted", f"criterion_{criterion.pk}": "85.5"}
    client.post(page_for(case), data)
    expected = [{"label": "内容相关度", "minimum": "80", "unit": "%", "found": "85.5"}]
    assert case.records.last().findings == expected
    client.force_login(scene.final_reviewer)
    assert "内容相关度:85.5%(不低于80%)" in text_of(client.get(page_for(case)))


def test_number_below_its_least_refuses_without_a_special_reason(scene, measured):
    case, criterion = measured
    with pytest.raises(SpecialReasonMissingError):
        scene.decide(
            case, "first_reject", scene.first_reviewer, reason=scene.reason, findings={criterion: Decimal(80)}
        )
    scene.decide(case, "first_reject", scene.first_reviewer, reason=scene.reason, findings={criterion: Decimal(60)})
    assert (case.status, case.records.last().findings[0]["found"]) == ("rejected", "60")


@pytest.mark.parametrize(("refused_at", "asked"), [("first_reject", True), ("final_reject", False)])
def test_judge_answers_the_criteria_that_no_approval_has_answered(client, scene, measured, refused_at, asked):
    case, criterion = measured
    if refused_at == "final_reject":
        scene.decide(case, "first_approve", scene.first_reviewer, findings={criterion: Decimal(85)})
    scene.reject(case, refused_at, scene.final_reviewer if refused_at == "final_reject" else scene.first_reviewer)
    appeal(application=case, by=scene.user, text="请再看")
    judge = make_reviewer(rights=["appeal"])
    client.force_login(judge)
    decision = {"action": "appeal_approve", "seen_status": "appealed"}
    answer = client.post(page_for(case), decision)
    assert (status_of(case) == "appealed") == ("通过之前请填写内容相关度" in text_of(answer)) == asked
    if asked:
        with pytest.raises(FindingMissingError):
            scene.decide(case, "appeal_approve", judge)
        client.post(page_for(case), decision | {f"criterion_{criterion.pk}": "80"})
        assert case.records.last().findings[0]["found"] == "80"
    assert status_of(case) == "approved"


def test_only_stage_reads_the_missing_number_beside_its_field(client, scene):
    set_stages(active=["final"])
    version = make_version(scene.college, [(1, [{"entry": scene.entry}])], publish=False)
    ReviewCriterion.objects.create(version=version, label="内容相关度", minimum=80)
    case = scene.submit(version=published(version))
    client.force_login(scene.final_reviewer)
    page = client.post(page_for(case), {"action": "final_approve", "seen_status": "submitted"})
    assert "通过之前请填写内容相关度" in text_of(page)


def test_reviewer_may_refuse_without_the_number(scene, measured):
    case, _criterion = measured
    scene.decide(case, "return", scene.first_reviewer, reason=scene.reason)
    assert case.status == "returned"
