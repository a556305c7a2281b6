"""How often a rule, a group, a course, a family's content can be used, and how much of a programme."""

import uuid
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction

from achievements.models import Achievement, LevelFamily
from conversion import rules, slots
from conversion.models import (
    Application,
    ConversionCap,
    ExclusiveUse,
    ExclusivityGroup,
    PublishedSource,
    RuleVersion,
)
from conversion.services import applications
from conversion.services.applications import AlreadyAppliedError, NotEligibleError, submit_conversion, withdraw
from conversion.tests.scene import Scene, make_achievement, make_entry, make_institution, make_version

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene():
    return Scene()


def one_source(scene, **fields):
    """Another version for the entry of the scene."""
    return make_version(scene.college, [(1, [{"entry": scene.entry}])], **fields)


def submit(scene, version, *achievements):
    achievements = achievements or [scene.achievement]
    return submit_conversion(by=scene.user, version=version, achievements=list(achievements), token=uuid.uuid4())


def listed(*achievements):
    """{version: verdict} of the dialog, which lists as many as the grid counts for a single achievement."""
    versions = slots.open_versions(achievements)
    if len(achievements) == 1:
        assert slots.counts_of(achievements)[0].convertible == versions.count()
    return {a.version: str(a.verdict) for a in rules.assess_all(versions, achievements)}


def unmet(version, *achievements):
    """The codes of the unmet conditions and the verdict."""
    (assessment,) = rules.assess_all([version], achievements)
    return {c.code for c in assessment.conditions if not c.met}, str(assessment.verdict)


class TestUses:
    def test_rule_for_once_is_used_up_by_any_achievement(self, scene):
        version, again = one_source(scene, use_policy="once"), make_achievement(scene.user, scene.entry)
        assert version in listed(again)
        case = submit(scene, version)
        assert version not in listed(again)
        assert unmet(version, again) == ({"once"}, "used")
        with pytest.raises(AlreadyAppliedError) as refused:
            submit(scene, version, again)
        assert refused.value.message.startswith("本规则每人只能使用一次")
        withdraw(application=case, by=scene.user)
        assert submit(scene, version, again).status == "submitted"

    def test_repeatable_rule_takes_each_achievement_once(self, scene):
        again = make_achievement(scene.user, scene.entry)
        submit(scene, scene.version)
        assert unmet(scene.version, scene.achievement) == ({"sources", "pair"}, "used")
        assert submit(scene, scene.version, again).status == "submitted"

    def test_course_is_filled_once_whatever_the_rule(self, scene):
        first = one_source(scene, fills_course_once=True)
        second = one_source(scene, fills_course_once=True, course=first.course)
        elective = one_source(scene, course=first.course)
        submit(scene, first)
        assert listed(scene.achievement) == {scene.version: "match", elective: "match"}
        assert unmet(second, scene.achievement) == ({"course"}, "used")
        with pytest.raises(AlreadyAppliedError):
            submit(scene, second)

    @pytest.mark.parametrize(("scope", "expected"), [("learner", "used"), ("achievement", "match")])
    def test_group_is_used_once_per_learner_or_per_achievement(self, scene, scope, expected):
        group = ExclusivityGroup.objects.create(code="cet", name="英语等级考试", scope=scope)
        first, second = (one_source(scene, exclusivity_groups=[group]) for _number in range(2))
        again = make_achievement(scene.user, scene.entry)
        submit(scene, first)
        assert second not in listed(scene.achievement)
        assert unmet(second, scene.achievement)[1] == "used"
        assert unmet(second, again)[1] == expected
        assert (second in listed(again)) == (expected == "match")

    def test_suspended_rule_is_not_offered_and_its_cases_go_on(self, scene):
        case = scene.submit()
        RuleVersion.objects.filter(pk=scene.version.pk).update(status="suspended")
        assert listed(make_achievement(scene.user, scene.entry)) == {}
        scene.decide(case, "first_approve", scene.first_reviewer)
        case = scene.decide(Application.objects.get(), "final_approve", scene.final_reviewer)
        assert case.status == "approved"

    def test_obtained_date_selects_the_version_where_the_rule_says_so(self, scene):
        validity = {"valid_from": "2021-01-01", "valid_to": "2021-12-31"}
        by_obtained = one_source(scene, version_selected_by="obtained", **validity)
        one_source(scene, **validity)
        later = make_achievement(scene.user, scene.entry, obtained_on="2022-01-01")
        later.refresh_from_db()
        assert listed(scene.achievement) == {scene.version: "match", by_obtained: "match"}
        assert listed(later) == {scene.version: "match"}
        assert unmet(by_obtained, later) == ({"sources", "to"}, "missing")
        assert submit(scene, by_obtained).status == "submitted"


class TestFamilies:
    @pytest.fixture
    def levels(self, scene):
        """An achievement of the middle and one of the senior level of a family."""
        family = LevelFamily.objects.create(name="云计算平台运维与开发")
        entries = [make_entry(f"云计算{rank}级", family=family, family_rank=rank) for rank in (1, 2)]
        return [make_achievement(scene.user, entry) for entry in entries]

    @pytest.fixture
    def version(self, scene, levels):
        return make_version(scene.college, [(1, [{"entry": achievement.entry} for achievement in levels])])

    def test_highest_level_wins_and_is_named(self, scene, levels, version):
        lower, higher = levels
        assert listed(lower) == {version: "missing"}
        assert unmet(version, lower) == ({"sources", "family"}, "missing")
        (assessment,) = rules.assess_all([version], [lower])
        assert any(higher.name in remedy for remedy in assessment.missing)
        with pytest.raises(NotEligibleError):
            submit(scene, version, lower)
        assert submit(scene, version, *levels).sources.get().achievement == higher

    def test_lower_level_counts_where_the_higher_does_not_fit(self, scene, levels):
        lower, higher = levels
        sources = [{"entry": lower.entry}, {"entry": higher.entry, "min_score": 60}]
        version = make_version(scene.college, [(1, sources)])
        assert listed(lower) == {version: "match"}

    def test_same_content_never_fills_a_course_twice(self, scene, levels, version):
        lower, higher = levels
        other = make_version(scene.college, [(1, [{"entry": lower.entry}])], course=version.course)
        assert listed(lower)[other] == "match"
        submit(scene, version, higher)
        assert unmet(other, lower) == ({"sources", "repeat"}, "used")
        assert other not in listed(lower)

    def test_achievements_that_are_not_saved_are_judged_alike(self, scene, levels, version):
        saved = listed(*levels)
        hypothetical = [type(a)(entry=a.entry, name=a.name, obtained_on=a.obtained_on) for a in levels]
        assert listed(*hypothetical) == saved
        assert listed(hypothetical[0]) == {version: "match"}


def state_credits(programme):
    programme.total_credits = 140
    programme.save()


class TestCaps:
    def cap(self, scene, **fields):
        defaults = {"institution": scene.college, "kind": "credits", "value": 6, "valid_from": "2020-01-01"}
        return ConversionCap.objects.create(**defaults | fields)

    @pytest.fixture
    def second(self, scene):
        """A rule for another course of the same programme; each gives 4 credits."""
        return one_source(scene, programme=scene.version.course.programme)

    def test_cap_counts_what_is_live_in_the_programme(self, scene, second):
        self.cap(scene)
        assert listed(scene.achievement) == {scene.version: "match", second: "match"}
        case = scene.submit()
        assert listed(scene.achievement) == {second: "capped"}
        assert unmet(second, scene.achievement) == ({"cap"}, "capped")
        with pytest.raises(NotEligibleError) as refused:
            submit(scene, second)
        assert refused.value.assessment.missing == ["本专业最多还可转换 2 学分"]
        withdraw(application=case, by=scene.user)
        assert submit(scene, second).status == "submitted"

    @pytest.mark.parametrize(
        ("fields", "verdict"),
        [
            ({"kind": "count", "value": 1}, "capped"),
            ({"kind": "count", "value": 2}, "match"),
            ({"kind": "share", "value": 5}, "capped"),
            ({"kind": "share", "value": "5.7"}, "capped"),
            ({"kind": "share", "value": "5.8"}, "match"),
            ({"value": 8}, "match"),
            ({"valid_to": "2021-01-01"}, "match"),
            ({"course_nature": "elective"}, "match"),
            ({"course_nature": "required"}, "capped"),
        ],
    )
    def test_cap_of_each_kind(self, scene, second, fields, verdict):
        self.cap(scene, **fields)
        state_credits(scene.version.course.programme)
        scene.submit()
        assert listed(scene.achievement) == {second: verdict}

    def test_share_of_credits_that_nobody_has_stated_lets_nothing_pass(self, scene):
        """The stricter reading: else the cap would silently be none."""
        self.cap(scene, kind="share", value=50)
        with pytest.raises(NotEligibleError) as refused:
            scene.submit()
        assert refused.value.assessment.verdict == "capped"
        assert "还没有登记本专业的毕业学分" in refused.value.assessment.missing[0]
        state_credits(scene.version.course.programme)
        assert scene.submit().status == "submitted"

    def test_cap_of_another_place_does_not_count(self, scene, second):
        self.cap(scene, institution=make_institution())
        self.cap(scene, programme=one_source(scene).course.programme)
        scene.submit()
        assert listed(scene.achievement)[second] == "match"


class TestPromises:
    """What holds for raw SQL too."""

    def test_use_can_not_leave_its_case(self, scene):
        submit(scene, one_source(scene, use_policy="once"))
        with pytest.raises(IntegrityError), transaction.atomic():
            ExclusiveUse.objects.update(application_status="withdrawn")

    def test_use_can_not_be_taken_twice(self, scene):
        version, again = one_source(scene, use_policy="once"), make_achievement(scene.user, scene.entry)
        first = submit(scene, version)
        withdraw(application=first, by=scene.user)
        submit(scene, version, again)
        with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("UPDATE conversion_application SET status = 'submitted' WHERE id = %s", [first.pk])

    def test_groups_of_a_published_version_never_change(self, scene):
        group = ExclusivityGroup.objects.create(code="cet", name="英语等级考试")
        with pytest.raises(IntegrityError), transaction.atomic():
            scene.version.exclusivity_groups.add(group)
        one_source(scene, exclusivity_groups=[group])
        with pytest.raises(IntegrityError), transaction.atomic():
            ExclusivityGroup.objects.update(scope="achievement")

    def test_published_sources_follow_the_status(self, scene):
        versions = RuleVersion.objects.filter(pk=scene.version.pk)
        assert PublishedSource.objects.filter(version=scene.version).count() == 1
        versions.update(status="suspended")
        assert not PublishedSource.objects.filter(version=scene.version).exists()
        versions.update(status="published")
        assert PublishedSource.objects.get(version=scene.version).entry == scene.entry
        versions.update(status="retired")
        assert not PublishedSource.objects.filter(version=scene.version).exists()


class TestScores:
    @pytest.mark.parametrize(
        ("policy", "score"), [("carry", "80"), ("mean", "80"), ("fixed", "优秀"), ("pass", "合格")]
    )
    def test_score_is_frozen_at_submission(self, scene, policy, score):
        version = one_source(scene, score_policy=policy, fixed_score="优秀")
        case = submit(scene, version, make_achievement(scene.user, scene.entry, score=80))
        assert case.snapshot["rule"]["score"] == score

    @pytest.mark.parametrize(
        ("policy", "scores", "expected"),
        [
            ("mean", [80, 85], "82.5"),
            ("mean", [80, None], "合格"),
            ("carry", [80, 85], "80、85"),
            ("carry", [], "合格"),
        ],
    )
    def test_score_of_several_achievements(self, policy, scores, expected):
        achievements = [Achievement(score=score if score is None else Decimal(score)) for score in scores]
        assert rules.resulting_score(RuleVersion(score_policy=policy), achievements) == expected


@pytest.mark.django_db(transaction=True)
class TestRaces:
    """Different achievements at one moment: only the exclusive use stands between them, or the learner's turn."""

    def racing(self, scene, version, in_parallel):
        queue = [make_achievement(scene.user, scene.entry) for _number in range(6)]
        return in_parallel(lambda: submit(scene, version, queue.pop()), times=6)

    @pytest.fixture
    def without_turns(self, monkeypatch):
        monkeypatch.setattr(applications, "take_turns", lambda learner: None)
        monkeypatch.setattr(applications, "as_stored", list)

    def test_rule_for_once_is_used_once(self, in_parallel, without_turns):
        scene = Scene()
        results = self.racing(scene, one_source(scene, use_policy="once"), in_parallel)
        assert Application.objects.count() == 1
        assert sum(isinstance(result, AlreadyAppliedError) for result in results) == 5

    def test_rule_for_once_without_the_index_is_used_several_times(self, in_parallel, without_turns):
        """Positive control."""
        scene = Scene()
        version = one_source(scene, use_policy="once")
        name = "one_live_application_per_exclusive_use"
        constraint = next(c for c in ExclusiveUse._meta.constraints if c.name == name)
        with connection.schema_editor() as editor:
            editor.remove_constraint(ExclusiveUse, constraint)
        try:
            self.racing(scene, version, in_parallel)
            assert Application.objects.count() > 1
        finally:
            with connection.cursor() as cursor:
                cursor.execute("TRUNCATE conversion_application CASCADE")
            with connection.schema_editor() as editor:
                editor.add_constraint(ExclusiveUse, constraint)

    def capped(self):
        scene = Scene()
        ConversionCap.objects.create(institution=scene.college, kind="credits", value=9, valid_from="2020-01-01")
        return scene

    def test_cap_holds_for_parallel_submissions(self, in_parallel):
        scene = self.capped()
        self.racing(scene, scene.version, in_parallel)
        assert Application.objects.count() == 2

    def test_cap_without_turns_is_exceeded(self, in_parallel, without_turns):
        """Positive control."""
        scene = self.capped()
        self.racing(scene, scene.version, in_parallel)
        assert Application.objects.count() > 2
