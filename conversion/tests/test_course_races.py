"""Two at once: one decision, one record; each guard with a control that goes red without it."""

from uuid import uuid4

import pytest
from django.db import connection

from conversion.ledger_check import differences
from conversion.models import Application, ApplicationSource, Certificate, CreditEntry
from conversion.models.application import Action
from conversion.services.appeals import AppealRefusedError, appeal
from conversion.services.applications import submit_recognition, withdraw
from conversion.services.reviews import DecidedMeanwhileError
from conversion.services.revocation import StillUsedError, revoke
from conversion.tests.scene import Scene, make_reviewer
from conversion.tests.test_course import off_catalogue, same

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(in_parallel, *calls):
    """Run each call in a thread of its own; return what they returned."""
    steps = iter(calls)
    return in_parallel(lambda: next(steps)(), times=len(calls))


def errors(results, kind):
    return [result for result in results if isinstance(result, kind)]


def recheck():
    assert [difference for difference in differences({}) if difference.check != "roots"] == []


def test_final_approval_and_refusal_at_once_give_one_decision(in_parallel):
    scene = Scene()
    case = scene.submit()
    scene.decide(case, "first_approve", scene.first_reviewer)
    pages = [same(case) for _page in range(4)]
    calls = [lambda page=page: scene.decide(page, "final_approve", scene.final_reviewer) for page in pages[:2]]
    calls += [lambda page=page: scene.reject(page, "final_reject", scene.final_reviewer) for page in pages[2:]]
    assert len(errors(at_once(in_parallel, *calls), DecidedMeanwhileError)) == 3
    assert same(case).records.count() == 3
    recheck()


def revocations(scene, case, times):
    people = [make_reviewer(rights=["revoke"]) for _person in range(times)]
    pages = [same(case) for _person in people]
    return [
        lambda page=page, by=by: revoke(application=page, by=by, reason=scene.revocation_reason)
        for page, by in zip(pages, people, strict=True)
    ]


def test_revocations_at_once_reverse_once(in_parallel):
    scene = Scene()
    case = scene.approved()
    results = at_once(in_parallel, *revocations(scene, case, 4))
    assert len(errors(results, DecidedMeanwhileError)) == 3
    assert (CreditEntry.objects.count(), CreditEntry.objects.balance()) == (2, 0)
    assert same(case).records.filter(action="revoke").count() == 1
    recheck()


def test_revocations_without_the_conditional_update_are_both_told_they_worked(in_parallel, monkeypatch):
    """Positive control: read-then-write in place of the conditional update."""
    scene = Scene()
    case = scene.approved()
    calls = revocations(scene, case, 4)
    monkeypatch.setattr(Application, "move", move_read_then_write)
    assert not errors(at_once(in_parallel, *calls), DecidedMeanwhileError)


def move_read_then_write(self, action, **changes):
    for name, value in (changes | {"status": self.transitions[action][1]}).items():
        setattr(self, name, value)
    self.save()


def appeals(scene, case, times):
    pages = [same(case) for _time in range(times)]
    return [lambda page=page: appeal(application=page, by=scene.user, text="请再看") for page in pages]


def test_appeals_at_once_are_one(in_parallel):
    scene = Scene()
    case = scene.reject(scene.submit())
    assert len(errors(at_once(in_parallel, *appeals(scene, case, 4)), AppealRefusedError)) == 3
    assert same(case).records.filter(action="appeal").count() == 1
    recheck()


def test_appeal_and_new_submission_at_once_leave_one_live_case(in_parallel):
    scene = Scene()
    case = scene.reject(scene.submit())
    at_once(in_parallel, *appeals(scene, case, 2), scene.submit, scene.submit)
    assert Application.objects.live().count() == 1
    recheck()


def test_appeal_and_new_submission_without_the_index_leave_two(in_parallel):
    """Positive control: without the partial unique indexes both are live."""
    scene = Scene()
    case = scene.reject(scene.submit())
    name = "one_live_application_per_achievement_and_rule"
    constraint = next(c for c in ApplicationSource._meta.constraints if c.name == name)
    with connection.schema_editor() as editor:
        editor.remove_constraint(ApplicationSource, constraint)
    try:
        second = scene.submit()
        appeal(application=same(case), by=scene.user, text="请再看")
        assert Application.objects.live().count() == 2
        assert second.is_live
    finally:
        with connection.cursor() as cursor:
            cursor.execute("TRUNCATE conversion_application CASCADE")
        with connection.schema_editor() as editor:
            editor.add_constraint(ApplicationSource, constraint)


def recognised(scene):
    """An achievement that was recognised, and the case."""
    achievement = off_catalogue(scene)
    case = submit_recognition(by=scene.user, achievement=achievement, token=uuid4())
    scene.decide(case, "first_approve", make_reviewer(first=True))
    scene.decide(case, Action.FINAL_APPROVE, make_reviewer(final=True), recognised_as=scene.entry)
    achievement.refresh_from_db()
    return achievement, case


def test_recognition_is_not_revoked_under_a_conversion_that_is_submitted(in_parallel):
    """Whichever is first, no live conversion rests on a revoked recognition."""
    for _round in range(3):
        scene = Scene()
        achievement, case = recognised(scene)
        [revocation] = revocations(scene, case, 1)
        results = at_once(in_parallel, revocation, lambda s=scene, a=achievement: s.submit(achievements=[a]))
        achievement.refresh_from_db()
        resting = Application.objects.live().filter(sources__achievement=achievement).exclude(kind="recognition")
        assert resting.exists() == (achievement.entry is not None) == bool(errors(results, StillUsedError))


def test_recognition_and_submission_without_the_trigger_contradict_each_other():
    """Positive control: a submission that was assessed before the revocation comes through without the trigger."""
    scene = Scene()
    achievement, case = recognised(scene)
    by = make_reviewer(rights=["revoke"])
    revoke(application=same(case), by=by, reason=scene.revocation_reason)
    source = {"kind": "conversion", "achievement": achievement, "rule": scene.version.rule}
    other = scene.submit()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE conversion_applicationsource DISABLE TRIGGER recognised_first")
    try:
        other.sources.create(**source)
        achievement.refresh_from_db()
        assert achievement.entry is None
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE conversion_applicationsource ENABLE TRIGGER recognised_first")


def test_approval_and_withdrawal_at_once_give_one_state(in_parallel):
    scene = Scene()
    case = scene.submit()
    pages = [same(case), same(case)]
    at_once(
        in_parallel,
        lambda: scene.decide(pages[0], "first_approve", scene.first_reviewer),
        lambda: withdraw(application=pages[1], by=scene.user),
    )
    assert same(case).records.count() == 2
    assert Certificate.objects.count() == 0
    recheck()
