import pytest
from django.conf import settings
from django.contrib.auth import authenticate
from django.test import Client, RequestFactory

from accounts.models import RateLimit, User
from accounts.tests.factories import PASSWORD, CentreReviewerFactory, InstitutionUserFactory, UserFactory
from accounts.tests.sms_steps import solved_captcha

URL = "/accounts/sign-in/"
FAILURES = settings.SIGN_IN_FAILURES_PER_ACCOUNT[0][0]
WRONG = "账号或密码不正确,请重新输入。"
LOCKED = "登录失败次数过多"

pytestmark = pytest.mark.django_db


def sign_in(client, identifier, password=PASSWORD, **data):
    """Send the form as a person would, solving the captcha when there is one."""
    data = {"identity": "person", "identifier": identifier, "password": password} | solved_captcha() | data
    return client.post(URL, data)


def fail(client, identifier, times):
    return [sign_in(client, identifier, "not-the-one") for _ in range(times)][-1]


def said(answer):
    return " ".join(answer.context["form"].non_field_errors())


@pytest.fixture
def user():
    return UserFactory(learner__verified=True)


@pytest.mark.parametrize(
    "identifier",
    [
        lambda user: user.username,
        lambda user: user.username.upper(),
        lambda user: user.phone,
        lambda user: user.phone.removeprefix("+86"),
        lambda user: user.email.upper(),
        lambda user: user.learner.document_number,
        lambda user: f" {user.learner.document_number[:6]} {user.learner.document_number[6:].lower()} ",
    ],
)
def test_learner_signs_in_by_any_identifier(client, user, identifier):
    answer = sign_in(client, identifier(user))
    assert answer.url == "/my/"
    assert client.session["_auth_user_id"] == str(user.pk)


def test_unverified_learner_does_not_sign_in_by_document_number(client):
    user = UserFactory()
    assert said(sign_in(client, user.learner.document_number)) == WRONG
    assert sign_in(client, user.username).url == "/my/"


def test_wrong_password_does_not_sign_in(client, user):
    answer = sign_in(client, user.username, "not-the-one")
    assert said(answer) == WRONG
    assert "_auth_user_id" not in client.session


def test_disabled_account_does_not_sign_in(client):
    assert said(sign_in(client, UserFactory(is_active=False).username)) == WRONG


def test_session_id_changes_at_sign_in(client, user):
    client.get("/accounts/register/")
    session = client.session
    session["kept"] = True
    session.save()
    before = session.session_key
    sign_in(client, user.username)
    assert client.session.session_key != before
    assert not client.session.exists(before)


def test_institution_signs_in_as_institution_only(client):
    username = InstitutionUserFactory().username
    answer = sign_in(client, username)
    assert "identity" in answer.context["form"].errors
    assert "_auth_user_id" not in client.session
    assert sign_in(client, username, identity="institution").status_code == 302


def test_learner_does_not_sign_in_as_institution(client, user):
    assert "identity" in sign_in(client, user.username, identity="institution").context["form"].errors


def test_staff_are_led_to_the_admin(client):
    assert sign_in(client, CentreReviewerFactory().username).url == "/admin/"


class TestNext:
    @pytest.mark.parametrize("target", ["/inbox/", "/rules/?page=2"])
    def test_learner_goes_on_to_the_page_of_this_site(self, client, user, target):
        assert f'name="next" value="{target}"' in client.get(URL, {"next": target}).content.decode()
        assert sign_in(client, user.username, next=target).url == target

    @pytest.mark.parametrize(
        "target",
        [
            "https://example.org/",
            "//example.org/",
            "/\\example.org",
            "javascript:alert(1)",
            "http:example.org",
            "\x01//x",
        ],
    )
    def test_learner_never_goes_to_another_site(self, client, user, target):
        assert 'name="next" value=""' in client.get(URL, {"next": target}).content.decode()
        assert sign_in(client, user.username, next=target).url == "/my/"


class TestDialog:
    def test_wrong_input_is_shown_in_the_dialog(self, client, user):
        data = {"identity": "person", "identifier": user.username, "password": "not-the-one"}
        page = client.post(URL, data, headers={"HX-Request": "true"}).content.decode()
        assert WRONG in page
        assert "<html" not in page

    def test_success_leaves_the_dialog(self, client, user):
        data = {"identity": "person", "identifier": user.username, "password": PASSWORD}
        answer = client.post(URL, data, headers={"HX-Request": "true"})
        assert answer["HX-Redirect"] == "/my/"


class TestCaptcha:
    def test_it_appears_after_failures(self, client, user):
        assert "captcha" not in client.get(URL).context["form"].fields
        assert "captcha" not in fail(client, user.username, 1).context["form"].fields
        assert "captcha" in fail(client, user.phone, 1).context["form"].fields

    def test_it_must_be_solved_then(self, client, user):
        fail(client, user.username, settings.SIGN_IN_FAILURES_BEFORE_CAPTCHA)
        answer = sign_in(client, user.username, captcha_1="----")
        assert list(answer.context["form"].errors) == ["captcha"]
        assert sign_in(client, user.username).url == "/my/"

    def test_its_input_has_a_label_and_its_error(self, client, user):
        fail(client, user.username, settings.SIGN_IN_FAILURES_BEFORE_CAPTCHA)
        page = sign_in(client, user.username, captcha_1="----").content.decode()
        assert 'for="id_captcha_1"' in page
        assert 'aria-describedby="id_captcha_error"' in page
        assert 'id="id_captcha_error"' in page


class TestLock:
    def test_failures_lock_the_account_for_the_right_password_too(self, client, user):
        fail(client, user.username, FAILURES)
        assert said(sign_in(client, user.username)).startswith(LOCKED)
        assert "_auth_user_id" not in client.session

    def test_one_failure_less_does_not_lock(self, client, user):
        fail(client, user.username, FAILURES - 1)
        assert sign_in(client, user.username).url == "/my/"

    def test_all_identifiers_share_the_failures(self, client, user):
        for identifier in [user.username, user.phone, user.email, user.learner.document_number, user.username.upper()]:
            fail(client, identifier, 1)
        assert said(sign_in(client, user.username)).startswith(LOCKED)

    def test_another_visitor_is_locked_out_of_this_account_only(self, client, user):
        fail(client, user.username, FAILURES)
        assert said(sign_in(Client(REMOTE_ADDR="192.0.2.9"), user.username)).startswith(LOCKED)
        assert sign_in(client, UserFactory().username).url == "/my/"

    def test_success_forgets_the_failures(self, client, user):
        fail(client, user.username, FAILURES - 1)
        sign_in(client, user.username)
        assert "captcha" not in fail(Client(), user.username, 1).context["form"].fields

    def test_an_address_is_locked_after_many_failures(self, client, user):
        times = settings.SIGN_IN_FAILURES_PER_ADDRESS[0][0]
        for _ in range(times):
            RateLimit.take("sign-in-address", "127.0.0.1", settings.SIGN_IN_FAILURES_PER_ADDRESS)
        assert said(sign_in(client, user.username)).startswith(LOCKED)
        assert sign_in(Client(REMOTE_ADDR="192.0.2.9"), user.username).url == "/my/"


class TestEqualAnswers:
    @pytest.mark.parametrize("times", [1, FAILURES, FAILURES + 1])
    def test_learner_staff_and_unknown_account_hear_the_same(self, user, times):
        names = [user.username, CentreReviewerFactory().username, "nobody_here"]
        answers = [fail(Client(), name, times) for name in names]
        assert len({said(answer) for answer in answers}) == 1
        assert len({tuple(answer.context["form"].fields) for answer in answers}) == 1

    def test_unknown_account_costs_a_password_check(self, client, user, monkeypatch):
        from accounts.hashers import PortalArgon2Hasher

        hashed = []
        encode = PortalArgon2Hasher.encode
        monkeypatch.setattr(PortalArgon2Hasher, "encode", lambda *args: hashed.append(args) or encode(*args))
        sign_in(client, "nobody_here", "not-the-one")
        assert len(hashed) == 1


class TestAdmin:
    def sign_in(self, client, username, password=PASSWORD):
        return client.post("/admin/login/", {"username": username, "password": password, "next": "/admin/"})

    def test_staff_sign_in(self, client):
        assert self.sign_in(client, CentreReviewerFactory().username).url == "/admin/"

    def test_learner_and_unknown_account_hear_the_same(self, client, user):
        answers = [self.sign_in(client, name, "not-the-one") for name in [user.username, "nobody_here"]]
        assert {said(answer) for answer in answers} == {WRONG}

    def test_failures_here_lock_the_site_too(self, client):
        staff = CentreReviewerFactory()
        for _ in range(FAILURES):
            self.sign_in(client, staff.username, "not-the-one")
        assert said(sign_in(client, staff.username)).startswith(LOCKED)
        assert LOCKED in self.sign_in(client, staff.username).content.decode()


def test_sign_out_needs_a_post(client, user):
    sign_in(client, user.username)
    assert client.get("/accounts/sign-out/").status_code == 405
    assert "_auth_user_id" in client.session
    assert client.post("/accounts/sign-out/").url == "/"
    assert "_auth_user_id" not in client.session


class TestManyAtOnce:
    """Twelve guesses of one password at one moment."""

    def compared(self, user, in_parallel, monkeypatch):
        passwords = []
        monkeypatch.setattr(User, "check_password", lambda self, password: passwords.append(password))
        request = RequestFactory().post(URL)
        in_parallel(lambda: authenticate(request, username=user.username, password="guess"), times=12)
        return len(passwords)

    @pytest.mark.django_db(transaction=True)
    def test_five_guesses_are_compared(self, user, in_parallel, monkeypatch):
        assert self.compared(user, in_parallel, monkeypatch) == 5

    @pytest.mark.django_db(transaction=True)
    def test_all_are_compared_where_failures_are_counted_before_and_written_after(
        self, user, in_parallel, meeting, monkeypatch
    ):
        """Positive control: read, then write."""
        meet = meeting(12)

        def take(subject, value, windows):
            if subject == "sign-in":
                free = RateLimit.count(subject, value, windows[0][1]) < windows[0][0]
                meet()
                return free
            return True

        monkeypatch.setattr(RateLimit, "take", take)
        assert self.compared(user, in_parallel, monkeypatch) == 12
