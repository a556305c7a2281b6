import pytest
from django.conf import settings
from django.test import Client

from accounts.models import User, VerificationCode
from accounts.tests.factories import PASSWORD, InstitutionUserFactory, UserFactory
from accounts.tests.sms_steps import request_code, solved_captcha, texted_code

CHANGE, RESET = "/accounts/password/change/", "/accounts/password/reset/"
NEW = "Longan-57!"
UNFIT = ["Abc-123", "A1-" + "b" * 13, "密码密码密码密码", "Longan 57!", "password1", "iloveyou"]

pytestmark = pytest.mark.django_db


def change(client, **data):
    return client.post(CHANGE, {"old_password": PASSWORD, "password": NEW, "password_again": NEW} | data)


def sign_in(client, user, password=PASSWORD, identity="person"):
    data = {"identity": identity, "identifier": user.username, "password": password} | solved_captcha()
    return client.post("/accounts/sign-in/", data)


def is_signed_in(client):
    return client.get(CHANGE).status_code == 200


@pytest.fixture
def user():
    """An account whose pages stand alone: a learner's menu leads into every other app."""
    return InstitutionUserFactory()


@pytest.fixture
def signed_in(client, user):
    client.force_login(user)
    return client


class TestChange:
    def test_visitor_is_asked_to_sign_in(self, client):
        assert client.get(CHANGE).url == f"/accounts/sign-in/?next={CHANGE}"

    def test_person_changes_the_password(self, signed_in, user):
        assert change(signed_in).status_code == 302
        user.refresh_from_db()
        assert user.check_password(NEW)
        assert "密码修改成功" in signed_in.get(CHANGE).content.decode()

    def test_other_sessions_end_and_this_one_goes_on(self, signed_in, user):
        elsewhere = Client()
        elsewhere.force_login(user)
        assert is_signed_in(elsewhere)
        change(signed_in)
        assert is_signed_in(signed_in)
        assert not is_signed_in(elsewhere)

    def test_old_password_is_asked_for(self, signed_in, user):
        answer = change(signed_in, old_password="not-the-one")
        assert answer.context["form"].errors == {"old_password": ["原密码不正确。"]}
        assert not User.objects.get(pk=user.pk).check_password(NEW)

    @pytest.mark.parametrize("password", UNFIT)
    def test_unfit_password_is_refused_beside_its_field(self, signed_in, user, password):
        answer = change(signed_in, password=password, password_again=password)
        assert list(answer.context["form"].errors) == ["password"]
        assert 'id="id_password_error"' in answer.content.decode()
        assert User.objects.get(pk=user.pk).check_password(PASSWORD)

    @pytest.mark.parametrize("password", ["Abcd-123", "A1-" + "b" * 12])
    def test_shortest_and_longest_password_fit(self, signed_in, password):
        assert change(signed_in, password=password, password_again=password).status_code == 302

    def test_both_new_passwords_must_be_equal(self, signed_in):
        assert list(change(signed_in, password_again="Longan-58!").context["form"].errors) == ["password_again"]

    def test_page_shows_hint_and_meter(self, signed_in):
        page = signed_in.get(CHANGE).content.decode()
        assert "密码由8-15位字母、数字或特殊符号组成" in page
        assert "data-password-meter" in page

    def test_dialog_is_left_after_success(self, signed_in):
        data = {"old_password": PASSWORD, "password": NEW, "password_again": NEW}
        answer = signed_in.post(CHANGE, data, headers={"HX-Request": "true"})
        assert answer.status_code == 200
        assert "HX-Redirect" in answer.headers


class TestReset:
    @pytest.fixture
    def user(self):
        return UserFactory()

    def save(self, client, user, **data):
        filled = {"phone": user.phone, "code": "", "password": NEW, "password_again": NEW}
        return client.post(RESET, filled | data)

    def test_person_sets_a_new_password_with_the_code(self, client, user):
        request_code(client, RESET, {"phone": user.phone})
        assert self.save(client, user, code=texted_code()).url == "/accounts/sign-in/"
        assert sign_in(client, user, NEW).url == "/my/"

    def test_nothing_changes_without_the_code(self, client, user):
        request_code(client, RESET, {"phone": user.phone})
        wrong = f"{(int(texted_code()) + 1) % 10**6:06d}"
        assert list(self.save(client, user, code=wrong).context["form"].errors) == ["code"]
        assert User.objects.get(pk=user.pk).check_password(PASSWORD)

    def test_code_opens_once(self, client, user):
        request_code(client, RESET, {"phone": user.phone})
        code = texted_code()
        self.save(client, user, code=code)
        again = self.save(client, user, code=code, password="Lychee-99", password_again="Lychee-99")
        assert list(again.context["form"].errors) == ["code"]

    def test_code_for_registering_does_not_reset(self, client, user):
        request_code(client, "/accounts/register/", {"phone": user.phone})
        assert VerificationCode.objects.get().purpose == "register"
        assert list(self.save(client, user, code=texted_code()).context["form"].errors) == ["code"]

    def test_unfit_password_does_not_use_the_code_up(self, client, user):
        request_code(client, RESET, {"phone": user.phone})
        code = texted_code()
        refused = self.save(client, user, code=code, password="password1", password_again="password1")
        assert list(refused.context["form"].errors) == ["password"]
        assert self.save(client, user, code=code).status_code == 302

    def test_all_sessions_end(self, client, user):
        elsewhere = Client()
        elsewhere.force_login(user)
        request_code(client, RESET, {"phone": user.phone})
        self.save(client, user, code=texted_code())
        assert elsewhere.get(CHANGE).status_code == 302

    def test_lock_of_failed_sign_ins_is_lifted(self, client, user):
        for _ in range(settings.SIGN_IN_FAILURES_PER_ACCOUNT[0][0]):
            sign_in(client, user, "not-the-one")
        request_code(client, RESET, {"phone": user.phone})
        self.save(client, user, code=texted_code())
        assert sign_in(client, user, NEW).url == "/my/"

    def test_phone_without_an_account_is_told_so_after_the_code_only(self, client):
        stranger = UserFactory.build(learner=None)
        asked = request_code(client, RESET, {"phone": stranger.phone})
        assert asked.context["answer"].sent
        answer = self.save(client, stranger, code=texted_code())
        assert list(answer.context["form"].errors) == ["phone"]
