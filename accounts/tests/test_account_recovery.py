"""Somebody with an account who lost phone and password gets it back through a 人工核对; a thief does not."""

import re

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import ActivationCode, IdentityCheck, User
from accounts.services import activation, identity
from accounts.services.activation import NotBoundError
from accounts.tests.factories import PASSWORD, EnrolmentFactory, UserFactory
from accounts.tests.sms_steps import request_code, texted_code
from accounts.tests.test_identity_check import PHONE, UNMATCHED, ask, body_of, make_check, make_staff, try_to_activate
from accounts.tests.test_limits import let_pass
from messaging.models import InboxMessage, SmsMessage

OLD_PHONE, NEW_PASSWORD = "+8619900008850", "Kapok-7"
SET_PASSWORD = reverse("accounts:activate_password")


@pytest.fixture
def account(db):
    enrolment = EnrolmentFactory(learner__verified=True, phone="+8619900008851")
    return UserFactory(learner=enrolment.learner, phone=OLD_PHONE)


def approved_code(account):
    """The text of the code after two people agreed that the visitor is the account's holder."""
    check = make_check(account, name=account.learner.name)
    for _stage in range(2):
        identity.approve_check(check=check, by=make_staff())
    return re.search(r"\w{4}-\w{4}-\w{5}", SmsMessage.objects.get(phone=PHONE, purpose="identity_approved").text)[0]


def give_back(account, code, phone=PHONE, name=None):
    return activation.activate(
        document_number=account.learner.document_number,
        name=name or account.learner.name,
        phone=phone,
        password=NEW_PASSWORD,
        activation_code=code,
    )


def sign_in(client, identifier, password):
    data = {"identity": "person", "identifier": identifier, "password": password}
    return client.post(reverse("accounts:sign_in"), data).status_code == 302


def told(phone):
    return set(SmsMessage.objects.filter(phone=phone).values_list("purpose", flat=True))


@pytest.mark.django_db
class TestWayBack:
    def test_holder_without_phone_and_password_gets_the_account_back(self, client, account):
        elsewhere = Client()
        elsewhere.force_login(account)
        number = account.learner.document_number
        assert try_to_activate(client, number, name=account.learner.name).url == UNMATCHED
        ask(client)
        check = IdentityCheck.objects.get()
        identity.approve_check(check=check, by=make_staff())
        assert told(OLD_PHONE) == set()
        identity.approve_check(check=check, by=make_staff())
        assert told(OLD_PHONE) == {"giving_back"}
        code = re.search(r"\w{4}-\w{4}-\w{5}", SmsMessage.objects.get(purpose="identity_approved").text)[0]
        SmsMessage.objects.filter(phone=PHONE, purpose="activate").delete()
        let_pass(61)
        answer = try_to_activate(client, number, name=account.learner.name, code=code)
        assert answer.url == SET_PASSWORD
        client.post(SET_PASSWORD, {"password": NEW_PASSWORD, "password_again": NEW_PASSWORD})
        account.refresh_from_db()
        assert (account.phone, User.objects.count()) == (PHONE, 3)
        assert elsewhere.get(reverse("accounts:profile")).status_code == 302
        assert sign_in(Client(), number, NEW_PASSWORD)
        assert not sign_in(Client(), account.username, PASSWORD)
        assert told(OLD_PHONE) == {"giving_back", "given_back"}
        assert "given_back" in told("+8619900008851")
        assert InboxMessage.objects.get(recipient=account).subject == "账号已找回"

    def test_verified_person_on_no_roster_has_the_same_way(self, account):
        account.learner.enrolments.all().delete()
        assert give_back(account, approved_code(account)) == account

    def test_holder_signs_in_at_once_though_the_account_was_locked(self, account, client):
        for _failure in range(5):
            sign_in(client, account.username, "wrong")
        give_back(account, approved_code(account))
        assert sign_in(client, account.learner.document_number, NEW_PASSWORD)

    def test_new_phone_of_another_account_stays_there_and_the_lost_one_opens_nothing(self, client, account):
        other = UserFactory(phone=PHONE)
        give_back(account, approved_code(account))
        account.refresh_from_db()
        other.refresh_from_db()
        assert (account.phone, other.phone) == ("", PHONE)
        url = reverse("accounts:password_reset")
        request_code(client, url, {"phone": OLD_PHONE})
        data = {"phone": OLD_PHONE, "code": texted_code(), "password": "Litchi-43", "password_again": "Litchi-43"}
        assert "没有对应的账号" in client.post(url, data).content.decode()

    def test_desk_says_what_an_approval_means(self, client, account):
        client.force_login(make_staff())
        desk = reverse("admin:accounts_identitycheck_desk", args=[make_check(account.learner.enrolments.get()).pk])
        page = client.get(desk).content.decode()
        assert "通过等于把账号交给申请人" in page


@pytest.mark.django_db
class TestThief:
    def test_code_opens_nothing_for_another_phone_or_twice(self, account):
        code = approved_code(account)
        with pytest.raises(NotBoundError):
            give_back(account, code, phone="+8619900008859")
        with pytest.raises(NotBoundError):
            give_back(account, code, name="第三个人")
        assert give_back(account, code)
        with pytest.raises(NotBoundError):
            give_back(account, code)

    def test_code_of_an_institution_never_opens_an_account_that_exists(self, account):
        clerk = make_staff()
        code = activation.issue_activation_code(enrolment=account.learner.enrolments.get(), by=clerk)
        with pytest.raises(NotBoundError):
            give_back(account, code, phone="+8619900008851")
        account.refresh_from_db()
        assert (account.phone, account.check_password(PASSWORD)) == (OLD_PHONE, True)

    def test_code_issued_before_the_person_activated_is_worth_nothing_after(self, account):
        learner = account.learner
        User.objects.filter(pk=account.pk).update(learner=None)
        check = make_check(learner.enrolments.get())
        for _stage in range(2):
            identity.approve_check(check=check, by=make_staff())
        code = re.search(r"\w{4}-\w{4}-\w{5}", SmsMessage.objects.get(purpose="identity_approved").text)[0]
        User.objects.filter(pk=account.pk).update(learner=learner)
        account.refresh_from_db()
        with pytest.raises(NotBoundError):
            give_back(account, code)

    def test_account_disabled_meanwhile_stays_disabled(self, account):
        code = approved_code(account)
        User.objects.filter(pk=account.pk).update(is_active=False)
        with pytest.raises(NotBoundError):
            give_back(account, code)
        assert ActivationCode.objects.get().used_at is None

    def test_code_is_for_an_enrolment_or_an_account_never_both(self, account):
        approved_code(account)
        with pytest.raises(IntegrityError), transaction.atomic():
            ActivationCode.objects.update(enrolment=account.learner.enrolments.get())

    def test_wrong_code_reads_as_an_unknown_number_does(self, client, account):
        approved_code(account)
        number, wrong = account.learner.document_number, "7K3M-9QXD-2FH8V"
        answer = try_to_activate(client, number, phone="19900008861", name=account.learner.name, code=wrong)
        other = Client()
        unknown = try_to_activate(other, "440106199001011235", phone="19900008862", name="某某", code=wrong)
        assert (answer.status_code, answer.url) == (unknown.status_code, unknown.url) == (302, UNMATCHED)
        assert body_of(client.get(UNMATCHED)) == body_of(other.get(UNMATCHED))


@pytest.mark.django_db(transaction=True)
class TestOneCodeOnce:
    def results(self, account, in_parallel, meeting, monkeypatch):
        code, meet, find_person = approved_code(account), meeting(4), activation.find_person

        def find_and_meet(**told):
            found = find_person(**told)
            meet()
            return found

        monkeypatch.setattr(activation, "find_person", find_and_meet)
        return in_parallel(lambda: give_back(account, code), times=4)

    def test_code_used_four_times_at_once_gives_back_once(self, account, in_parallel, meeting, monkeypatch):
        results = self.results(account, in_parallel, meeting, monkeypatch)
        assert sum(isinstance(result, NotBoundError) for result in results) == 3
        assert InboxMessage.objects.count() == 1

    def test_code_read_first_and_marked_later_gives_back_every_time(self, account, in_parallel, meeting, monkeypatch):
        """Positive control: without the condition of the update."""
        monkeypatch.setattr(ActivationCode, "use", lambda self: True)
        assert self.results(account, in_parallel, meeting, monkeypatch) == [account] * 4
