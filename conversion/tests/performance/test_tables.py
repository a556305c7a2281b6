"""What a performance table gives, and what is kept of it."""

import datetime as dt
import uuid
from decimal import Decimal

import pytest
from django.db import IntegrityError, transaction

from conversion import criteria
from conversion.models import (
    CreditEntry,
    CriteriaRow,
    CriteriaTest,
    RuleVersion,
)
from conversion.services.applications import AlreadyAppliedError, NotEligibleError, submit_performance
from conversion.services.publishing import PublishingError
from conversion.services.publishing import publish_version as publish_by_service
from conversion.tests.performance.awards import another_table, apply_for
from conversion.tests.scene import make_version


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
        empty = CriteriaRow.objects.create(version=draft, position=2, credits=1)
        with pytest.raises(PublishingError, match="第2档没有条件"):
            publish_by_service(version=draft, by=scene.final_reviewer)
        empty.delete()
        publish_by_service(version=draft, by=scene.final_reviewer)
        assert draft.status == "published"

    @pytest.mark.parametrize(
        ("first", "last", "told"), [(1, None, "不能早于"), (-9, -1, "不能晚于"), (-1, None, None)]
    )
    def test_obtained_date_selects_the_table_where_it_says_so(self, scene, competition, award, first, last, told):
        days = [day and award.obtained_on + dt.timedelta(days=day) for day in (first, last)]
        table = another_table(competition, version_selected_by="obtained", valid_from=days[0], valid_to=days[1])
        if told:
            with pytest.raises(NotEligibleError) as refusal:
                apply_for(scene, table, award)
            assert told in refusal.value.assessment.missing[0]
        else:
            assert apply_for(scene, table, award).status == "submitted"

    def test_what_the_page_does_not_offer_the_service_refuses(self, scene, competition, award):
        with pytest.raises(NotEligibleError) as refusal:
            apply_for(scene, competition, scene.achievement)
        assert "这张业绩标准不适用于这类成果" in refusal.value.assessment.missing
        RuleVersion.objects.filter(pk=competition.pk).update(status="suspended")
        with pytest.raises(NotEligibleError) as refusal:
            apply_for(scene, competition, award)
        assert refusal.value.assessment.missing == ["请选择其他规则"]

    def test_learner_uses_a_table_once(self, scene, competition, award):
        submit_performance(by=scene.user, version=competition, achievement=award, token=uuid.uuid4())
        with pytest.raises(AlreadyAppliedError):
            submit_performance(by=scene.user, version=competition, achievement=award, token=uuid.uuid4())


@pytest.mark.django_db
class TestTables:
    @pytest.mark.parametrize(
        ("test", "value", "met"),
        [
            ({"max_number": 2}, "2", True),
            ({"max_number": 2}, "3", False),
            ({"min_number": 4, "max_number": 8}, "3", False),
            ({"min_number": 4, "max_number": 8}, "4", True),
            ({"min_number": 4, "max_number": 8}, "8", True),
            ({"min_number": 4, "max_number": 8}, "9", False),
            ({"min_number": 30}, "30.5", True),
            ({"min_number": 30}, "", False),
            ({"value": "省级"}, "省级", True),
            ({"value": "省级"}, "国家级", False),
            ({"value": "省级", "max_number": 2}, "省级", False),
        ],
    )
    def test_each_kind_of_test(self, competition, award, test, value, met):
        """作者排序 up to n, 名次 from a to b, at least so many hours, a level."""
        field = competition.achievement_type.extra_fields.get(key="rank")
        condition = criteria.test_condition(CriteriaTest(field=field, **test), {"rank": value})
        assert (condition.met, bool(condition.remedy)) == (met, not met)

    @pytest.mark.parametrize("test", [{}, {"min_number": 3, "max_number": 2}])
    def test_database_refuses_a_test_that_asks_for_nothing_or_the_impossible(self, scene, competition, test):
        draft = make_version(scene.college, [], publish=False, achievement_type=competition.achievement_type)
        row = CriteriaRow.objects.create(version=draft, credits=1)
        with pytest.raises(IntegrityError), transaction.atomic():
            CriteriaTest.objects.create(row=row, field=competition.achievement_type.extra_fields.first(), **test)

    def test_database_keeps_one_event_field_of_words(self, competition):
        fields = competition.achievement_type.extra_fields
        for changed in [fields.filter(key="prize"), fields.filter(key="event")]:
            with pytest.raises(IntegrityError), transaction.atomic():
                changed.update(names_event=True, kind="number")
        with pytest.raises(IntegrityError), transaction.atomic():
            fields.filter(key="prize").update(names_event=True)
