from concurrent.futures import ThreadPoolExecutor

import pytest
from captcha.models import CaptchaStore
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.urls import reverse

from accounts.captcha import CaptchaField
from accounts.models import Region, User, VerificationCode
from accounts.tests.factories import PASSWORD, EnrolmentFactory, UserFactory
from accounts.tests.sms_steps import request_code, solved_captcha, texted_code
from demo.synthetic import synthetic_person
from messaging.models import LocalSms, SmsMessage
from messaging.services import deliver_sms

URL = "/accounts/register/"
PERSON = synthetic_person(7001)


@pytest.fixture
def regions(db):
    """A province with a divided and an undivided city, and one without cities."""
    rows = [
        ("440000", "广东省", None, 1),
        ("440100", "广州市", "440000", 2),
        ("440106", "天河区", "440100", 3),
        ("441900", "东莞市", "440000", 2),
        ("810000", "香港特别行政区", None, 1),
    ]
    for code, name, parent, level in rows:
        Region.objects.update_or_create(code=code, defaults={"name": name, "parent_id": parent, "level": level})


@pytest.fixture
def filled(regions):
    return {
        "username": "demo_newcomer",
        "name": PERSON.name,
        "document_kind": "resident_id",
        "document_number": PERSON.number,
        "password": PASSWORD,
        "password_again": PASSWORD,
        "nationality": "CN",
        "ethnicity": "01",
        "sex": PERSON.sex,
        "birth_on": str(PERSON.birth_on),
        "email": "newcomer@example.com",
        "province": "440000",
        "city": "440100",
        "district": "440106",
        "address": "示例路1号",
        "phone": PERSON.phone,
        "code": "",
    }


def save(client, data):
    return client.post(URL, data)


def errors_of(answer):
    return answer.context["form"].errors


def test_visitor_registers_with_the_code_from_the_phone(client, filled):
    asked = request_code(client, URL, filled)
    assert "验证码已发送,有效时间为10分钟" in asked.content.decode()
    answer = save(client, filled | {"code": texted_code()})
    assert answer.url == reverse("portal:my_information")
    user = User.objects.get(username="demo_newcomer")
    assert (user.phone, user.learner.document_number) == (f"+86{PERSON.phone}", PERSON.number)
    assert (user.learner.region_id, user.learner.verified_at) == ("440106", None)
    assert client.session["_auth_user_id"] == str(user.pk)


def test_visitor_is_not_registered_without_a_code(client, filled):
    answer = save(client, filled | {"code": "123456"})
    assert list(errors_of(answer)) == ["code"]
    assert not User.objects.exists()


def test_visitor_is_not_registered_with_another_code(client, filled):
    request_code(client, URL, filled)
    wrong = f"{(int(texted_code()) + 1) % 10**6:06d}"
    assert list(errors_of(save(client, filled | {"code": wrong}))) == ["code"]


def test_visitor_is_not_registered_with_the_code_of_another_visitor(client, filled):
    request_code(Client(), URL, filled)
    assert list(errors_of(save(client, filled | {"code": texted_code()}))) == ["code"]


def test_visitor_is_not_registered_with_the_code_of_another_phone(client, filled):
    request_code(client, URL, filled)
    other = filled | {"phone": synthetic_person(7002).phone, "code": texted_code()}
    assert list(errors_of(save(client, other))) == ["code"]


WRONG = [
    ("username", "1abc"),
    ("username", "张三"),
    ("username", "E12345678"),
    ("name", "林?"),
    ("document_kind", "library_card"),
    ("document_number", "440100196409270002"),
    ("password", "short1"),
    ("password", "password123"),
    ("password_again", "Litchi-43"),
    ("nationality", "XX"),
    ("ethnicity", "99"),
    ("sex", "1" if PERSON.sex == "2" else "2"),
    ("birth_on", "2001-02-03"),
    ("birth_on", "2001-02-30"),
    ("email", "newcomer"),
    ("province", "999999"),
    ("city", "110100"),
    ("district", "440305"),
    ("phone", "020-12345678"),
    ("phone", "12345"),
]


@pytest.mark.parametrize(("field", "value"), WRONG)
def test_visitor_sees_an_error_beside_the_wrong_field(client, filled, field, value):
    request_code(client, URL, filled)
    answer = save(client, filled | {"code": texted_code(), field: value})
    assert field in errors_of(answer)
    page = answer.content.decode()
    assert f'id="id_{field}_error"' in page
    assert f'<a href="#id_{field}">' in page
    assert not User.objects.exists()


def test_visitor_sees_an_error_beside_every_empty_field(client, regions):
    answer = save(client, {})
    fields = set(answer.context["form"].fields) - {"captcha", "city", "district"}
    assert set(errors_of(answer)) == fields
    assert all(f'id="id_{field}_error"' in answer.content.decode() for field in fields)


def test_visitor_with_a_passport_can_not_be_born_tomorrow(client, filled):
    answer = save(
        client, filled | {"document_kind": "passport", "document_number": "E12345678", "birth_on": "2999-1-1"}
    )
    assert "birth_on" in errors_of(answer)


@pytest.mark.parametrize(("place", "code"), [(["440000", "441900", ""], "441900"), (["810000", "", ""], "810000")])
def test_visitor_lives_where_no_further_division_exists(client, filled, place, code):
    filled |= dict(zip(["province", "city", "district"], place, strict=True))
    request_code(client, URL, filled)
    save(client, filled | {"code": texted_code()})
    assert User.objects.get().learner.region_id == code


def test_visitor_must_choose_the_district_of_a_divided_city(client, filled):
    request_code(client, URL, filled)
    answer = save(client, filled | {"code": texted_code(), "district": ""})
    assert list(errors_of(answer)) == ["district"]


def test_visitor_without_javascript_refreshes_the_regions_and_keeps_what_is_typed(client, filled):
    answer = client.post(URL, filled | {"city": "", "district": "", "action": "refresh"})
    form = answer.context["form"]
    assert not form.errors
    assert ("440100", "广州市") in form.fields["city"].choices
    assert f'value="{PERSON.number}"' in answer.content.decode()


def test_region_selects_are_fed_by_their_parent(client, regions):
    answer = client.get(reverse("accounts:regions"), {"parent": "440100"})
    assert answer.json() == [{"code": "440106", "name": "天河区"}]


def test_taken_username_and_email_are_refused(client, filled):
    UserFactory(username="Demo_Newcomer", email="NewComer@example.com")
    assert {"username", "email"} <= set(errors_of(save(client, filled)))


def test_only_who_proved_a_phone_learns_that_it_has_an_account(client, filled):
    UserFactory(phone=f"+86{PERSON.phone}")
    asked = request_code(client, URL, filled)
    assert asked.context["answer"].sent
    wrong = f"{(int(texted_code()) + 1) % 10**6:06d}"
    assert list(errors_of(save(client, filled | {"code": wrong}))) == ["code"]
    answer = save(client, filled | {"code": texted_code()})
    assert list(errors_of(answer)) == ["phone"]


def test_rostered_person_who_registers_is_bound_to_the_roster(client, filled):
    enrolment = EnrolmentFactory(phone=f"+86{PERSON.phone}", learner__verified=True, learner__person=PERSON)
    request_code(client, URL, filled)
    save(client, filled | {"code": texted_code()})
    assert User.objects.get().learner == enrolment.learner


class TestCode:
    def test_visitor_needs_the_captcha(self, client, filled):
        answer = client.post(URL, filled | {"action": "send_code"})
        assert list(errors_of(answer)) == ["captcha"]
        assert not SmsMessage.objects.exists()

    def test_visitor_needs_the_right_captcha(self, client, filled):
        answer = client.post(URL, filled | solved_captcha() | {"captcha_1": "----", "action": "send_code"})
        assert list(errors_of(answer)) == ["captcha"]
        assert not SmsMessage.objects.exists()

    def test_wrong_answer_uses_the_captcha_up(self, client, filled):
        captcha = solved_captcha()
        client.post(URL, filled | captcha | {"captcha_1": "----", "action": "send_code"})
        answer = client.post(URL, filled | captcha | {"action": "send_code"})
        assert list(errors_of(answer)) == ["captcha"]

    def test_captcha_serves_once(self, client, filled):
        captcha = solved_captcha() | {"action": "send_code"}
        assert client.post(URL, filled | captcha).context["answer"].sent
        other = filled | captcha | {"phone": synthetic_person(7003).phone}
        assert list(errors_of(client.post(URL, other))) == ["captcha"]
        assert SmsMessage.objects.count() == 1

    def test_visitor_sees_the_errors_of_this_step_only(self, client, regions):
        answer = request_code(client, URL, {"phone": "12"})
        assert list(errors_of(answer)) == ["phone"]

    def test_visitor_keeps_everything_but_the_passwords(self, client, filled):
        page = request_code(client, URL, filled).content.decode()
        assert all(f'value="{filled[name]}"' in page for name in ["username", "document_number", "email", "address"])
        assert '<option value="440106" selected>' in page
        assert PASSWORD not in page

    def test_htmx_visitor_gets_the_code_block_alone(self, client, filled):
        page = request_code(client, URL, filled, headers={"HX-Request": "true"}).content.decode()
        assert "id_code" in page
        assert 'data-seconds="60"' in page
        assert "<html" not in page
        assert "id_username" not in page

    def test_visitor_waits_a_minute_for_the_next_code(self, client, filled):
        request_code(client, URL, filled)
        answer = request_code(client, URL, filled)
        assert "秒后再试" in str(errors_of(answer)["phone"])
        assert 0 < answer.context["answer"].seconds <= 60
        assert SmsMessage.objects.count() == 1

    def test_code_is_stored_as_a_digest_only(self, client, filled):
        request_code(client, URL, filled)
        code, row = texted_code(), VerificationCode.objects.get()
        with connection.cursor() as cursor:
            cursor.execute("SELECT sealed_parameters FROM messaging_smsmessage")
            (stored,) = cursor.fetchone()
        assert code not in row.digest
        assert code.encode() not in bytes(stored)

    def test_text_is_erased_once_it_was_sent(self, client, filled):
        request_code(client, URL, filled)
        code, message = texted_code(), SmsMessage.objects.get()
        deliver_sms(message=message)
        message.refresh_from_db()
        assert (message.status, message.text) == (SmsMessage.Status.SENT, None)
        assert code in LocalSms.objects.get().text


@pytest.mark.django_db(transaction=True)
def test_of_parallel_requests_one_gets_the_captcha():
    captcha = solved_captcha()
    field = CaptchaField()

    def take(_number):
        try:
            return bool(field.clean(list(captcha.values())))
        except ValidationError:
            return False
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        served = list(pool.map(take, range(4)))
    assert served.count(True) == 1
    assert not CaptchaStore.objects.exists()
