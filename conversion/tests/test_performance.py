import datetime as dt
import uuid
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse

from achievements.models import Achievement, AchievementType, CatalogueEntry, TypeField
from conversion import criteria
from conversion.models import (
    Application,
    ConversionRule,
    CreditEntry,
    CriteriaRow,
    CriteriaTest,
    ExclusiveUse,
    RuleVersion,
)
from conversion.rules import Event, event_of
from conversion.services import applications
from conversion.services.applications import AlreadyAppliedError, NotEligibleError, submit_performance, withdraw
from conversion.services.publishing import PublishingError
from conversion.services.publishing import publish_version as publish_by_service
from conversion.tests.scene import (
    Scene,
    make_achievement,
    make_entry,
    make_institution,
    make_learner_user,
    make_version,
    publish_version,
)


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def competition(scene):
    """A criteria table: 省级一等奖 among the first three gives 2 credits, any 省级 prize 1, 国家级 3."""
    type_ = AchievementType.objects.create(code="competition", name="业绩类-竞赛奖励", is_performance=True)
    fields = {
        key: TypeField.objects.create(type=type_, key=key, label=label)
        for key, label in [("competition_level", "级别"), ("prize", "奖项"), ("rank", "名次")]
    }
    TypeField.objects.create(type=type_, key="event", label="所属赛事", names_event=True)
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


EVENT = "2024年示例技能大赛"


def make_award(scene, version, name="获奖", event=EVENT, recognised=True, **extra):
    """An award of the competition's type, in first place unless `extra` says otherwise."""
    entry = make_entry(name)
    CatalogueEntry.objects.filter(pk=entry.pk).update(type=version.achievement_type)
    extra = {"event": event, "competition_level": "省级", "prize": "一等奖", "rank": "1"} | extra
    award = make_achievement(scene.user, entry, type=version.achievement_type, extra=extra)
    if not recognised:
        Achievement.objects.filter(pk=award.pk).update(entry=None)
        award.refresh_from_db()
    return award


def another_table(version, institution=None, **fields):
    """A table that says the same for another course of the institution, or of another."""
    copy = make_version(
        institution or version.rule.institution,
        [],
        publish=False,
        achievement_type=version.achievement_type,
        **fields,
    )
    ConversionRule.objects.filter(pk=copy.rule_id).update(kind="performance")
    for row in version.criteria.all():
        own = CriteriaRow.objects.create(version=copy, position=row.position, credits=row.credits)
        for test in row.tests.all():
            CriteriaTest.objects.create(row=own, field=test.field, value=test.value, max_number=test.max_number)
    publish_version(copy)
    return RuleVersion.objects.get(pk=copy.pk)


def apply_for(scene, version, award):
    return submit_performance(by=scene.user, version=version, achievement=award, token=uuid.uuid4())


@pytest.mark.django_db
class TestEvents:
    """Of several achievements of one event the highest counts, once at an institution."""

    @pytest.fixture
    def lower(self, scene, competition):
        return make_award(scene, competition, "省赛获奖", prize="二等奖", rank="5")

    @pytest.fixture
    def higher(self, scene, competition, lower):
        return make_award(scene, competition, "国赛获奖", competition_level="国家级", prize="三等奖")

    def test_lower_one_names_the_higher_that_counts(self, competition, lower, higher):
        assessment = criteria.assess_performance(competition, lower)
        (condition,) = [condition for condition in assessment.conditions if not condition.met]
        assert (assessment.verdict, condition.code, condition.actual) == ("missing", "event", "国赛获奖")
        assert "“国赛获奖”可得 3.0 学分" in condition.remedy
        assert criteria.assess_performance(competition, higher).is_match

    def test_lower_one_is_refused_at_submission(self, scene, competition, lower, higher):
        with pytest.raises(NotEligibleError):
            apply_for(scene, competition, lower)

    @pytest.mark.parametrize(
        "other",
        [
            {"event": "2025年示例技能大赛"},
            {"recognised": False},
            {"competition_level": "校级"},
            {"competition_level": "省级", "prize": "二等奖", "rank": "6"},
        ],
        ids=["another event", "not recognised", "worth nothing", "worth the same"],
    )
    def test_what_is_not_higher_stands_in_no_ones_way(self, scene, competition, lower, other):
        make_award(scene, competition, **{"competition_level": "国家级"} | other)
        assert criteria.assess_performance(competition, lower).is_match

    def test_achievement_of_another_learner_does_not_count(self, competition, lower):
        other = Scene(college=competition.rule.institution)
        make_award(other, competition, competition_level="国家级")
        assert criteria.assess_performance(competition, lower).is_match

    def test_corrected_version_does_not_count(self, competition, lower, higher):
        Achievement.objects.filter(pk=higher.pk).update(first_version=higher, replaced_by=lower)
        assert criteria.assess_performance(competition, lower).is_match

    @pytest.mark.parametrize(
        "typed", ["2024年示例技能大赛", "２０２４年 示例技能大赛", "2024年“示例”技能大赛。", "2024年-示例技能大赛"]
    )
    def test_event_is_the_same_however_it_is_typed(self, scene, competition, lower, typed):
        make_award(scene, competition, "国赛获奖", competition_level="国家级", event=typed)
        assert not criteria.assess_performance(competition, lower).is_match

    def test_without_an_event_the_name_says_it(self, competition, lower):
        lower.extra = {}
        assert event_of(lower) == Event(competition.achievement_type_id, "省赛获奖")

    def test_type_without_such_a_field_has_no_events(self, competition, lower, higher):
        TypeField.objects.filter(names_event=True).update(is_active=False)
        assert event_of(Achievement.objects.get(pk=lower.pk)) is None
        assert criteria.assess_performance(competition, Achievement.objects.get(pk=lower.pk)).is_match

    def test_one_conversion_of_an_event_at_an_institution(self, scene, competition, lower):
        equal = make_award(scene, competition, "另一项", rank="9", prize="三等奖")
        apply_for(scene, competition, lower)
        for version in [competition, another_table(competition)]:
            with pytest.raises(AlreadyAppliedError) as refused:
                apply_for(scene, version, equal)
            assert "与“另一项”同一赛事的成果已向这个机构申请转换" in refused.value.message

    def test_higher_one_comes_too_late_while_the_lower_is_used(self, scene, competition, lower):
        case = apply_for(scene, competition, lower)
        higher = make_award(scene, competition, "国赛获奖", competition_level="国家级")
        assert criteria.assess_performance(competition, higher).verdict == "used"
        withdraw(application=case, by=scene.user)
        assert criteria.assess_performance(competition, higher).is_match

    def test_each_institution_converts_an_event(self, scene, competition, lower):
        elsewhere = another_table(competition, make_institution())
        assert apply_for(scene, competition, lower) != apply_for(scene, elsewhere, lower)

    def test_case_is_decided_as_it_was_submitted(self, scene, competition, lower):
        """Neither a higher achievement, nor another wording of the type, changes a case that waits."""
        case = apply_for(scene, competition, lower)
        make_award(scene, competition, "国赛获奖", competition_level="国家级")
        TypeField.objects.filter(names_event=True).update(is_active=False)
        assessment = criteria.assess_frozen_performance(Application.objects.get(pk=case.pk))
        assert (assessment.verdict, assessment.credits) == ("match", Decimal(1))
        assert [c.required for c in assessment.conditions if c.code == "event"] == [f"“{EVENT}”中学分最高的成果"]
        assert case.exclusive_uses.filter(key__startswith="event:").count() == 1
        scene.decide(case, "first_approve", scene.first_reviewer)
        scene.decide(case, "final_approve", scene.final_reviewer)
        assert CreditEntry.objects.get().credits == Decimal(1)

    def test_case_from_before_events_is_decided_without(self, scene, competition, lower):
        case = apply_for(scene, competition, lower)
        del case.snapshot["sources"][0]["event"]
        assert criteria.assess_frozen_performance(case).is_match


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


@pytest.mark.django_db
class TestPages:
    def test_anybody_reads_the_table_of_a_rule(self, client, competition, django_assert_max_num_queries):
        with django_assert_max_num_queries(14):
            page = client.get(competition.get_absolute_url()).content.decode()
        compact = "".join(page.split())
        cells = [
            "须先认定的“业绩类-竞赛奖励”成果",
            ">≤3<",
            ">不限<",
            ">3.0<",
            "学分按上表",
            "所属赛事相同的几项成果只计最高",
        ]
        assert [cell for cell in cells if cell not in compact] == []
        assert "您符合这一档" not in page

    @pytest.mark.parametrize(
        ("bounds", "words"),
        [((None, 3), "≤3"), ((4, None), "≥4"), ((4, 8), "4–8"), ((2, 2), "2"), (("0", "1.5"), "0–1.5")],
    )
    def test_bounds_read_as_people_write_them(self, bounds, words):
        low, high = bounds
        assert CriteriaTest(min_number=low, max_number=high).required == words

    def test_learner_sees_which_row_counts_and_what_is_higher(self, client, scene, competition):
        lower = make_award(scene, competition, "省赛获奖", prize="二等奖", rank="5")
        url = reverse("conversion:performance_apply", args=[lower.pk])
        client.force_login(scene.user)
        page = client.get(url).content.decode()
        assert page.count("您符合这一档") == 1
        assert "“2024年示例技能大赛”中学分最高的成果" in page
        make_award(scene, competition, "国赛获奖", competition_level="国家级")
        assert "您的“国赛获奖”可得 3.0 学分,请用它申请" in client.get(url).content.decode()

    def test_strangers_and_visitors_do_not_see_whether_it_counts(self, client, scene, competition, award):
        url = reverse("conversion:performance_apply", args=[award.pk])
        assert client.get(url).status_code == 302
        client.force_login(make_learner_user())
        assert client.get(url).status_code == 404


@pytest.mark.django_db(transaction=True)
class TestRaces:
    """Achievements of one event at one moment, under two tables: only the exclusive use stands between them."""

    @pytest.fixture(autouse=True)
    def without_turns(self, monkeypatch):
        monkeypatch.setattr(applications, "take_turns", lambda learner: None)
        monkeypatch.setattr(applications, "as_stored", list)

    def racing(self, scene, competition, in_parallel):
        tables = [competition, another_table(competition)]
        queue = [(tables[n % 2], make_award(scene, competition, f"获奖{n}")) for n in range(4)]
        return in_parallel(lambda: apply_for(scene, *queue.pop()), times=4)

    def test_event_is_converted_once(self, scene, competition, in_parallel):
        results = self.racing(scene, competition, in_parallel)
        assert Application.objects.count() == 1
        assert sum(isinstance(result, AlreadyAppliedError) for result in results) == 3

    def test_event_without_the_index_is_converted_several_times(self, scene, competition, in_parallel):
        """Positive control."""
        constraint = next(c for c in ExclusiveUse._meta.constraints if c.fields == ("learner", "key"))
        with connection.schema_editor() as editor:
            editor.remove_constraint(ExclusiveUse, constraint)
        try:
            self.racing(scene, competition, in_parallel)
            assert Application.objects.count() > 1
        finally:
            with connection.cursor() as cursor:
                cursor.execute("TRUNCATE conversion_application CASCADE")
            with connection.schema_editor() as editor:
                editor.add_constraint(ExclusiveUse, constraint)
