from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from conversion.models import Application, Certificate, ConversionCap, CreditEntry, RuleSource, RuleVersion
from conversion.services import reviews
from conversion.services.publishing import PublishingError, publish_version
from conversion.services.records import record_hash
from conversion.services.reviews import (
    ConditionsUnmetError,
    DecidedMeanwhileError,
    NotAllowedError,
    ReasonMissingError,
)
from conversion.tests.scene import Scene, make_entry, make_institution, make_reviewer, make_version


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def application(scene):
    return scene.submit()


def same(application):
    """The case as the database has it: what a second reviewer's page loaded."""
    return Application.objects.get(pk=application.pk)


@pytest.mark.django_db
class TestTwoReviews:
    def test_two_reviewers_approve_and_the_learner_gets_credit_certificate_and_messages(self, scene, application):
        scene.decide(application, "first_approve", scene.first_reviewer, opinion="材料齐全")
        scene.decide(application, "final_approve", scene.final_reviewer)
        assert application.status == "approved"
        assert CreditEntry.objects.filter(learner=scene.user.learner).balance() == Decimal("4.0")
        assert Certificate.objects.get().content["name"] == "王小明"
        assert [message.subject for message in scene.user.inbox_messages.order_by("pk")] == [
            "转换审核结果:初审通过",
            "转换审核结果:终审通过",
        ]
        assert "意见:材料齐全" in scene.user.inbox_messages.order_by("pk")[0].body

    def test_approval_keeps_no_reason_that_was_still_chosen(self, scene, application):
        scene.decide(application, "first_approve", scene.first_reviewer, reason=scene.reason)
        assert application.records.last().reason is None
        assert "原因" not in scene.user.inbox_messages.get().body

    def test_first_accepted_evidence_proves_the_person(self, scene):
        scene.approved()
        scene.user.learner.refresh_from_db()
        assert scene.user.learner.verified_at

    def test_refusal_tells_its_reason_and_releases_the_rule(self, scene, application):
        scene.reject(application)
        assert application.status == "rejected"
        assert "原因:课程要求特殊" in scene.user.inbox_messages.get().body
        assert not CreditEntry.objects.exists()
        assert scene.submit().pk != application.pk

    def test_final_refusal_gives_no_credit(self, scene, application):
        scene.decide(application, "first_approve", scene.first_reviewer)
        scene.reject(application, "final_reject", scene.final_reviewer)
        assert application.status == "rejected"
        assert not CreditEntry.objects.exists()
        assert not Certificate.objects.exists()

    def test_returned_case_waits_for_the_learner(self, scene, application):
        scene.decide(application, "return", scene.first_reviewer, reason=scene.reason)
        assert application.status == "returned"
        assert reviews.may_decide(application, scene.first_reviewer) == []

    @pytest.mark.parametrize("action", ["first_reject", "return"])
    def test_reviewer_can_not_refuse_without_a_reason(self, scene, application, action):
        with pytest.raises(ReasonMissingError):
            scene.decide(application, action, scene.first_reviewer)
        assert same(application).status == "submitted"

    def test_rule_changed_meanwhile_changes_no_case(self, scene, application):
        RuleVersion.objects.filter(pk=scene.version.pk).update(status="retired")
        scene.decide(application, "first_approve", scene.first_reviewer)
        scene.decide(application, "final_approve", scene.final_reviewer)
        assert CreditEntry.objects.get().credits == Decimal("4.0")

    def test_case_whose_frozen_conditions_do_not_hold_is_not_approved(self, scene, application):
        application.snapshot["sources"][0]["entry_id"] = make_entry("别的成果").pk
        with pytest.raises(ConditionsUnmetError) as refused:
            scene.decide(application, "first_approve", scene.first_reviewer)
        assert scene.entry.name in refused.value.message
        assert same(application).status == "submitted"

    def test_case_is_judged_by_the_achievement_as_it_was_submitted(self, scene, application):
        type(scene.achievement).objects.filter(pk=scene.achievement.pk).update(entry=make_entry("别的成果"))
        scene.decide(application, "first_approve", scene.first_reviewer)
        assert same(application).status == "first_approved"

    def test_case_over_a_cap_is_not_finally_approved(self, scene, application):
        scene.decide(application, "first_approve", scene.first_reviewer)
        cap = ConversionCap.objects.create(
            institution=scene.college, kind="credits", value="3.5", valid_from="2020-01-01"
        )
        with pytest.raises(ConditionsUnmetError) as refused:
            scene.decide(application, "final_approve", scene.final_reviewer)
        assert "最多还可转换 3.5 学分" in refused.value.message
        cap.delete()
        scene.decide(same(application), "final_approve", scene.final_reviewer)
        assert same(application).status == "approved"

    def test_failed_certificate_undoes_the_whole_decision(self, scene, application, monkeypatch):
        scene.decide(application, "first_approve", scene.first_reviewer)
        monkeypatch.setattr(reviews, "issue_certificate", fail)
        with pytest.raises(RuntimeError):
            scene.decide(same(application), "final_approve", scene.final_reviewer)
        assert same(application).status == "first_approved"
        assert application.records.count() == 2
        assert not CreditEntry.objects.exists()
        assert scene.user.inbox_messages.count() == 1


def fail(**kwargs):
    raise RuntimeError


@pytest.mark.django_db
class TestRights:
    def test_reviewer_of_another_institution_is_refused(self, scene, application):
        stranger = make_reviewer(make_institution(), first=True)
        with pytest.raises(NotAllowedError, match="不属于您所在的单位"):
            scene.decide(application, "first_approve", stranger)

    def test_centre_can_not_take_the_first_review_of_a_conversion(self, scene, application):
        with pytest.raises(NotAllowedError, match="不属于您所在的单位"):
            scene.decide(application, "first_approve", make_reviewer(first=True))

    def test_institution_can_not_take_the_final_review(self, scene, application):
        scene.decide(application, "first_approve", scene.first_reviewer)
        with pytest.raises(NotAllowedError):
            scene.decide(application, "final_approve", make_reviewer(scene.college, first=True, final=True))

    def test_who_is_no_longer_staff_is_refused(self, scene, application):
        reviewer = scene.first_reviewer
        type(reviewer).objects.filter(pk=reviewer.pk).update(is_staff=False)
        with pytest.raises(NotAllowedError, match="没有这一审核阶段的权限"):
            scene.decide(application, "first_approve", type(reviewer).objects.get(pk=reviewer.pk))

    def test_staff_without_the_permission_is_refused(self, scene, application):
        with pytest.raises(NotAllowedError, match="没有这一审核阶段的权限"):
            scene.decide(application, "first_approve", make_reviewer(scene.college, final=True))

    def test_superuser_obeys_the_same_rules(self, scene, application):
        superuser = make_reviewer(is_superuser=True)
        with pytest.raises(NotAllowedError):
            scene.decide(application, "first_approve", superuser)

    def test_disabled_reviewer_is_refused(self, scene, application):
        with pytest.raises(NotAllowedError):
            scene.decide(application, "first_approve", make_reviewer(scene.college, first=True, is_active=False))

    def test_learner_can_not_decide(self, scene, application):
        with pytest.raises(NotAllowedError):
            scene.decide(application, "first_approve", scene.user)

    def test_one_person_can_not_take_both_stages(self, scene, application):
        both = make_reviewer(scene.college, first=True, final=True)
        scene.decide(application, "first_approve", both)
        type(both).objects.filter(pk=both.pk).update(institution=None)
        both.refresh_from_db()
        with pytest.raises(NotAllowedError, match="不同的人"):
            scene.decide(application, "final_approve", both)


@pytest.mark.django_db
class TestConstraints:
    def test_raw_sql_can_not_let_one_person_decide_twice(self, scene, application):
        with pytest.raises(IntegrityError), transaction.atomic():
            Application.objects.update(first_reviewer=scene.first_reviewer, final_reviewer=scene.first_reviewer)

    def test_raw_sql_can_not_let_the_applicant_decide(self, scene, application):
        with pytest.raises(IntegrityError), transaction.atomic():
            Application.objects.update(first_reviewer=scene.user)

    def test_raw_sql_can_not_approve_without_two_reviewers(self, scene, application):
        with pytest.raises(IntegrityError), transaction.atomic():
            Application.objects.update(status="approved", first_reviewer=scene.first_reviewer)

    def test_raw_sql_can_not_refuse_without_a_reason(self, scene, application):
        with pytest.raises(IntegrityError), transaction.atomic():
            Application.objects.update(status="rejected", first_reviewer=scene.first_reviewer)

    @pytest.mark.parametrize("table", ["conversion_reviewrecord", "conversion_creditentry"])
    @pytest.mark.parametrize("statement", ["UPDATE {} SET id = id", "DELETE FROM {}"])
    def test_raw_sql_can_not_edit_records_or_ledger(self, scene, table, statement):
        scene.approved()
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement.format(table))

    def test_application_gets_one_award(self, scene):
        application = scene.approved()
        with pytest.raises(IntegrityError), transaction.atomic():
            CreditEntry.objects.create(learner=scene.user.learner, application=application, kind="award", credits=4)

    def test_published_version_never_changes(self, scene):
        for change in [
            lambda: RuleVersion.objects.filter(pk=scene.version.pk).update(credits=9),
            lambda: RuleVersion.objects.filter(pk=scene.version.pk).update(status="draft"),
            lambda: RuleSource.objects.filter(group__version=scene.version).update(min_score=1),
            lambda: RuleSource.objects.filter(group__version=scene.version).delete(),
            lambda: scene.version.groups.create(position=2),
        ]:
            with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
                change()


@pytest.mark.django_db
class TestRecords:
    def test_records_are_numbered_without_gaps_and_chained(self, scene):
        records = list(scene.approved().records.order_by("number"))
        assert [record.number for record in records] == [1, 2, 3]
        assert [record.action for record in records] == ["submit", "first_approve", "final_approve"]
        assert [record.previous_hash for record in records] == ["", records[0].hash, records[1].hash]
        assert all(record.hash == record_hash(record) for record in records)

    def test_record_names_the_unit_that_decided(self, scene):
        records = scene.approved().records.order_by("number")
        assert [record.unit for record in records] == ["", scene.college.name, "学分银行管理中心"]


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_two_reviewers_at_once_give_one_decision(self, in_parallel):
        scene = Scene()
        application = scene.submit()
        pages = iter([same(application) for _reviewer in range(4)])
        results = in_parallel(lambda: scene.decide(next(pages), "first_approve", scene.first_reviewer), times=4)
        assert application.records.filter(action="first_approve").count() == 1
        lost = [result for result in results if isinstance(result, DecidedMeanwhileError)]
        assert len(lost) == 3
        assert {error.record.by for error in lost} == {scene.first_reviewer}

    def test_approval_and_refusal_at_once_give_one_decision(self, in_parallel):
        scene = Scene()
        application = scene.submit()
        calls = iter([("first_approve", None), ("first_reject", scene.special_reason)] * 3)
        pages = iter([same(application) for _reviewer in range(6)])

        def one():
            action, reason = next(calls)
            return scene.decide(next(pages), action, scene.first_reviewer, reason=reason, opinion="不符")

        in_parallel(one, times=6)
        assert application.records.count() == 2

    def test_two_reviewers_without_the_conditional_update_would_both_decide(self, in_parallel, monkeypatch):
        """Positive control: read-then-write instead of the conditional update loses the race."""
        scene = Scene()
        application = scene.submit()
        monkeypatch.setattr(Application, "move", move_read_then_write)
        pages = iter([same(application) for _reviewer in range(4)])
        results = in_parallel(lambda: scene.decide(next(pages), "first_approve", scene.first_reviewer), times=4)
        assert not any(isinstance(result, DecidedMeanwhileError) for result in results)

    def test_final_approval_at_once_awards_once(self, in_parallel):
        scene = Scene()
        application = scene.submit()
        scene.decide(application, "first_approve", scene.first_reviewer)
        pages = iter([same(application) for _reviewer in range(4)])
        in_parallel(lambda: scene.decide(next(pages), "final_approve", scene.final_reviewer), times=4)
        assert CreditEntry.objects.count() == Certificate.objects.count() == 1


def move_read_then_write(self, action, **changes):
    for name, value in (changes | {"status": {"first_approve": "first_approved"}[action]}).items():
        setattr(self, name, value)
    self.save()


@pytest.mark.django_db
class TestPublishing:
    def test_second_person_publishes_and_the_old_version_retires(self, scene):
        draft = RuleVersion.objects.create(
            rule=scene.version.rule,
            number=2,
            course=scene.version.course,
            outcome="waived",
            credits=5,
            valid_from="2022-01-01",
            drafted_by=scene.first_reviewer,
        )
        group = draft.groups.create(position=1)
        group.sources.create(entry=scene.entry)
        with pytest.raises(PublishingError, match="起草人"):
            publish_version(version=draft, by=scene.first_reviewer)
        publish_version(version=draft, by=scene.final_reviewer)
        scene.version.refresh_from_db()
        assert (draft.status, scene.version.status) == ("published", "retired")

    def test_rule_without_sources_is_not_published(self, scene):
        draft = make_version(scene.college, [], publish=False)
        with pytest.raises(PublishingError, match="来源成果或业绩标准"):
            publish_version(version=draft, by=scene.final_reviewer)
