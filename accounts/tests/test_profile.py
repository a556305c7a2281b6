import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse

from accounts.tests.factories import UserFactory
from accounts.tests.sms_steps import request_code, texted_code
from messaging.models import SmsMessage

PROFILE, PHONE = reverse("accounts:profile"), reverse("accounts:phone_change")
PASSWORD = "Kapok#2026"


@pytest.fixture
def learner(db):
    user = UserFactory(phone="+8619900009901", email="old@example.org")
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.fixture
def signed_in(client, learner):
    client.force_login(learner)
    return client


def test_learner_changes_address_and_email(signed_in, learner):
    call_command("load_regions", verbosity=0)
    address = {"province": "440000", "city": "440100", "district": "440106", "address": "示例路2号"}
    assert signed_in.post(PROFILE, address | {"email": "new@example.org"}).url == reverse("portal:my_information")
    learner.refresh_from_db()
    assert (learner.email, learner.learner.region.name) == ("new@example.org", "天河区")
    page = signed_in.get(PROFILE).content.decode()
    assert "示例路2号" in page
    assert learner.learner.document_number not in page


def test_learner_can_not_take_another_accounts_email(signed_in):
    UserFactory(email="taken@example.org")
    page = signed_in.post(PROFILE, {"email": "Taken@example.org", "address": "示例路2号"}).content.decode()
    assert "该电子邮箱已被其他账号使用" in page
    assert "示例路2号" in page


def change_phone(client, **changes):
    request_code(client, PHONE, {"phone": "19900009902"})
    data = {"phone": "19900009902", "password": PASSWORD, "code": texted_code()}
    return client.post(PHONE, data | changes)


def test_new_phone_is_proven_and_the_old_one_is_told(signed_in, learner):
    assert change_phone(signed_in).status_code == 302
    learner.refresh_from_db()
    assert learner.phone == "+8619900009902"
    notice = SmsMessage.objects.get(purpose="phone_changed")
    assert notice.phone == "+8619900009901"
    assert signed_in.get(PROFILE).status_code == 200


def test_other_sessions_end_with_the_phone_change(signed_in, learner):
    elsewhere = Client()
    elsewhere.force_login(learner)
    change_phone(signed_in)
    assert elsewhere.get(PROFILE).status_code == 302


@pytest.mark.parametrize(("field", "value"), [("password", "wrong"), ("code", "000000"), ("phone", "19900009901")])
def test_phone_stays_when_anything_is_wrong(signed_in, learner, field, value):
    if field == "code" and texted_code_is(value):
        value = "000001"
    assert change_phone(signed_in, **{field: value}).status_code == 200
    learner.refresh_from_db()
    assert learner.phone == "+8619900009901"


def texted_code_is(value):
    return SmsMessage.objects.exists() and texted_code() == value


def test_phone_of_another_account_is_refused_only_after_it_was_proven(signed_in, learner):
    UserFactory(phone="+8619900009902")
    page = signed_in.post(PHONE, {"phone": "19900009902", "password": PASSWORD, "code": "1"}).content.decode()
    assert "已绑定其他账号" not in page
    assert "已绑定其他账号" in change_phone(signed_in).content.decode()


@pytest.mark.parametrize("url", [PROFILE, PHONE])
def test_visitor_signs_in_first(client, db, url):
    assert client.get(url).url.startswith(reverse("accounts:sign_in"))
