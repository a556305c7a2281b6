"""同一赛事: of several achievements of one event the highest counts, once at an institution."""

from decimal import Decimal

import pytest
from django.db import connection

from achievements.models import Achievement, TypeField
from conversion import criteria, slots
from conversion.models import (
    Application,
    ConversionCap,
    CreditEntry,
    ExclusiveUse,
)
from conversion.rules import Event, event_of
from conversion.services import applications
from conversion.services.applications import AlreadyAppliedError, NotEligibleError, withdraw
from conversion.tests.performance.awards import EVENT, another_table, apply_for, make_award
from conversion.tests.scene import (
    Scene,
    make_institution,
    make_version,
)


@pytest.mark.django_db
class TestEvents:
    """Of several achievements of one event the highest counts, once at an institution."""

    @pytest.fixture
    def lower(self, scene, competition):
        return make_award(scene, competition, "省赛获奖", prize="二等奖", rank="5")

    @pytest.fixture
    def higher(self, scene, competition, lower):
        return make_award(scene, competition, "国赛获奖", competition_level="国家级", prize="三等奖")

    def test_case_of_an_event_takes_its_course_from_conversions_too(self, scene, competition, higher):
        """The counter reads every key of the learner, those of events as well, which are made otherwise."""
        table = another_table(competition, fills_course_once=True)
        groups = [(1, [{"entry": scene.entry}])]
        rival = make_version(scene.college, groups, course=table.course, fills_course_once=True)
        assert set(slots.open_versions([scene.achievement])) == {scene.version, rival}
        apply_for(scene, table, higher)
        assert ExclusiveUse.objects.filter(key__startswith="event:").exists()
        assert set(slots.open_versions([scene.achievement])) == {scene.version}
        assert slots.counts_of([scene.achievement])[0].convertible == 1

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


@pytest.mark.django_db(transaction=True)
class TestCapRaces:
    """Awards of different events at one moment: a cap is a sum, so only the learner's turn stands between them."""

    def racing(self, scene, competition, in_parallel):
        ConversionCap.objects.create(institution=scene.college, kind="credits", value=3, valid_from="2020-01-01")
        awards = [make_award(scene, competition, f"获奖{n}", event=f"第{n}届") for n in range(4)]
        return in_parallel(lambda: apply_for(scene, competition, awards.pop()), times=4)

    def test_cap_holds(self, scene, competition, in_parallel):
        results = self.racing(scene, competition, in_parallel)
        assert Application.objects.count() == 1
        assert sum(isinstance(result, NotEligibleError) for result in results) == 3

    def test_cap_without_turns_is_exceeded(self, scene, competition, in_parallel, monkeypatch, meeting):
        """Positive control: all have read the cap before anybody uses it up."""
        meet, assess = meeting(4), applications.criteria.assess_performance_submission

        def assess_together(*args):
            assessment = assess(*args)
            meet()
            return assessment

        monkeypatch.setattr(applications, "take_turns", lambda learner: None)
        monkeypatch.setattr(applications.criteria, "assess_performance_submission", assess_together)
        self.racing(scene, competition, in_parallel)
        assert Application.objects.count() > 1
