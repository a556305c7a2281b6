"""The course of a case: due dates, reasons, appeals, revocation, stages as data; raw SQL obeys too."""

import uuid
from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from accounts.documents import Document, DocumentKind
from achievements.models import Achievement
from conversion import slots, stages
from conversion.models import (
    Application,
    CalendarDay,
    CreditEntry,
    ReasonCode,
    ReviewerDocument,
)
from conversion.models.application import Action, Kind
from conversion.queue import waiting_for
from conversion.services import clock, reviews
from conversion.services.appeals import AppealRefusedError, appeal
from conversion.services.applications import resubmit, submit_recognition, withdraw
from conversion.services.records import write_record
from conversion.services.reviews import (
    DecidedMeanwhileError,
    NotAllowedError,
    ReasonUnfitError,
    SpecialReasonMissingError,
)
from conversion.services.revocation import StillUsedError, may_revoke, revoke
from conversion.tests.scene import Scene, make_achievement, make_learner_user, make_reviewer


@pytest.fixture
def scene(db):
    return Scene()


@pytest.fixture
def judge(db):
    return make_reviewer(rights=["appeal"])


@pytest.fixture
def revoker(db):
    return make_reviewer(rights=["revoke"])


@pytest.fixture
def refused(scene):
    return scene.reject(scene.submit())


def same(application):
    return Application.objects.get(pk=application.pk)


def set_stages(kind=Kind.CONVERSION, *, active, **owners):
    for step in ["first", "second", "final", "appeal"]:
        stage = stages.default_stage(kind, step)
        stage.is_active = step in active or step == "appeal"
        stage.owner = owners.get(step, stage.owner)
        stage.save()


def set_document(user, learner):
    ReviewerDocument.objects.create(user=user, document_digest=learner.document_digest)


class TestAppeal:
    def test_successful_appeal_writes_all_that_an_approval_writes(self, scene, refused, judge):
        appeal(application=refused, by=scene.user, text="证书可以核实")
        assert (refused.status, refused.step, refused.decided_at) == ("appealed", "appeal", None)
        scene.decide(refused, "appeal_approve", judge)
        assert (refused.status, refused.appeal_reviewer) == ("approved", judge)
        assert CreditEntry.objects.get().credits == 4
        assert [stage["stage"] for stage in refused.certificate.content["stages"]] == ["申诉成立,予以通过"]
        assert scene.user.inbox_messages.count() == 2

    def test_refused_appeal_is_final(self, scene, refused, judge):
        appeal(application=refused, by=scene.user, text="证书可以核实")
        scene.reject(refused, "appeal_reject", judge)
        assert refused.status == "rejected"
        assert not CreditEntry.objects.exists()
        with pytest.raises(AppealRefusedError, match="只能申诉一次"):
            appeal(application=refused, by=scene.user, text="再看一次")
        assert "申诉一次" not in scene.user.inbox_messages.latest("pk").body

    def test_who_decided_does_not_judge_the_appeal(self, scene, judge):
        case = scene.submit()
        scene.decide(case, "first_approve", scene.first_reviewer)
        final = make_reviewer(final=True, rights=["appeal"])
        scene.reject(case, "final_reject", final)
        appeal(application=case, by=scene.user, text="请再看")
        with pytest.raises(NotAllowedError, match="不同的人"):
            scene.decide(case, "appeal_approve", final)
        assert not Application.objects.filter(waiting_for(final)).exists()
        assert Application.objects.filter(waiting_for(judge)).get() == case

    def test_who_returned_a_recognition_does_not_take_its_final_review(self, scene):
        achievement = off_catalogue(scene)
        case = submit_recognition(by=scene.user, achievement=achievement, token=uuid.uuid4())
        both = make_reviewer(first=True, final=True)
        scene.decide(case, "return", both, reason=scene.reason)
        resubmit(application=case, by=scene.user, explanation="已补")
        scene.decide(case, "first_approve", make_reviewer(first=True))
        with pytest.raises(NotAllowedError, match="不同的人"):
            scene.decide(case, "final_approve", both, recognised_as=scene.entry)
        assert not Application.objects.filter(waiting_for(both)).exists()

    def test_stranger_can_not_appeal(self, refused):
        with pytest.raises(AppealRefusedError):
            appeal(application=refused, by=make_learner_user(), text="x")

    def test_appeal_stops_at_another_live_case(self, scene, refused):
        second = scene.submit()
        with pytest.raises(AppealRefusedError, match="另一件有效的申请"):
            appeal(application=refused, by=scene.user, text="请再看")
        assert (same(refused).status, same(second).status) == ("rejected", "submitted")
        assert refused.records.count() == 2
        withdraw(application=second, by=scene.user)
        assert appeal(application=same(refused), by=scene.user, text="请再看").status == "appealed"

    def test_appealed_case_holds_the_rule(self, scene, refused):
        assert slots.convertible_counts([scene.achievement])
        appeal(application=refused, by=scene.user, text="请再看")
        assert slots.convertible_counts([scene.achievement]) == {}

    def test_late_first_decision_is_a_ground(self, scene):
        case = scene.submit()
        Application.objects.update(due_on=timezone.localdate() - timedelta(1))
        case = scene.reject(same(case))
        assert case.first_decision_late

    def test_owner_fills_the_appeal_to_its_end(self, client, scene, refused):
        """A browser counts a line's end as one character, though it sends two."""
        client.force_login(scene.user)
        text = "\r\n".join(["字" * 99] * 10)  # 999 characters for a browser
        assert client.post(reverse("conversion:appeal", args=[refused.pk]), {"text": text + "完"}).status_code == 302
        assert refused.records.last().opinion.endswith("\n" + "字" * 99 + "完")

    def test_owner_appeals_on_the_page_and_others_find_none(self, client, scene, refused):
        url = reverse("conversion:appeal", args=[refused.pk])
        assert client.get(url).status_code == 302
        client.force_login(make_learner_user())
        assert client.get(url).status_code == client.post(url, {"text": "x"}).status_code == 404
        client.force_login(scene.user)
        assert url in client.get(refused.get_absolute_url()).content.decode()
        assert "请写明申诉理由" in client.post(url, {"text": " "}).content.decode()
        assert client.post(url, {"text": "证书可以核实"}).url == refused.get_absolute_url()
        again = client.post(url, {"text": "再来"}, follow=True)
        assert "每件申请只能申诉一次" in again.content.decode()
        assert refused.records.filter(action="appeal").count() == 1
        page = client.get(refused.get_absolute_url()).content.decode()
        assert "等待学分银行管理中心申诉裁决。" in page
        assert "证书可以核实" in page


class TestRevocation:
    def test_revocation_takes_back_award_and_certificate_and_frees_the_achievement(self, scene, revoker):
        case = scene.approved()
        revoke(application=case, by=revoker, reason=scene.revocation_reason, opinion="学校来函")
        assert (case.status, case.revoked_by) == ("revoked", revoker)
        assert CreditEntry.objects.balance() == 0
        assert not case.certificate.is_valid
        assert slots.convertible_counts([scene.achievement]) == {scene.achievement.pk: 1}
        assert "原因:证书系伪造" in scene.user.inbox_messages.latest("pk").body

    @pytest.mark.parametrize("who", ["first", "final", "without_right", "institution", "learner"])
    def test_who_decided_or_has_no_right_does_not_revoke(self, scene, who):
        first = make_reviewer(scene.college, first=True, rights=["revoke"])
        final = make_reviewer(final=True, rights=["revoke"])
        case = scene.submit()
        scene.decide(case, "first_approve", first)
        scene.decide(case, "final_approve", final)
        people = {
            "first": first,
            "final": final,
            "without_right": make_reviewer(first=True, final=True),
            "institution": make_reviewer(scene.college, rights=["revoke"]),
            "learner": scene.user,
        }
        assert not may_revoke(case, people[who])
        with pytest.raises(NotAllowedError):
            revoke(application=case, by=people[who], reason=scene.revocation_reason)
        assert same(case).status == "approved"

    def test_reason_of_a_refusal_is_none_for_a_revocation(self, scene, revoker):
        with pytest.raises(ReasonUnfitError):
            revoke(application=scene.approved(), by=revoker, reason=scene.reason)

    def test_revoked_recognition_leaves_the_catalogue_unless_a_conversion_rests_on_it(self, scene, revoker):
        achievement = off_catalogue(scene)
        case = submit_recognition(by=scene.user, achievement=achievement, token=uuid.uuid4())
        scene.decide(case, "first_approve", make_reviewer(first=True))
        scene.decide(case, "final_approve", make_reviewer(final=True), recognised_as=scene.entry)
        achievement.refresh_from_db()
        conversion = scene.submit(achievements=[achievement])
        with pytest.raises(StillUsedError) as refused:
            revoke(application=case, by=revoker, reason=scene.revocation_reason)
        assert f"{conversion.pk}《{conversion.title}》" in refused.value.message
        assert same(case).status == "approved"
        withdraw(application=conversion, by=scene.user)
        revoke(application=same(case), by=revoker, reason=scene.revocation_reason)
        achievement.refresh_from_db()
        assert achievement.entry is None

    def test_revoker_finds_the_button_and_others_nothing(self, client, scene, revoker):
        case = scene.approved()
        url = reverse("admin:conversion_application_revoke", args=[case.pk])
        desk = reverse("admin:conversion_application_review", args=[case.pk])
        client.force_login(scene.final_reviewer)
        assert url not in client.get(desk).content.decode()
        assert client.post(url, {"reason": scene.revocation_reason.pk}).status_code == 404
        client.force_login(revoker)
        assert url in client.get(desk).content.decode()
        assert "撤销时必须选择原因" in client.post(url, {}).content.decode()
        assert client.post(url, {"reason": scene.revocation_reason.pk}).url == desk
        assert same(case).status == "revoked"
        again = client.post(url, {"reason": scene.revocation_reason.pk}, follow=True)
        assert "不能撤销:已撤销" in again.content.decode()
        assert case.records.filter(action="revoke").count() == 1

    def test_revoker_reads_what_a_revocation_writes(self, client, scene, revoker):
        case = scene.approved()
        client.force_login(revoker)
        page = client.get(reverse("admin:conversion_application_revoke", args=[case.pk])).content.decode()
        assert f"转换证明 {case.certificate} 即刻失效" in page
        assert f"学分流水冲销 {case.snapshot['rule']['credits']} 学分" in page


def off_catalogue(scene):
    achievement = make_achievement(scene.user, scene.entry)
    Achievement.objects.filter(pk=achievement.pk).update(entry=None)
    achievement.refresh_from_db()
    return achievement


class TestReasons:
    def test_refusing_a_rule_that_is_met_takes_a_special_reason_and_an_opinion(self, scene):
        case = scene.submit()
        for reason, opinion in [(scene.reason, "缺少材料"), (scene.special_reason, " ")]:
            with pytest.raises(SpecialReasonMissingError):
                scene.decide(case, "first_reject", scene.first_reviewer, reason=reason, opinion=opinion)
        assert scene.reject(case).status == "rejected"

    def test_page_says_so_beside_the_reason(self, client, scene):
        case = scene.submit()
        client.force_login(scene.first_reviewer)
        url = reverse("admin:conversion_application_review", args=[case.pk])
        data = {
            "action": "first_reject",
            "seen_status": "submitted",
            "reason": scene.reason.pk,
            "opinion": "写好的意见",
        }
        page = client.post(url, data).content.decode()
        assert "规则的条件已全部满足" in page
        assert "写好的意见" in page
        assert same(case).status == "submitted"

    def test_reason_serves_only_its_purposes(self, scene):
        only_refusal = ReasonCode.objects.create(code="r", text="仅不予通过", for_return=False)
        with pytest.raises(ReasonUnfitError):
            scene.decide(scene.submit(), "return", scene.first_reviewer, reason=only_refusal)


class TestReturn:
    def test_page_from_before_the_return_decides_nothing_after_it(self, scene):
        """The state is the same again, what the reviewer has read isn't."""
        page = scene.submit()
        case = scene.decide(same(page), "return", scene.first_reviewer, reason=scene.reason)
        resubmit(application=case, by=scene.user, explanation="已补")
        with pytest.raises(DecidedMeanwhileError):
            scene.decide(page, "first_approve", scene.first_reviewer)
        assert (same(case).status, case.records.count()) == ("submitted", 3)


class TestClock:
    def test_submitted_case_is_due_after_the_days_of_its_first_stage(self, scene):
        days = stages.DUE_DAYS["first"]
        assert scene.submit().due_on == clock.working_calendar().after(timezone.localdate(), days)

    def test_time_with_the_learner_does_not_count(self, scene):
        case = scene.submit()
        Application.objects.update(waiting_since=timezone.now() - timedelta(7))  # five working days of ten
        case = scene.decide(same(case), "return", scene.first_reviewer, reason=scene.reason)
        assert (case.due_on, case.days_used, case.is_overdue) == (None, 5, False)
        Application.objects.update(waiting_since=timezone.now() - timedelta(70))
        case = same(case)
        resubmit(application=case, by=scene.user, explanation="已补")
        assert case.due_on == clock.working_calendar().after(timezone.localdate(), 5)

    def test_new_holiday_moves_what_waits(self, scene):
        case = scene.submit()
        before = case.due_on
        day = clock.working_calendar().after(timezone.localdate(), 1)
        CalendarDay.objects.create(day=day, is_workday=False, name="放假")
        assert clock.reckon_again() == 1
        assert same(case).due_on > before

    def test_learner_and_reviewer_read_when_it_is_due_and_that_it_is_late(self, client, scene):
        case = scene.submit()
        client.force_login(scene.user)
        assert f"预计 {case.due_on} 前办结" in page_text(client, case.get_absolute_url())
        late = timezone.localdate() - timedelta(3)
        Application.objects.update(due_on=late)
        assert Application.objects.overdue().get() == case
        assert "已超期" in page_text(client, case.get_absolute_url())
        client.force_login(scene.first_reviewer)
        desk = reverse("admin:conversion_application_review", args=[case.pk])
        assert f"已超期:应于 {late} 前办结" in page_text(client, desk)

    def test_decided_case_is_due_no_more(self, scene):
        case = scene.approved()
        assert (case.due_on, case.is_overdue) == (None, False)


def page_text(client, url):
    return " ".join(client.get(url).content.decode().split())


class TestStages:
    def test_one_stage_decides_alone(self, scene):
        set_stages(active=["final"])
        case = scene.submit()
        assert (case.stage_count, case.step) == (1, "final")
        scene.decide(case, "final_approve", scene.final_reviewer)
        assert case.status == "approved"

    def test_three_stages_take_three_people(self, scene):
        set_stages(active=["first", "second", "final"])
        case = scene.submit()
        second = make_reviewer(rights=["second"])
        scene.decide(case, "first_approve", scene.first_reviewer)
        assert Application.objects.filter(waiting_for(second)).get() == case
        with pytest.raises(reviews.DecidedMeanwhileError):
            scene.decide(case, "final_approve", scene.final_reviewer)
        scene.decide(case, "second_approve", second)
        scene.decide(case, "final_approve", scene.final_reviewer)
        assert [case.first_reviewer, case.second_reviewer, case.final_reviewer] == [
            scene.first_reviewer, second, scene.final_reviewer,
        ]  # fmt: skip
        assert len(case.certificate.content["stages"]) == 3

    def test_owner_of_a_stage_is_data(self, scene):
        set_stages(active=["first", "final"], first="centre")
        case = scene.submit()
        with pytest.raises(NotAllowedError, match="单位"):
            scene.decide(case, "first_approve", scene.first_reviewer)
        scene.decide(case, "first_approve", make_reviewer(first=True))
        assert case.status == "first_approved"

    def test_case_keeps_the_stages_it_was_submitted_under(self, scene):
        case = scene.submit()
        set_stages(active=["final"])
        scene.decide(case, "first_approve", scene.first_reviewer)
        assert (case.status, case.step) == ("first_approved", "final")

    def test_final_stage_can_not_be_switched_off(self, scene):
        with pytest.raises(IntegrityError, match="final_stage_and_appeal"), transaction.atomic():
            set_stages(active=["first"])


class TestOwnCase:
    """A reviewer who is the learner himself is found by his document number."""

    def test_services_and_queue_say_no(self, scene):
        case = scene.submit()
        set_document(scene.first_reviewer, scene.user.learner)
        with pytest.raises(NotAllowedError, match="自己的申请"):
            scene.decide(case, "first_approve", scene.first_reviewer)
        assert not Application.objects.filter(waiting_for(scene.first_reviewer)).exists()

    def test_raw_sql_can_not_name_him_as_reviewer(self, scene):
        scene.submit()
        set_document(scene.first_reviewer, scene.user.learner)
        with pytest.raises(IntegrityError, match="his own case"), transaction.atomic():
            Application.objects.update(first_reviewer=scene.first_reviewer)

    def test_raw_sql_can_not_record_his_decision(self, scene):
        case = scene.submit()
        set_document(scene.first_reviewer, scene.user.learner)
        with pytest.raises(IntegrityError, match="his own case"), transaction.atomic():
            write_record(
                application=case, action=Action.FIRST_APPROVE, from_status="submitted", by=scene.first_reviewer
            )

    def test_another_record_of_the_same_person_counts(self, scene):
        twin = make_learner_user()
        twin.learner.set_document(Document(DocumentKind.PASSPORT, scene.user.learner.document_number))
        twin.learner.save()
        assert reviews.is_same_person(twin, scene.user.learner_id)
        assert not reviews.is_same_person(make_learner_user(), scene.user.learner_id)

    def test_number_of_two_accounts_is_refused(self, scene):
        set_document(scene.first_reviewer, scene.user.learner)
        with pytest.raises(IntegrityError), transaction.atomic():
            set_document(scene.final_reviewer, scene.user.learner)

    def test_reviewer_without_a_number_waits_where_one_is_needed(self, scene, settings):
        settings.REVIEWERS_NEED_DOCUMENT = True
        case = scene.submit()
        with pytest.raises(NotAllowedError, match="登记您的证件号码"):
            scene.decide(case, "first_approve", scene.first_reviewer)
        set_document(scene.first_reviewer, make_learner_user().learner)
        assert scene.decide(case, "first_approve", scene.first_reviewer).status == "first_approved"


class TestRawSQL:
    def refuse(self, match, statement, *parameters):
        with pytest.raises(IntegrityError, match=match), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, parameters)

    @pytest.mark.parametrize(
        "column", ["second_reviewer_id", "final_reviewer_id", "appeal_reviewer_id", "revoked_by_id"]
    )
    def test_nobody_decides_two_stages(self, scene, column):
        scene.submit()
        person = scene.first_reviewer.pk
        statement = f"UPDATE conversion_application SET first_reviewer_id = %s, {column} = %s"
        self.refuse("nobody_decides_two_stages", statement, person, person)
        self.refuse("nobody.reviews.his.own", f"UPDATE conversion_application SET {column} = %s", scene.user.pk)

    def test_nobody_records_two_stages(self, scene):
        case = scene.approved()
        with pytest.raises(IntegrityError, match="two stages"), transaction.atomic():
            write_record(application=case, action=Action.REVOKE, from_status="approved", by=scene.final_reviewer)

    def test_who_returned_a_case_in_the_last_stage_judges_no_appeal_of_it(self, scene):
        case = scene.submit()
        scene.decide(case, "first_approve", scene.first_reviewer)
        scene.decide(case, "return", scene.final_reviewer, reason=scene.reason)
        resubmit(application=case, by=scene.user, explanation="已补")
        scene.reject(case, "final_reject", make_reviewer(final=True))
        appeal(application=case, by=scene.user, text="请再看")
        verdict = {"application": case, "action": Action.APPEAL_APPROVE, "from_status": "appealed"}
        with pytest.raises(IntegrityError, match="nobody decides two stages"), transaction.atomic():
            write_record(by=scene.final_reviewer, **verdict)
        write_record(by=make_reviewer(rights=["appeal"]), **verdict)

    def test_case_is_appealed_once(self, scene, refused):
        appeal(application=refused, by=scene.user, text="请再看")
        with pytest.raises(IntegrityError, match="one_appeal_per_case"), transaction.atomic():
            write_record(application=refused, action=Action.APPEAL, from_status="appealed", by=scene.user)

    @pytest.mark.parametrize(
        "gap", ["number + 2, from_status, hash", "number + 1, 'approved', hash", "number + 1, to_status, 'x'"]
    )
    def test_a_record_continues_the_one_before(self, scene, gap):
        scene.submit()
        columns = "application_id, action, by_id, unit, opinion, findings, frozen_digest, at, hash, to_status"
        values = "application_id, 'withdraw', by_id, '', '', '[]', '', now(), 'y', 'withdrawn'"
        statement = f"INSERT INTO conversion_reviewrecord ({columns}, number, from_status, previous_hash) "
        self.refuse("continues the one before", f"{statement} SELECT {values}, {gap} FROM conversion_reviewrecord")
        with connection.cursor() as cursor:
            cursor.execute(f"{statement} SELECT {values}, number + 1, to_status, hash FROM conversion_reviewrecord")

    def test_no_state_changes_without_a_record(self, scene):
        scene.submit()
        statement = "UPDATE conversion_application SET status = 'withdrawn'"
        self.refuse("a change of state is recorded", f"{statement}; SET CONSTRAINTS change_is_recorded IMMEDIATE")

    def test_nothing_is_withdrawn_after_a_decision(self, scene):
        case = scene.submit()
        scene.decide(case, "first_approve", scene.first_reviewer)
        statement = "UPDATE conversion_application SET status = 'withdrawn'"
        self.refuse("withdrawn_before_the_first_decision", statement)

    def test_nothing_is_revoked_without_reason_and_name(self, scene):
        scene.approved()
        self.refuse("no_revocation_without_reason", "UPDATE conversion_application SET status = 'revoked'")

    def test_number_of_stages_stays(self, scene):
        scene.submit()
        self.refuse("keeps its number of stages", "UPDATE conversion_application SET stage_count = 1")

    def test_case_has_the_stages_that_are_configured(self, scene):
        case = {"kind": "recognition", "learner": scene.user.learner, "submitted_by": scene.user, "stage_count": 1}
        with pytest.raises(IntegrityError, match="stages that are configured"), transaction.atomic():
            Application.objects.create(submission_token=uuid.uuid4(), **case)

    def test_what_was_not_recognised_is_not_converted(self, scene):
        Achievement.objects.filter(pk=scene.achievement.pk).update(entry=None)
        case = Application.objects.create(
            kind="conversion", learner=scene.user.learner, submitted_by=scene.user, submission_token=uuid.uuid4(),
            rule_version=scene.version, receiving_institution=scene.college,
        )  # fmt: skip
        with pytest.raises(IntegrityError, match="recognised"), transaction.atomic():
            case.sources.create(kind="conversion", achievement=scene.achievement, rule=scene.version.rule)
