"""Every action in every state, by every role: allowed cells succeed, the others change nothing."""

import pytest
from django.contrib.auth.models import Group
from django.db import transaction
from django.urls import reverse

from accounts.models import User
from conversion import ledger_check
from conversion.models import Application, CreditEntry
from conversion.models.application import APPROVALS, DECISIONS, TRANSITIONS, Action, InvalidTransitionError, Status
from conversion.queue import waiting_for
from conversion.services.appeals import AppealRefusedError, appeal
from conversion.services.applications import resubmit, withdraw
from conversion.services.reviews import DecidedMeanwhileError, NotAllowedError
from conversion.services.revocation import revoke
from conversion.tests.scene import Scene, make_learner_user, make_reviewer, numbers, verify
from conversion.tests.test_course import set_stages
from portal.management.commands.load_reference import load_groups

ACTIONS = [action for action in Action if action != Action.SUBMIT]
WAYS = {  # state: the actions that lead to it from the submission
    Status.SUBMITTED: [],
    Status.RETURNED: [Action.RETURN],
    Status.FIRST_APPROVED: [Action.FIRST_APPROVE],
    Status.SECOND_APPROVED: [Action.FIRST_APPROVE, Action.SECOND_APPROVE],
    Status.APPEALED: [Action.FIRST_REJECT, Action.APPEAL],
    Status.APPROVED: [Action.FIRST_REJECT, Action.APPEAL, Action.APPEAL_APPROVE],
    Status.REJECTED: [Action.FIRST_REJECT],
    Status.WITHDRAWN: [Action.WITHDRAW],
    Status.REVOKED: [Action.FIRST_REJECT, Action.APPEAL, Action.APPEAL_APPROVE, Action.REVOKE],
}
WHO = {  # action: the one role that may take it; a return is for whoever decides then
    Action.WITHDRAW: "learner",
    Action.RESUBMIT: "learner",
    Action.APPEAL: "learner",
    Action.FIRST_APPROVE: "first",
    Action.FIRST_REJECT: "first",
    Action.SECOND_APPROVE: "second",
    Action.SECOND_REJECT: "second",
    Action.FINAL_APPROVE: "final",
    Action.FINAL_REJECT: "final",
    Action.APPEAL_APPROVE: "judge",
    Action.APPEAL_REJECT: "judge",
    Action.REVOKE: "revoker",
}
RETURNS = {"second": "second", "final": "final"}  # step a case waits for: who may ask for material then
CENTRE = {"second", "final", "judge", "revoker"}  # a superuser of the centre has their rights, and their limits
LEARNERS_PAGES = {Action.WITHDRAW: "withdraw", Action.RESUBMIT: "resubmit", Action.APPEAL: "appeal"}
REFUSALS = (InvalidTransitionError, NotAllowedError, DecidedMeanwhileError, AppealRefusedError)
NOBODYS = ["stranger", "other_college", "office", "superuser", "institution", "keeper", "operator"]
ROLES = sorted({*WHO.values(), *NOBODYS})


def make_account(*, group="", **fields):
    """An account that reviews nothing, with the rights of its group as installations have them."""
    account = User.objects.create(username=f"account{next(numbers)}", name="王经办", password="!", **fields)
    if group:
        load_groups()
        account.groups.set(Group.objects.filter(name=group))
        assert account.groups.exists()
    return account


class Play:
    """A case with everybody who could want something of it."""

    def __init__(self, stage_count):
        set_stages(active={1: ["final"], 2: ["first", "final"], 3: ["first", "second", "final"]}[stage_count])
        self.scene = scene = Scene()
        self.case = scene.submit()
        self.people = {
            "learner": scene.user,
            "first": scene.first_reviewer,
            "second": make_reviewer(rights=["second"]),
            "final": scene.final_reviewer,
            "judge": make_reviewer(rights=["appeal"]),
            "revoker": make_reviewer(rights=["revoke"]),
            "stranger": make_learner_user(),
            "other_college": make_reviewer(scene.entry.institution, first=True, rights=["revoke"]),
            "office": make_reviewer(),
            "institution": make_account(institution=scene.college),
            "keeper": make_account(institution=scene.college, is_staff=True, group="机构规则管理员"),
            "operator": make_account(is_staff=True, group="运营管理员"),
            "superuser": make_reviewer(is_superuser=True),
        }

    def who(self, action):
        """The one role that may take an action, where it can be taken at all."""
        if action == Action.RETURN:
            return RETURNS.get(Application.objects.get(pk=self.case.pk).step, "first")
        return WHO[action]

    def act(self, action, by=None):
        """Take an action with the service that belongs to it, on the case as the database has it."""
        case, by = Application.objects.get(pk=self.case.pk), by or self.people[self.who(action)]
        if action == Action.WITHDRAW:
            return withdraw(application=case, by=by)
        if action == Action.RESUBMIT:
            return resubmit(application=case, by=by, explanation="已补")
        if action == Action.APPEAL:
            return appeal(application=case, by=by, text="请再看")
        if action == Action.REVOKE:
            return revoke(application=case, by=by, reason=self.scene.revocation_reason)
        return self.scene.decide(case, action, by, **self.reason(action))

    def reason(self, action):
        return {"reason": self.scene.special_reason, "opinion": "不符"} if action not in APPROVALS else {}

    def state(self):
        case = Application.objects.get(pk=self.case.pk)
        return case.status, case.records.count(), CreditEntry.objects.count(), case.certificates.count()

    def post(self, client, action, by):
        """Send what the form of an action (or a forged one) would send."""
        client.force_login(by)
        url, data = self.form_of(action)
        assert client.post(url, data).status_code in {200, 302, 403, 404}

    def form_of(self, action):
        if action in LEARNERS_PAGES:
            url = reverse(f"conversion:{LEARNERS_PAGES[action]}", args=[self.case.pk])
            return url, {"explanation": "已补", "text": "请再看"}
        if action == Action.REVOKE:
            url = reverse("admin:conversion_application_revoke", args=[self.case.pk])
            return url, {"reason": self.scene.revocation_reason.pk}
        data = {"action": action.value, "seen_status": self.state()[0]}
        if action not in APPROVALS:
            data |= {"reason": self.scene.special_reason.pk, "opinion": "不符"}
        return reverse("admin:conversion_application_review", args=[self.case.pk]), data

    def post_bulk(self, client, by):
        client.force_login(by)
        data = {"application": [self.case.pk], "confirm": "1"}
        assert client.post(reverse("admin:conversion_application_bulk"), data).status_code in {200, 302, 403}


def play_to(status):
    """A play whose case stands in a state, of as few stages as have it (two, or three for 复审)."""
    play = Play(3 if status == Status.SECOND_APPROVED else 2)
    for action in WAYS[status]:
        play.act(action)
    assert play.state()[0] == status
    return play


def expected(play, action, role):
    """The state that a cell of the table leads to, or None where nothing may happen."""
    case, who = Application.objects.get(pk=play.case.pk), play.who(action)
    sources, target = TRANSITIONS[case.stage_count].get(action, ((), None))
    may = role == who or (role == "superuser" and who in CENTRE)
    return target if may and case.status in sources else None


def check_cell(play, before, target):
    after = play.state()
    if target is None:
        assert after == before
    else:
        assert (after[0], after[1]) == (target, before[1] + 1)


def cells(play, roles=lambda _play, _action: ROLES):
    """Every action by the roles that are asked for, with the state it should lead to."""
    for action in ACTIONS:
        for role in roles(play, action):
            yield action, role, expected(play, action, role)


@pytest.mark.django_db
@pytest.mark.parametrize("status", list(Status))
class TestCells:
    def test_services(self, status):
        play = play_to(status)
        for action, role, target in cells(play):
            before = play.state()
            savepoint = transaction.savepoint()
            try:
                play.act(action, play.people[role])
            except REFUSALS:
                assert target is None
            check_cell(play, before, target)
            transaction.savepoint_rollback(savepoint)

    def test_forms_and_forged_posts(self, client, status):
        """The one who may and the superuser, whom Django would let do everything; all roles in the long run."""
        self.post_cells(client, status, lambda play, action: [play.who(action), "superuser"])

    @pytest.mark.long
    def test_forms_and_forged_posts_of_all_roles(self, client, status):
        self.post_cells(client, status, lambda _play, _action: ROLES)

    def post_cells(self, client, status, roles):
        play = play_to(status)
        for action, role, target in cells(play, roles):
            before = play.state()
            savepoint = transaction.savepoint()
            play.post(client, action, play.people[role])
            check_cell(play, before, target)
            transaction.savepoint_rollback(savepoint)

    def test_bulk_approval(self, client, status):
        play = play_to(status)
        verify(play.scene.user)
        for role in ROLES:
            before = play.state()
            targets = [expected(play, action, role) for action in APPROVALS - {Action.APPEAL_APPROVE}]
            savepoint = transaction.savepoint()
            play.post_bulk(client, play.people[role])
            check_cell(play, before, next((target for target in targets if target), None))
            transaction.savepoint_rollback(savepoint)

    def test_visitor(self, client, status):
        """Without an account every address leads to a sign-in."""
        play = play_to(status)
        before = play.state()
        for action in ACTIONS:
            url, data = play.form_of(action)
            assert "next=" in client.post(url, data).url
        client.post(reverse("admin:conversion_application_bulk"), {"application": [play.case.pk], "confirm": "1"})
        assert play.state() == before


RETURNED_BY = [  # (stages, what was approved before, who asks for material, the state it comes back to)
    (1, [], "final", Status.SUBMITTED),
    (2, [], "first", Status.SUBMITTED),
    (2, [Action.FIRST_APPROVE], "final", Status.FIRST_APPROVED),
    (3, [Action.FIRST_APPROVE], "second", Status.FIRST_APPROVED),
    (3, [Action.FIRST_APPROVE, Action.SECOND_APPROVE], "final", Status.SECOND_APPROVED),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("stages", "approvals", "role", "state"), RETURNED_BY)
def test_material_comes_back_to_the_stage_that_asked_for_it(stages, approvals, role, state):
    play = Play(stages)
    for action in approvals:
        play.act(action)
    reviewer = play.people[role]
    play.act(Action.RETURN, reviewer)
    case = Application.objects.get(pk=play.case.pk)
    assert (case.status, case.allows(Action.WITHDRAW)) == (Status.RETURNED, not approvals)
    play.act(Action.RESUBMIT)
    case.refresh_from_db()
    assert case.status == state
    assert Application.objects.filter(waiting_for(reviewer)).get() == case
    assert list(ledger_check.differences({})) == []
    approval = DECISIONS[case.step][0]
    play.act(approval, reviewer)
    assert Application.objects.get(pk=case.pk).status == TRANSITIONS[stages][approval][1]


# The last thing that each action does within its transaction; reviewers' decisions end by telling the applicant.
LAST = {
    Action.WITHDRAW: "applications.write_record",
    Action.RESUBMIT: "applications.write_record",
    Action.APPEAL: "appeals.write_record",
    Action.REVOKE: "revocation.tell_applicant",
}


@pytest.mark.django_db
@pytest.mark.parametrize("action", ACTIONS)
def test_action_that_breaks_off_at_its_end_changes_nothing(monkeypatch, action):
    count = next(count for count in (2, 3) if action in TRANSITIONS[count])
    play = Play(count)
    for step in next(way for status, way in WAYS.items() if status in TRANSITIONS[count][action][0]):
        play.act(step)
    before = play.state()
    name = LAST.get(action, "reviews.tell_applicant")
    monkeypatch.setattr(f"conversion.services.{name}", break_off)
    with pytest.raises(RuntimeError):
        play.act(action)
    assert play.state() == before
    monkeypatch.undo()
    play.act(action)
    assert play.state() != before


def break_off(*_some, **_named):
    raise RuntimeError


def test_every_state_and_action_is_in_the_tables():
    assert set(WAYS) == set(Status)
    assert {*WHO, Action.RETURN} == set(ACTIONS)
