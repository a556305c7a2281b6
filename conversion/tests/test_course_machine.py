"""A model-based test: whatever happens in whatever order, counters, ledger, chain and certificates stay consistent."""

import pytest
from django.db import transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from conversion import slots
from conversion.ledger_check import differences
from conversion.models import Application, Certificate, CreditEntry, RuleVersion
from conversion.models.application import DEAD, TRANSITIONS, Action, Status
from conversion.services.applications import AlreadyAppliedError, NotEligibleError
from conversion.tests.scene import publish_version
from conversion.tests.test_actions import ACTIONS, REFUSALS, Play

TWO = TRANSITIONS[2]


class Course(RuleBasedStateMachine):
    """One learner, one achievement, one rule; `expected` is what the model says of each case."""

    def __init__(self):
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.play = Play(2)
        self.expected = {self.play.case.pk: Status.SUBMITTED}
        self.appealed, self.granted = set(), set()
        self.returned_from = {}

    def teardown(self):
        transaction.set_rollback(True)
        self.atomic.__exit__(None, None, None)

    def others_live(self, pk):
        return [other for other, status in self.expected.items() if other != pk and status not in DEAD]

    @rule()
    def submit(self):
        may = not self.others_live(None) and self.version().status == RuleVersion.Status.PUBLISHED
        try:
            with transaction.atomic():
                case = self.play.scene.submit(version=self.version())
        except (AlreadyAppliedError, NotEligibleError):
            assert not may
            return
        assert may
        self.expected[case.pk] = Status.SUBMITTED

    @rule(action=st.sampled_from(ACTIONS), number=st.integers(0, 5))
    def act(self, action, number):
        pk = sorted(self.expected)[-1 - number % len(self.expected)]
        sources, target = TWO.get(action, ((), None))
        may = self.expected[pk] in sources
        if action == Action.APPEAL:
            may = may and pk not in self.appealed and not self.others_live(pk)
        if self.expected[pk] == Status.RETURNED:
            may = may and (action != Action.WITHDRAW or self.returned_from[pk] == Status.SUBMITTED)
            target = self.returned_from[pk] if action == Action.RESUBMIT else target
        self.play.case = Application(pk=pk)
        try:
            with transaction.atomic():
                self.play.act(action)
        except REFUSALS:
            assert not may
            return
        assert may
        if action == Action.RETURN:
            self.returned_from[pk] = self.expected[pk]
        self.expected[pk] = target
        if action == Action.APPEAL:
            self.appealed.add(pk)
        if target == Status.APPROVED:
            self.granted.add(pk)

    def version(self):
        return RuleVersion.objects.filter(rule=self.play.scene.version.rule).latest("number")

    @rule()
    def stop_rule(self):
        RuleVersion.objects.filter(rule=self.play.scene.version.rule, status="published").update(status="retired")

    @precondition(lambda self: self.version().status != RuleVersion.Status.PUBLISHED)
    @rule(credits=st.sampled_from([1, 3, 4]))
    def publish_next_version(self, credits):
        old = self.version()
        version = RuleVersion.objects.create(
            rule=old.rule, course=old.course, number=old.number + 1, outcome="waived", credits=credits,
            valid_from=old.valid_from,
        )  # fmt: skip
        version.groups.create(position=1).sources.create(entry=self.play.scene.entry)
        publish_version(version)

    @invariant()
    def cases_stand_where_the_model_says(self):
        assert dict(Application.objects.values_list("pk", "status")) == self.expected

    @invariant()
    def grid_counts_the_live_cases(self):
        achievement = self.play.scene.achievement
        counts = slots.grid_counts([achievement])[achievement.pk]
        live = [status for status in self.expected.values() if status not in DEAD]
        in_force = self.version().status == RuleVersion.Status.PUBLISHED
        assert (counts.live, counts.approved) == (len(live), live.count(Status.APPROVED))
        assert counts.convertible == (in_force and not live)

    @invariant()
    def ledger_and_certificates_follow(self):
        approved = [pk for pk, status in self.expected.items() if status == Status.APPROVED]
        awarded = sum(float(case.snapshot["rule"]["credits"]) for case in Application.objects.filter(pk__in=approved))
        assert CreditEntry.objects.balance() == awarded
        assert CreditEntry.objects.filter(kind="award").count() == len(self.granted)
        valid = Certificate.objects.filter(revoked_at=None, replaced_at=None)
        assert set(valid.values_list("application", flat=True)) == set(approved)

    @invariant()
    def an_independent_check_finds_no_difference(self):
        assert list(differences({})) == []


def run_machine(examples, steps):
    checks = [HealthCheck.too_slow, HealthCheck.data_too_large]
    options = {"max_examples": examples, "stateful_step_count": steps, "deadline": None, "derandomize": True}
    run_state_machine_as_test(Course, settings=settings(suppress_health_check=checks, **options))


@pytest.mark.django_db
def test_a_short_run():
    run_machine(5, 25)


@pytest.mark.long
@pytest.mark.django_db
def test_a_long_run():
    run_machine(100, 60)
