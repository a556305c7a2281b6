import uuid

import pytest
from django.db import IntegrityError, connection, transaction

from conversion import rules, slots
from conversion.models import Application, ApplicationSource
from conversion.models.application import InvalidTransitionError
from conversion.services import applications
from conversion.services.applications import AlreadyAppliedError, NotEligibleError, withdraw
from conversion.tests.scene import Scene, make_achievement, make_entry, make_learner_user, make_version


@pytest.fixture
def scene():
    return Scene()


@pytest.mark.django_db
def test_learner_submits_and_the_case_freezes_rule_and_achievement(scene):
    application = scene.submit()
    assert application.status == "submitted"
    assert application.snapshot["rule"]["title"] == scene.version.rule.title
    assert application.snapshot["sources"][0]["certificate_number"] == scene.achievement.certificate_number
    assert [record.action for record in application.records.all()] == ["submit"]


@pytest.mark.django_db
def test_learner_who_posts_twice_gets_the_first_answer(scene):
    token = uuid.uuid4()
    assert scene.submit(token=token) == scene.submit(token=token)
    assert Application.objects.count() == 1


@pytest.mark.django_db
def test_learner_can_not_use_an_achievement_twice_for_a_rule(scene):
    scene.submit()
    with pytest.raises(AlreadyAppliedError):
        scene.submit()
    assert Application.objects.count() == 1


@pytest.mark.django_db
def test_learner_can_not_use_an_achievement_that_does_not_fit(scene):
    other = make_achievement(scene.user, make_entry("助理电子商务师"))
    with pytest.raises(NotEligibleError) as refused:
        scene.submit(achievements=[other])
    assert refused.value.assessment.missing == [f"还需要: {scene.entry.name}"]


@pytest.mark.django_db
def test_suspended_rule_accepts_nothing(scene):
    type(scene.version).objects.filter(pk=scene.version.pk).update(status="suspended")
    scene.version.refresh_from_db()
    with pytest.raises(NotEligibleError):
        scene.submit()


@pytest.mark.django_db
def test_withdrawal_releases_the_rule(scene):
    withdraw(application=scene.submit(), by=scene.user)
    assert slots.convertible_counts([scene.achievement]) == {scene.achievement.pk: 1}
    assert scene.submit().status == "submitted"


@pytest.mark.django_db
def test_stranger_can_not_withdraw(scene):
    application = scene.submit()
    with pytest.raises(InvalidTransitionError):
        withdraw(application=application, by=make_learner_user())
    application.refresh_from_db()
    assert application.status == "submitted"


@pytest.mark.django_db
def test_learner_can_not_withdraw_after_the_first_decision(scene):
    application = scene.submit()
    scene.decide(application, "first_approve", scene.first_reviewer)
    with pytest.raises(InvalidTransitionError):
        withdraw(application=application, by=scene.user)


@pytest.mark.django_db
def test_raw_sql_can_not_make_a_second_live_application(scene):
    first = scene.submit()
    second = Application.objects.create(
        kind="conversion",
        learner=scene.user.learner,
        submitted_by=scene.user,
        submission_token=uuid.uuid4(),
        rule_version=scene.version,
        receiving_institution=scene.college,
    )
    source = {"application": second, "kind": "conversion", "rule": scene.version.rule}
    with pytest.raises(IntegrityError), transaction.atomic():
        ApplicationSource.objects.create(achievement=scene.achievement, **source)
    withdraw(application=first, by=scene.user)
    ApplicationSource.objects.create(achievement=scene.achievement, **source)
    with pytest.raises(IntegrityError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE conversion_application SET status = 'submitted' WHERE id = %s", [first.pk])


@pytest.mark.django_db
def test_raw_sql_can_not_let_a_source_row_leave_its_case(scene):
    application = scene.submit()
    with pytest.raises(IntegrityError), transaction.atomic():
        application.sources.update(application_status="withdrawn")


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def test_parallel_submissions_give_one_application(self, in_parallel):
        scene = Scene()
        results = in_parallel(scene.submit, times=8)
        assert Application.objects.count() == 1
        assert sum(isinstance(result, AlreadyAppliedError) for result in results) == 7

    def test_parallel_submissions_without_turns_are_stopped_by_the_index(self, in_parallel, monkeypatch):
        monkeypatch.setattr(applications, "take_turns", lambda learner: None)
        monkeypatch.setattr(applications, "as_stored", list)
        results = in_parallel(Scene().submit, times=8)
        assert Application.objects.count() == 1
        assert sum(isinstance(result, AlreadyAppliedError) for result in results) == 7

    def test_parallel_submissions_without_turns_and_index_give_several(self, in_parallel, monkeypatch):
        """Positive control: without turns and partial unique index the check before the insert is not enough."""
        monkeypatch.setattr(applications, "take_turns", lambda learner: None)
        monkeypatch.setattr(applications, "as_stored", list)
        scene = Scene()
        name = "one_live_application_per_achievement_and_rule"
        constraint = next(c for c in ApplicationSource._meta.constraints if c.name == name)
        with connection.schema_editor() as editor:
            editor.remove_constraint(ApplicationSource, constraint)
        try:
            in_parallel(scene.submit, times=8)
            assert Application.objects.count() > 1
        finally:
            delete_everything()
            with connection.schema_editor() as editor:
                editor.add_constraint(ApplicationSource, constraint)

    def test_parallel_posts_of_one_form_get_one_answer(self, in_parallel):
        scene = Scene()
        token = uuid.uuid4()
        results = in_parallel(lambda: scene.submit(token=token), times=8)
        assert {getattr(result, "pk", result) for result in results} == {Application.objects.get().pk}

    def test_failed_submission_leaves_nothing(self, monkeypatch):
        scene = Scene()
        monkeypatch.setattr(applications, "write_record", fail)
        with pytest.raises(RuntimeError):
            scene.submit()
        assert not Application.objects.exists()
        assert slots.convertible_counts([scene.achievement]) == {scene.achievement.pk: 1}


def fail(**kwargs):
    raise RuntimeError


def delete_everything():
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE conversion_application CASCADE")


@pytest.mark.django_db
class TestEligibility:
    def test_thresholds_count_in_grid_and_list_alike(self, scene):
        achievement = make_achievement(scene.user, scene.entry, score=70)
        make_version(scene.college, [(1, [{"entry": scene.entry, "min_score": 60}])])
        make_version(scene.college, [(1, [{"entry": scene.entry, "min_score": 80}])])
        make_version(scene.college, [(1, [{"entry": scene.entry, "obtained_from": "2022-01-01"}])])
        make_version(scene.college, [(1, [{"entry": scene.entry, "obtained_to": "2021-12-14"}])])
        make_version(scene.college, [(1, [{"entry": scene.entry, "max_age_months": 1}])])
        make_version(scene.college, [(1, [{"entry": scene.entry}])], valid_to="2020-12-31")
        make_version(scene.college, [(1, [{"entry": scene.entry}])], publish=False)
        versions = slots.open_versions([achievement])
        assert slots.convertible_counts([achievement]) == {achievement.pk: 3}
        assert [a.verdict for a in rules.assess_all(versions, [achievement])] == ["match"] * 3

    def test_an_age_beyond_the_calendar_is_no_condition(self, scene):
        """32767 months are what the column holds: keepers write it for "always"."""
        version = make_version(scene.college, [(1, [{"entry": scene.entry, "max_age_months": 32767}])])
        assert slots.convertible_counts([scene.achievement])[scene.achievement.pk] >= 1
        assert rules.assess(version, [scene.achievement]).is_match

    def test_rule_of_two_groups_names_the_missing_part(self, scene):
        other = make_entry("助理电子商务师")
        version = make_version(scene.college, [(1, [{"entry": scene.entry}]), (1, [{"entry": other}])])
        assessment = rules.assess(version, [scene.achievement])
        assert (assessment.verdict, assessment.missing) == ("missing", ["还需要: 助理电子商务师"])
        both = [scene.achievement, make_achievement(scene.user, other)]
        assert rules.assess(version, both).is_match

    def test_one_achievement_can_not_fill_two_places(self, scene):
        version = make_version(scene.college, [(1, [{"entry": scene.entry}]), (1, [{"entry": scene.entry}])])
        assert not rules.assess(version, [scene.achievement]).is_match
        second = make_achievement(scene.user, scene.entry)
        assert rules.assess(version, [scene.achievement, second]).is_match

    def test_places_are_filled_whatever_the_order(self, scene):
        """The achievement that fits both places must take the one that the other doesn't fit."""
        other = make_entry("助理电子商务师")
        groups = [(1, [{"entry": scene.entry}, {"entry": other}]), (1, [{"entry": scene.entry}])]
        version = make_version(scene.college, groups)
        chosen = [scene.achievement, make_achievement(scene.user, other)]
        assert rules.assess(version, chosen).is_match
        assert rules.assess(version, chosen[::-1]).is_match

    def test_choose_two_needs_two(self, scene):
        other = make_entry("助理电子商务师")
        version = make_version(scene.college, [(2, [{"entry": scene.entry}, {"entry": other}])])
        assert not rules.assess(version, [scene.achievement]).is_match
        assert rules.assess(version, [scene.achievement, make_achievement(scene.user, other)]).is_match

    def test_choose_two_means_two_of_those_listed_not_one_of_them_twice(self, scene):
        other = make_entry("助理电子商务师")
        version = make_version(scene.college, [(2, [{"entry": scene.entry}, {"entry": other}])])
        explained = rules.assess(version, [scene.achievement, make_achievement(scene.user, scene.entry)])
        assert (explained.verdict, len(explained.used)) == ("missing", 1)
        assert explained.missing == [f"还需要: {other.name}"]

    def test_what_stands_already_is_not_asked_for_again(self, scene):
        others = [make_entry("助理电子商务师"), make_entry("办公软件应用")]
        version = make_version(scene.college, [(2, [{"entry": entry} for entry in (scene.entry, *others)])])
        explained = rules.assess(version, [scene.achievement])
        assert explained.missing == ["还需要: 助理电子商务师、办公软件应用 中的 1 项"]

    def test_chosen_achievement_below_the_threshold_is_not_called_lacking(self, scene):
        version = make_version(scene.college, [(1, [{"entry": scene.entry, "min_score": 90}])])
        explained = rules.assess(version, [make_achievement(scene.user, scene.entry, score=70)])
        assert explained.missing == [f"还需要: 符合要求的{scene.entry.name}", "成绩要达到 90"]
