import uuid
from decimal import Decimal

import pytest

from achievements.models import AchievementType, CatalogueEntry, TypeField
from conversion import criteria, slots
from conversion.models import CreditEntry, CriteriaRow, CriteriaTest
from conversion.models.application import Action
from conversion.services.applications import (
    AlreadyAppliedError,
    NotEligibleError,
    resubmit,
    submit_performance,
    submit_recognition,
)
from conversion.services.publishing import PublishingError
from conversion.services.publishing import publish_version as publish_by_service
from conversion.services.reviews import NotAllowedError, decide
from conversion.tests.scene import Scene, make_achievement, make_entry, make_reviewer, make_version, publish_version


@pytest.fixture
def scene():
    return Scene()


def off_catalogue(scene, **fields):
    achievement = make_achievement(scene.user, scene.entry, **fields)
    achievement.entry = None
    achievement.save()
    return achievement


def recognise(scene, achievement, entry):
    application = submit_recognition(by=scene.user, achievement=achievement, token=uuid.uuid4())
    decide(application=application, action=Action.FIRST_APPROVE, by=make_reviewer(first=True))
    final = make_reviewer(final=True)
    return decide(application=application, action=Action.FINAL_APPROVE, by=final, recognised_as=entry)


@pytest.mark.django_db
class TestRecognition:
    def test_rules_see_an_achievement_only_after_it_was_recognised(self, scene):
        achievement = off_catalogue(scene)
        assert slots.convertible_counts([achievement]) == {}
        application = recognise(scene, achievement, scene.entry)
        achievement.refresh_from_db()
        assert (application.status, achievement.entry) == ("approved", scene.entry)
        assert slots.convertible_counts([achievement]) == {achievement.pk: 1}
        assert not CreditEntry.objects.exists()

    def test_approval_can_make_a_new_entry(self, scene):
        entry = CatalogueEntry(
            project_name="工作经历", name="计算机编程两年", institution=scene.college, type=scene.entry.type
        )
        achievement = off_catalogue(scene)
        recognise(scene, achievement, entry)
        achievement.refresh_from_db()
        assert achievement.entry.name == "计算机编程两年"

    def test_catalogue_achievement_needs_no_recognition(self, scene):
        with pytest.raises(AlreadyAppliedError):
            submit_recognition(by=scene.user, achievement=scene.achievement, token=uuid.uuid4())

    def test_learner_asks_once_at_a_time(self, scene):
        achievement = off_catalogue(scene)
        submit_recognition(by=scene.user, achievement=achievement, token=uuid.uuid4())
        with pytest.raises(AlreadyAppliedError):
            submit_recognition(by=scene.user, achievement=achievement, token=uuid.uuid4())

    def test_institution_can_not_recognise(self, scene):
        application = submit_recognition(by=scene.user, achievement=off_catalogue(scene), token=uuid.uuid4())
        with pytest.raises(NotAllowedError):
            decide(application=application, action=Action.FIRST_APPROVE, by=scene.first_reviewer)

    def test_learner_asks_again_after_a_refusal(self, scene):
        achievement = off_catalogue(scene)
        application = submit_recognition(by=scene.user, achievement=achievement, token=uuid.uuid4())
        decide(application=application, action=Action.FIRST_REJECT, by=make_reviewer(first=True), reason=scene.reason)
        assert submit_recognition(by=scene.user, achievement=achievement, token=uuid.uuid4()).status == "submitted"

    def test_returned_case_comes_back_to_the_reviewer(self, scene):
        application = submit_recognition(by=scene.user, achievement=off_catalogue(scene), token=uuid.uuid4())
        decide(application=application, action=Action.RETURN, by=make_reviewer(first=True), reason=scene.reason)
        resubmit(application=application, by=scene.user, explanation="已补充劳动合同")
        assert application.status == "submitted"
        assert [record.action for record in application.records.all()] == ["submit", "return", "resubmit"]


@pytest.fixture
def competition(scene):
    """A criteria table: 省级一等奖 among the first three gives 2 credits, any 省级 prize 1, 国家级 3."""
    type_ = AchievementType.objects.create(code="competition", name="业绩类-竞赛奖励", is_performance=True)
    fields = {
        key: TypeField.objects.create(type=type_, key=key, label=label)
        for key, label in [("competition_level", "级别"), ("prize", "奖项"), ("rank", "名次")]
    }
    version = make_version(scene.college, [], publish=False, achievement_type=type_)
    type(version.rule).objects.filter(pk=version.rule_id).update(kind="performance")
    table = [
        (3, [("competition_level", {"value": "国家级"})]),
        (1, [("competition_level", {"value": "省级"})]),
        (2, [("competition_level", {"value": "省级"}), ("prize", {"value": "一等奖"}), ("rank", {"max_number": 3})]),
    ]
    for position, (credits, tests) in enumerate(table, 1):
        row = CriteriaRow.objects.create(version=version, position=position, credits=credits)
        for key, test in tests:
            CriteriaTest.objects.create(row=row, field=fields[key], **test)
    publish_version(version)
    version.refresh_from_db()
    return version


@pytest.fixture
def award(scene, competition):
    entry = make_entry("职业技能竞赛")
    type(entry).objects.filter(pk=entry.pk).update(type=competition.achievement_type)
    extra = {"competition_level": "省级", "prize": "一等奖", "rank": "2"}
    return make_achievement(scene.user, entry, type=competition.achievement_type, extra=extra)


@pytest.mark.django_db
class TestPerformance:
    def test_best_row_that_holds_gives_its_credits(self, scene, competition, award):
        (option,) = criteria.performance_options(award)
        assert (option.verdict, option.credits) == ("match", Decimal(2))

    @pytest.mark.parametrize(
        ("extra", "credits"),
        [
            ({"competition_level": "省级", "prize": "一等奖", "rank": "4"}, 1),
            ({"competition_level": "国家级", "prize": "三等奖", "rank": "9"}, 3),
            ({"competition_level": "省级", "prize": "一等奖", "rank": "第二"}, 1),
            ({"competition_level": "校级", "prize": "一等奖", "rank": "1"}, None),
            ({}, None),
        ],
    )
    def test_table_is_read_row_by_row(self, scene, competition, award, extra, credits):
        award.extra = extra
        assert criteria.assess_performance(competition, award).credits == credits

    def test_unrecognised_achievement_is_told_to_be_recognised_first(self, scene, competition, award):
        award.entry = None
        assessment = criteria.assess_performance(competition, award)
        assert (assessment.verdict, assessment.missing) == ("missing", ["请先申请认定"])

    def test_two_reviews_award_the_credits_of_the_row(self, scene, competition, award):
        case = submit_performance(by=scene.user, version=competition, achievement=award, token=uuid.uuid4())
        scene.decide(case, "first_approve", scene.first_reviewer)
        scene.decide(case, "final_approve", scene.final_reviewer)
        assert CreditEntry.objects.get().credits == Decimal(2)
        assert case.certificate.content["rule"]["credits"] == "2.0"

    def test_learner_can_not_submit_what_the_table_does_not_hold(self, scene, competition, award):
        award.extra = {"competition_level": "校级"}
        award.save()
        with pytest.raises(NotEligibleError):
            submit_performance(by=scene.user, version=competition, achievement=award, token=uuid.uuid4())

    def test_second_person_publishes_a_criteria_table(self, scene, competition):
        draft = type(competition).objects.create(
            rule=competition.rule, number=2, course=competition.course, outcome="waived", credits=1,
            valid_from="2022-01-01", achievement_type=competition.achievement_type,
        )  # fmt: skip
        with pytest.raises(PublishingError):
            publish_by_service(version=draft, by=scene.final_reviewer)
        row = CriteriaRow.objects.create(version=draft, position=1, credits=1)
        CriteriaTest.objects.create(row=row, field=competition.achievement_type.extra_fields.first(), value="省级")
        publish_by_service(version=draft, by=scene.final_reviewer)
        assert draft.status == "published"

    def test_learner_uses_a_table_once(self, scene, competition, award):
        submit_performance(by=scene.user, version=competition, achievement=award, token=uuid.uuid4())
        with pytest.raises(AlreadyAppliedError):
            submit_performance(by=scene.user, version=competition, achievement=award, token=uuid.uuid4())
