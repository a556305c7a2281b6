from datetime import date, timedelta

import pytest
from captcha.models import CaptchaStore
from django.db import connection
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from accounts.documents import Document, DocumentKind
from accounts.models import ActivationCode, Enrolment, Institution, Learner, User
from accounts.services import activation
from accounts.tests.factories import InstitutionFactory
from messaging.models import SmsMessage

NUMBER, NAME, PHONE, OTHER_PHONE = "440106199001011235", "欧阳·玥", "+8613800000001", "13800000002"
PASSWORD = "Kapok-7"


@pytest.fixture
def enrolment(db):
    institution = Institution.objects.create(
        name="示例学院", bank_code="test00001", kind="vocational", status="approved"
    )
    learner = Learner(name=NAME, birth_on=date(1990, 1, 1), verified_at=timezone.now())
    learner.set_document(Document(DocumentKind.RESIDENT_ID, NUMBER))
    learner.save()
    return Enrolment.objects.create(learner=learner, institution=institution, phone=PHONE, student_number="1")


@pytest.fixture
def clerk(enrolment):
    return User.objects.create(username="clerk", name="教务员", institution=enrolment.institution, password="!")


def solved_captcha():
    key = CaptchaStore.generate_key()
    return {"captcha_0": key, "captcha_1": CaptchaStore.objects.get(hashkey=key).response}


def tell_number(client, number=NUMBER):
    return client.post(reverse("accounts:activate"), {"document_number": number, **solved_captcha()})


def get_code(client, phone="13800000001"):
    answer = client.post(
        reverse("accounts:activate_identity"), {"action": "send_code", "phone": phone, "name": "", **solved_captcha()}
    )
    assert answer.status_code == 200
    return SmsMessage.objects.first().text.split("验证码 ")[1][:6]


def tell_identity(client, code, name=NAME, phone="13800000001", activation_code=""):
    data = {"name": name, "phone": phone, "code": code, "activation_code": activation_code}
    return client.post(reverse("accounts:activate_identity"), data)


def set_password(client):
    data = {"password": PASSWORD, "password_again": PASSWORD}
    return client.post(reverse("accounts:activate_password"), data)


def test_rostered_learner_activates_and_signs_in_by_document_number(client, enrolment):
    assert tell_number(client, "４４０１０６ 19900101 1235").url == reverse("accounts:activate_identity")
    code = get_code(client)
    assert tell_identity(client, code, name="欧阳•玥").url == reverse("accounts:activate_password")
    assert "激活成功" in set_password(client).content.decode()
    user = User.objects.get()
    assert (user.learner, user.phone) == (enrolment.learner, PHONE)
    signed_in = client.post(
        reverse("accounts:sign_in"), {"identity": "person", "identifier": NUMBER, "password": PASSWORD}
    )
    assert signed_in.url == reverse("portal:my_information")


def test_learner_with_a_new_phone_uses_the_institutions_activation_code_once(client, enrolment, clerk):
    activation_code = activation.issue_activation_code(enrolment=enrolment, by=clerk)
    tell_number(client)
    answer = tell_identity(client, get_code(client, OTHER_PHONE), phone=OTHER_PHONE, activation_code=activation_code)
    assert answer.url == reverse("accounts:activate_password")
    set_password(client)
    assert User.objects.get(learner=enrolment.learner).phone == "+8613800000002"
    assert ActivationCode.objects.get().used_at


@pytest.mark.parametrize("change", ["absent", "name", "phone", "bound", "wrong_activation_code"])
def test_every_other_outcome_shows_one_and_the_same_page(client, enrolment, change):
    name, phone, activation_code = NAME, "13800000001", ""
    if change == "absent":
        Enrolment.objects.all().delete()
        Learner.objects.all().delete()
    elif change == "name":
        name = "欧阳月"
    elif change == "phone":
        phone = OTHER_PHONE
    elif change == "bound":
        User.objects.create(username="bound", name=NAME, learner=enrolment.learner, password="!")
    elif change == "wrong_activation_code":
        phone, activation_code = OTHER_PHONE, "0000-0000-00000"
    tell_number(client)
    sms = SmsMessage.objects.count()
    answer = tell_identity(client, get_code(client, phone), name=name, phone=phone, activation_code=activation_code)
    assert (answer.status_code, answer.url) == (302, reverse("accounts:activate_unmatched"))
    assert SmsMessage.objects.count() == sms + 1
    page = client.get(answer.url).content.decode()
    assert "没有全部对应" in page
    assert set_password(client).url == reverse("accounts:activate")


def test_learner_retypes_a_wrong_name_three_times_without_a_new_sms(client, enrolment):
    tell_number(client)
    code = get_code(client)
    for wrong in ["欧阳月", "欧阳明", "欧阳"]:
        assert tell_identity(client, code, name=wrong).url == reverse("accounts:activate_unmatched")
        code = ""
    assert tell_identity(client, "").url == reverse("accounts:activate_password")
    assert SmsMessage.objects.count() == 1


def test_fifth_try_starts_again_even_with_the_right_name(client, enrolment):
    tell_number(client)
    tell_identity(client, get_code(client), name="甲")
    for wrong in ["乙", "丙", "丁"]:
        tell_identity(client, "", name=wrong)
    assert tell_identity(client, "").url == reverse("accounts:activate_unmatched")
    assert client.get(reverse("accounts:activate_identity")).url == reverse("accounts:activate")


def test_wrong_code_compares_nothing(client, enrolment, monkeypatch):
    monkeypatch.setattr(activation, "find_person", None)
    tell_number(client)
    code = get_code(client)
    answer = tell_identity(client, f"{(int(code) + 1) % 10**6:06d}")
    assert "验证码不正确" in answer.content.decode()


def test_phones_on_record_hear_of_the_binding(client, enrolment, clerk):
    activation_code = activation.issue_activation_code(enrolment=enrolment, by=clerk)
    tell_number(client)
    tell_identity(client, get_code(client, OTHER_PHONE), phone=OTHER_PHONE, activation_code=activation_code)
    set_password(client)
    notices = SmsMessage.objects.filter(purpose="activated")
    assert set(notices.values_list("phone", flat=True)) == {PHONE, "+8613800000002"}


def test_new_activation_code_voids_the_old_one(enrolment, clerk):
    old = activation.issue_activation_code(enrolment=enrolment, by=clerk)
    activation.issue_activation_code(enrolment=enrolment, by=clerk)
    with pytest.raises(activation.NotBoundError):
        activation.find_person(document_number=NUMBER, name=NAME, phone="", activation_code=old)


def test_old_activation_code_opens_nothing(enrolment, clerk):
    code = activation.issue_activation_code(enrolment=enrolment, by=clerk)
    ActivationCode.objects.update(expires_at=Now() - timedelta(seconds=1))
    with pytest.raises(activation.NotBoundError):
        activation.find_person(document_number=NUMBER, name=NAME, phone="", activation_code=code)


def test_activation_code_is_stored_as_digest_only(enrolment, clerk):
    code = activation.issue_activation_code(enrolment=enrolment, by=clerk)
    assert code.replace("-", "") not in str(ActivationCode.objects.values())
    assert len(code.replace("-", "")) == 13


def test_session_holds_no_document_number(client, enrolment):
    tell_number(client)
    assert NUMBER not in str(dict(client.session))


@pytest.mark.parametrize("number", ["440106199001011234", "44010619900101123", "12", ""])
def test_number_that_can_not_be_right_is_refused_at_once(client, db, number):
    assert "invalid-feedback" in tell_number(client, number).content.decode()


@pytest.mark.parametrize("name", ["activate_identity", "activate_password"])
def test_visitor_can_not_skip_a_step(client, db, name):
    assert client.get(reverse(f"accounts:{name}")).url == reverse("accounts:activate")


@pytest.mark.django_db(transaction=True)
def test_parallel_activations_make_one_account(enrolment, in_parallel):
    def one():
        return activation.activate(document_number=NUMBER, name=NAME, phone=PHONE, password=PASSWORD)

    results = in_parallel(one, times=5)
    assert User.objects.count() == 1
    assert sum(isinstance(result, activation.NotBoundError) for result in results) == 4


class TestBindingRace:
    """One person with five phones on record, and whoever holds them: all at the password page at one moment."""

    @pytest.fixture
    def activate_all(self, enrolment, in_parallel, meeting, monkeypatch):
        learner, meet, find_person = enrolment.learner, meeting(5), activation.find_person
        phones = [PHONE, *(f"+861990000661{number}" for number in range(4))]
        for phone in phones[1:]:
            Enrolment.objects.create(learner=learner, institution=InstitutionFactory(), phone=phone)

        def find_and_meet(**told):
            found = find_person(**told)
            meet()
            return found

        def one():
            return activation.activate(document_number=NUMBER, name=NAME, phone=phones.pop(), password=PASSWORD)

        monkeypatch.setattr(activation, "find_person", find_and_meet)
        return lambda: in_parallel(one, times=5)

    @pytest.mark.django_db(transaction=True)
    def test_five_found_unbound_bind_once(self, activate_all):
        results = activate_all()
        assert User.objects.count() == 1
        assert sum(isinstance(result, activation.NotBoundError) for result in results) == 4

    @pytest.mark.django_db(transaction=True)
    def test_five_found_unbound_all_bind_without_the_constraint(self, activate_all):
        """Positive control: reading that nobody is bound is not enough."""
        with connection.cursor() as cursor:
            found = connection.introspection.get_constraints(cursor, "accounts_user")
            (name,) = [name for name, one in found.items() if one["unique"] and one["columns"] == ["learner_id"]]
            cursor.execute(f'ALTER TABLE accounts_user DROP CONSTRAINT "{name}"')
            try:
                activate_all()
                assert User.objects.count() == 5
            finally:
                User.objects.all().delete()
                cursor.execute(f'ALTER TABLE accounts_user ADD CONSTRAINT "{name}" UNIQUE (learner_id)')


def issue_in_admin(client, enrolment, **rights):
    client.force_login(User.objects.create(username="staff1", name="运营", is_staff=True, password="!", **rights))
    data = {"action": "issue_code", "_selected_action": [enrolment.pk]}
    return client.post(reverse("admin:accounts_enrolment_changelist"), data)


def test_centre_issues_an_activation_code_in_the_admin(client, enrolment):
    page = issue_in_admin(client, enrolment, is_superuser=True)
    assert NAME in page.content.decode()
    assert ActivationCode.objects.get().enrolment == enrolment
    assert NUMBER not in page.content.decode()


def test_reviewer_of_an_institution_issues_none_in_the_admin(client, enrolment):
    issue_in_admin(client, enrolment, is_superuser=True, institution=enrolment.institution)
    assert not ActivationCode.objects.exists()
