"""An attacker with a list of document numbers learns nothing from the pages of activation and sign-in."""

import re

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.documents import Document, DocumentKind
from accounts.models import Enrolment, Learner, RateLimit, VerificationCode
from accounts.services import activation, codes
from accounts.tests.factories import InstitutionFactory, LearnerFactory, UserFactory
from accounts.tests.sms_steps import request_code, solved_captcha, texted_code
from accounts.tests.test_limits import REGISTER, count_comparisons, spend
from demo.synthetic import synthetic_person
from messaging.models import SmsMessage
from messaging.services import queue_sms

NUMBERS = {
    kind: synthetic_person(7000 + i) for i, kind in enumerate(["phone", "no_phone", "activated", "absent", "locked"])
}
SECRETS = re.compile(r'name="csrfmiddlewaretoken" value="\w+"|[0-9a-f]{40}')
DATED = {"Expires", "Set-Cookie", "X-Request-ID"}


def put_on_roster(person, phone="", **user):
    learner = LearnerFactory(name=person.name, verified=True)
    learner.set_document(Document(DocumentKind.RESIDENT_ID, person.number))
    learner.save()
    Enrolment.objects.create(learner=learner, institution=InstitutionFactory(), phone=phone)
    if user:
        UserFactory(learner=learner, phone="", **user)


@pytest.fixture
def rosters(db):
    put_on_roster(NUMBERS["phone"], phone="+8619900008888")
    put_on_roster(NUMBERS["no_phone"])
    put_on_roster(NUMBERS["activated"], phone="+8619900008887", is_active=True)
    put_on_roster(NUMBERS["locked"], phone="+8619900008886", is_active=False)


def shape(response):
    """What an attacker sees of an answer, without what differs at every request."""
    headers = {name: value for name, value in response.headers.items() if name not in DATED}
    return response.status_code, headers, SECRETS.sub("", response.content.decode())


def walk(person, phone):
    """Walk the activation with somebody's number and one's own phone; return every answer and the SMS sent."""
    client, answers = Client(), []
    answers.append(client.post(reverse("accounts:activate"), {"document_number": person.number, **solved_captcha()}))
    identity = reverse("accounts:activate_identity")
    answers.append(client.get(identity))
    before = SmsMessage.objects.count()
    request_code(client, identity, {"phone": phone, "name": "李雷"})
    data = {"name": "李雷", "phone": phone, "code": texted_code(), "activation_code": ""}
    answers.append(client.post(identity, data))
    answers.append(client.get(answers[-1].url))
    answers.append(client.get(reverse("accounts:activate_password")))
    return [shape(answer) for answer in answers], SmsMessage.objects.count() - before


def test_attacker_sees_the_same_for_every_kind_of_number(rosters):
    seen = {kind: walk(person, f"1990000777{i}") for i, (kind, person) in enumerate(NUMBERS.items())}
    assert seen["absent"][1] == 1
    for kind, walked in seen.items():
        assert walked == seen["absent"], kind


def test_attacker_would_see_one_sms_or_one_word_more(rosters, monkeypatch):
    """Positive control: the comparison above notices both."""
    find_person = activation.find_person

    def tell(**told):
        if Learner.objects.verified().with_document(told["document_number"]).exists():
            queue_sms(phone="+8619900008888", purpose="merged")
        return find_person(**told)

    monkeypatch.setattr(activation, "find_person", tell)
    listed, absent = walk(NUMBERS["phone"], "19900007771"), walk(NUMBERS["absent"], "19900007772")
    assert listed[0] == absent[0]
    assert listed[1] == absent[1] + 1
    assert shape(HttpResponse("否")) != shape(HttpResponse("是"))


def test_attacker_sees_the_same_at_sign_in(rosters):
    def answer(person):
        data = {"identity": "person", "identifier": person.number, "password": "Wrong#2026"}
        return shape(Client().post(reverse("accounts:sign_in"), data))

    seen = {kind: answer(person) for kind, person in NUMBERS.items()}
    typed = {kind: body.replace(NUMBERS[kind].number, "") for kind, (_status, _headers, body) in seen.items()}
    assert len(set(typed.values())) == 1
    assert {status for status, _headers, _body in seen.values()} == {200}


@pytest.mark.long
@pytest.mark.django_db(transaction=True)
class TestManyAtOnce:
    def send(self):
        codes.send_code(purpose=REGISTER, phone="+8613800000001", flow="flow", address="192.0.2.1")

    def test_hundred_requests_send_one_sms(self, in_parallel):
        in_parallel(self.send, times=100)
        assert SmsMessage.objects.count() == 1

    def test_two_hundred_wrong_guesses_are_evaluated_five_times(self, in_parallel, monkeypatch):
        self.send()
        wrong = f"{(int(texted_code()) + 1) % 10**6:06d}"
        compared = count_comparisons(monkeypatch)
        for _half in range(2):
            in_parallel(lambda: spend(wrong), times=100)
        assert len(compared) == 5

    def test_right_code_fifty_times_succeeds_once(self, in_parallel):
        self.send()
        right = texted_code()
        assert in_parallel(lambda: spend(right), times=50).count(True) == 1

    def test_right_code_fifty_times_all_succeeds_with_read_then_write(self, in_parallel, meeting, monkeypatch):
        """Positive control of the fifty."""
        self.send()
        right, meet = texted_code(), meeting(50)

        def check_code(self, code):
            live = VerificationCode.objects.get(pk=self.pk).used_at is None
            meet()
            return live and bool(VerificationCode.objects.filter(pk=self.pk).update(used_at=timezone.now()))

        monkeypatch.setattr(VerificationCode, "check_code", check_code)
        monkeypatch.setattr(RateLimit, "take", lambda *arguments: True)
        assert in_parallel(lambda: spend(right), times=50).count(True) == 50

    def test_hundred_requests_without_the_limit_send_several(self, in_parallel, monkeypatch):
        """Positive control of the first."""
        monkeypatch.setattr(RateLimit, "take", lambda *arguments: True)
        in_parallel(self.send, times=40)
        assert SmsMessage.objects.count() > 1
