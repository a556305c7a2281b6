"""两步验证 of staff: /admin/ asks for a code of an authenticator app, once per sign-in."""

import base64
import os
import re
import subprocess
import sys
from datetime import timedelta
from io import StringIO

import pytest
import time_machine
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django_otp.oath import TOTP

from accounts.models import RateLimit, RecoveryCode, StaffTotp, User
from accounts.services.second_factor import WrongCodeError, check_code, reset_second_factor, set_up
from accounts.tests.factories import PASSWORD, CentreReviewerFactory, ReviewerFactory, UserFactory
from accounts.totp import new_secret, step_of
from messaging.models import InboxMessage, SmsBudget, SmsMessage

CODE = reverse("accounts:second_factor")
SET_UP = reverse("accounts:second_factor_set_up")
ADMIN = reverse("admin:index")


@pytest.fixture(autouse=True)
def _required(settings):
    settings.STAFF_SECOND_FACTOR = True


@pytest.fixture
def staff(db):
    return CentreReviewerFactory()


@pytest.fixture
def recovery_codes(staff):
    """The staff account has an app already; its ten recovery codes."""
    return [code.replace(" ", "") for code in set_up(user=staff, secret=new_secret(), step=0)]


def app_code(user, *, drift=0):
    """What the authenticator app of an account shows now, or `drift` half minutes later."""
    return code_of(StaffTotp.objects.get(user=user).secret, drift=drift)


def code_of(secret, *, drift=0):
    return f"{TOTP(base64.b32decode(secret), drift=drift).token():06d}"


def wrong_code(user):
    near = {app_code(user, drift=drift) for drift in range(-2, 3)}
    return next(code for code in ("000000", "111111", "222222", "333333", "444444", "555555") if code not in near)


def signed_in(user):
    client = Client()
    client.post("/admin/login/", {"username": user.username, "password": PASSWORD})
    return client


def reaches_admin(client):
    return client.get(ADMIN).status_code == 200


def shown_secret(client):
    page = client.get(SET_UP).content.decode()
    return re.search(r"<code[^>]*>([A-Z2-7 ]+)</code>", page)[1].replace(" ", "")


def errors(answer):
    return " ".join(answer.context["form"].errors.get("code", []))


class TestSettingUp:
    def test_staff_are_led_to_set_up_at_their_first_sign_in(self, staff):
        client = signed_in(staff)
        asked = client.get(ADMIN)
        assert asked.url == f"{CODE}?next=%2Fadmin%2F"
        assert client.get(asked.url).url == f"{SET_UP}?next=%2Fadmin%2F"
        assert 'src="data:image/svg+xml' in client.get(SET_UP).content.decode()

    def test_staff_set_up_with_one_code_and_get_ten_recovery_codes_once(self, staff):
        client = signed_in(staff)
        secret = shown_secret(client)
        answer = client.post(SET_UP, {"code": code_of(secret), "next": ADMIN})
        assert len(set(answer.context["codes"])) == 10
        assert answer.context["codes"][0] in answer.content.decode()
        assert reaches_admin(client)
        assert client.get(SET_UP).status_code == 302
        assert StaffTotp.objects.get().secret == secret

    def test_secret_stays_the_same_while_the_page_is_reloaded(self, staff):
        client = signed_in(staff)
        assert shown_secret(client) == shown_secret(client)

    def test_wrong_code_sets_nothing_up(self, staff):
        client = signed_in(staff)
        code = code_of(shown_secret(client))
        answer = client.post(SET_UP, {"code": f"{(int(code) + 500_000) % 10**6:06d}"})
        assert "动态码不正确" in errors(answer)
        assert not StaffTotp.objects.exists()
        assert not reaches_admin(client)

    def test_secret_shown_to_another_session_is_worth_nothing(self, staff):
        stranger, owner = signed_in(staff), signed_in(staff)
        strange_secret = shown_secret(stranger)
        assert strange_secret != shown_secret(owner)
        owner.post(SET_UP, {"code": code_of(shown_secret(owner))})
        assert stranger.post(SET_UP, {"code": code_of(strange_secret)}).url == CODE
        assert not reaches_admin(stranger)

    def test_code_of_setting_up_does_not_sign_in_again(self, staff):
        client = signed_in(staff)
        code = code_of(shown_secret(client))
        client.post(SET_UP, {"code": code})
        elsewhere = signed_in(staff)
        assert "已经用过" in errors(elsewhere.post(CODE, {"code": code}))
        assert not reaches_admin(elsewhere)

    def test_secret_and_recovery_codes_are_not_stored_in_plain_text(self, staff):
        client = signed_in(staff)
        secret = shown_secret(client)
        session = str(dict(client.session))
        codes = client.post(SET_UP, {"code": code_of(secret)}).context["codes"]
        with connection.cursor() as cursor:
            cursor.execute("SELECT secret FROM accounts_stafftotp")
            stored = bytes(cursor.fetchone()[0])
        assert secret.encode() not in stored
        assert secret not in session
        digests = str(list(RecoveryCode.objects.values()))
        assert not any(code.replace(" ", "") in digests or code in digests for code in codes)


class TestCode:
    def test_staff_reach_the_page_they_wanted_with_the_code(self, staff, recovery_codes):
        client = signed_in(staff)
        wanted = reverse("admin:password_change")
        asked = client.get(client.get(wanted).url)
        answer = client.post(CODE, {"code": app_code(staff), "next": asked.context["next"]})
        assert answer.url == wanted
        assert reaches_admin(client)

    def test_session_gets_a_new_id(self, staff, recovery_codes):
        client = signed_in(staff)
        before = client.session.session_key
        client.post(CODE, {"code": app_code(staff)})
        assert client.session.session_key != before
        assert not client.session.exists(before)

    def test_code_may_be_grouped_and_full_width(self, staff, recovery_codes):
        client = signed_in(staff)
        code = app_code(staff).translate(str.maketrans("0123456789", "０１２３４５６７８９"))
        client.post(CODE, {"code": f" {code[:3]} {code[3:]}"})
        assert reaches_admin(client)

    def test_replayed_code_is_refused(self, staff, recovery_codes):
        code = app_code(staff)
        assert signed_in(staff).post(CODE, {"code": code}).status_code == 302
        elsewhere = signed_in(staff)
        assert "已经用过" in errors(elsewhere.post(CODE, {"code": code}))
        assert not reaches_admin(elsewhere)

    def test_earlier_code_is_refused_after_a_later_one(self, staff, recovery_codes):
        earlier = app_code(staff)
        check_code(user=staff, code=app_code(staff, drift=1))
        with pytest.raises(WrongCodeError):
            check_code(user=staff, code=earlier)

    @pytest.mark.parametrize(("drift", "accepted"), [(-3, False), (-1, True), (1, True), (3, False)])
    def test_clock_may_be_half_a_minute_wrong(self, staff, recovery_codes, drift, accepted):
        client = signed_in(staff)
        client.post(CODE, {"code": app_code(staff, drift=drift)})
        assert reaches_admin(client) is accepted

    def test_code_of_a_colleague_is_wrong(self, staff, recovery_codes):
        colleague = CentreReviewerFactory()
        set_up(user=colleague, secret=new_secret(), step=0)
        client = signed_in(colleague)
        client.post(CODE, {"code": app_code(staff)})
        client.post(CODE, {"code": recovery_codes[0]})
        assert not reaches_admin(client)

    def test_five_wrong_codes_lock_the_right_one_out(self, staff, recovery_codes):
        client = signed_in(staff)
        for _try in range(5):
            answer = client.post(CODE, {"code": wrong_code(staff)})
        assert "错误次数过多" in errors(answer)
        assert "错误次数过多" in errors(client.post(CODE, {"code": app_code(staff)}))
        assert "错误次数过多" in errors(client.post(CODE, {"code": recovery_codes[0]}))
        assert not reaches_admin(client)

    def test_lock_opens_after_fifteen_minutes(self, staff, recovery_codes):
        client = signed_in(staff)
        for _try in range(5):
            client.post(CODE, {"code": wrong_code(staff)})
        for limit in RateLimit.objects.all():
            hits = [hit - timedelta(seconds=901) for hit in limit.hits]
            RateLimit.objects.filter(pk=limit.pk).update(hits=hits)
        client.post(CODE, {"code": app_code(staff)})
        assert reaches_admin(client)

    def test_fourth_wrong_code_does_not_lock(self, staff, recovery_codes):
        client = signed_in(staff)
        for _try in range(4):
            client.post(CODE, {"code": wrong_code(staff)})
        client.post(CODE, {"code": app_code(staff)})
        assert reaches_admin(client)

    @pytest.mark.parametrize("text", ["", "abc", "12345", "1234567", "٣" * 30])
    def test_what_is_no_code_is_refused(self, staff, recovery_codes, text):
        client = signed_in(staff)
        assert errors(client.post(CODE, {"code": text}))
        assert not reaches_admin(client)


class TestRecoveryCodes:
    def test_recovery_code_signs_in_once(self, staff, recovery_codes):
        client = signed_in(staff)
        client.post(CODE, {"code": f"{recovery_codes[0][:4]}-{recovery_codes[0][4:]}"})
        assert "还剩9个" in client.get(ADMIN).content.decode()
        elsewhere = signed_in(staff)
        elsewhere.post(CODE, {"code": recovery_codes[0]})
        assert not reaches_admin(elsewhere)
        elsewhere.post(CODE, {"code": recovery_codes[1]})
        assert reaches_admin(elsewhere)


@pytest.mark.django_db(transaction=True)
class TestRaces:
    def outcome(self, staff, code):
        try:
            check_code(user=staff, code=code)
        except WrongCodeError:
            return "wrong"
        return "right"

    def test_recovery_code_used_in_parallel_opens_once(self, staff, recovery_codes, in_parallel):
        outcomes = in_parallel(lambda: self.outcome(staff, recovery_codes[0]), times=5)
        assert sorted(outcomes) == ["right"] + ["wrong"] * 4

    def test_recovery_code_read_first_and_used_later_opens_several_times(
        self, staff, recovery_codes, in_parallel, meeting, monkeypatch
    ):
        """Positive control: the same five, with a code that is looked up before it is marked."""
        meet = meeting(5)

        def use(user, code):
            row = RecoveryCode.objects.filter(digest=RecoveryCode.digest_of(user, code), used_at=None).first()
            meet()
            return bool(row and RecoveryCode.objects.filter(pk=row.pk).update(used_at=timezone.now()))

        monkeypatch.setattr(RecoveryCode, "use", use)
        outcomes = in_parallel(lambda: self.outcome(staff, recovery_codes[0]), times=5)
        assert outcomes == ["right"] * 5

    def test_app_code_used_in_parallel_opens_once(self, staff, recovery_codes, in_parallel):
        code = app_code(staff)
        outcomes = in_parallel(lambda: self.outcome(User.objects.get(pk=staff.pk), code), times=5)
        assert sorted(outcomes) == ["right"] + ["wrong"] * 4

    def test_app_code_compared_first_and_marked_later_opens_every_time(
        self, staff, recovery_codes, in_parallel, meeting, monkeypatch
    ):
        """Positive control: the step is compared, then written, without the condition between."""
        code, meet = app_code(staff), meeting(5)

        def use(self, code):
            step = step_of(self.secret, code, after=self.last_step)
            meet()
            return bool(step and StaffTotp.objects.filter(pk=self.pk).update(last_step=step))

        monkeypatch.setattr(StaffTotp, "use", use)
        outcomes = in_parallel(lambda: self.outcome(User.objects.get(pk=staff.pk), code), times=5)
        assert outcomes == ["right"] * 5

    def test_parallel_guesses_are_compared_five_times(self, staff, recovery_codes, in_parallel, monkeypatch):
        compared = []
        monkeypatch.setattr(StaffTotp, "use", lambda self, code: compared.append(code))
        in_parallel(lambda: self.outcome(User.objects.get(pk=staff.pk), "000000"), times=12)
        assert len(compared) == 5

    def test_two_set_ups_at_once_bind_one_app(self, staff, in_parallel):
        outcomes = in_parallel(lambda: set_up(user=staff, secret=new_secret(), step=0), times=4)
        assert sum(isinstance(outcome, list) for outcome in outcomes) == 1
        assert RecoveryCode.objects.count() == 10


class TestGuard:
    @pytest.mark.parametrize("url", [ADMIN, "/admin/accounts/user/", "/", "/inbox/", "/accounts/sessions/"])
    def test_staff_reach_no_page_without_the_code(self, staff, recovery_codes, url):
        answer = signed_in(staff).get(url)
        assert answer.status_code == 302
        assert answer.url.startswith(CODE)

    def test_staff_change_nothing_without_the_code(self, recovery_codes):
        boss = User.objects.create_superuser("demo_boss", PASSWORD, name="示例管理员")
        client = signed_in(boss)
        data = {"action": "reset_second_factors", "_selected_action": [StaffTotp.objects.get().user_id]}
        assert client.post("/admin/accounts/user/", data).url.startswith(CODE)
        assert StaffTotp.objects.exists()

    def test_institution_reviewer_is_asked_too(self, db):
        assert signed_in(ReviewerFactory()).get(ADMIN).url.startswith(CODE)

    def test_staff_sign_in_on_the_site_is_asked_too(self, staff, client):
        client.post("/accounts/sign-in/", {"identity": "person", "identifier": staff.username, "password": PASSWORD})
        assert client.get(ADMIN).url.startswith(CODE)

    def test_dialog_is_left_for_the_code_page(self, staff):
        answer = signed_in(staff).get("/accounts/password/change/", headers={"HX-Request": "true"})
        assert answer["HX-Redirect"].startswith(CODE)

    def test_staff_sign_out_without_the_code(self, staff):
        client = signed_in(staff)
        client.post(reverse("admin:logout"))
        assert "_auth_user_id" not in client.session

    def test_signing_in_again_asks_again(self, staff, recovery_codes):
        client = signed_in(staff)
        client.post(CODE, {"code": app_code(staff)})
        assert reaches_admin(client)
        client.post("/accounts/sign-out/")
        client.post("/admin/login/", {"username": staff.username, "password": PASSWORD})
        assert not reaches_admin(client)

    def test_code_page_never_leads_to_another_site(self, staff, recovery_codes):
        client = signed_in(staff)
        assert client.post(CODE, {"code": app_code(staff), "next": "https://example.org/"}).url == ADMIN

    def test_learner_is_never_asked(self, client, db):
        client.force_login(UserFactory())
        assert client.get("/my/").status_code == 200
        assert client.get(CODE).url == "/my/"
        assert client.get(SET_UP).url == "/my/"

    def test_visitor_is_asked_to_sign_in(self, client, db):
        assert client.get("/").status_code == 200
        assert client.get(CODE).url.startswith("/accounts/sign-in/")

    def test_staff_are_not_asked_in_development(self, staff, settings):
        settings.STAFF_SECOND_FACTOR = False
        assert reaches_admin(signed_in(staff))


class TestNotices:
    """Who signs in with a recovery code, or has a second factor reset, may not be the account's holder."""

    @pytest.fixture
    def phone(self, staff):
        staff.phone = "+8613800004477"
        staff.save()
        return staff.phone

    def told(self, staff):
        return list(InboxMessage.objects.filter(recipient=staff).values_list("subject", flat=True))

    def test_used_recovery_code_is_told_to_phone_and_inbox(self, staff, phone, recovery_codes):
        check_code(user=staff, code=recovery_codes[0].replace(" ", ""))
        assert self.told(staff) == ["使用了恢复码登录"]
        assert SmsMessage.objects.get(phone=phone).purpose == "recovery_code_used"

    def test_app_code_and_wrong_recovery_code_are_nobodys_news(self, staff, phone, recovery_codes):
        check_code(user=staff, code=app_code(staff))
        with pytest.raises(WrongCodeError):
            check_code(user=staff, code="0" * 12)
        assert self.told(staff) == []
        assert not SmsMessage.objects.exists()

    def test_reset_is_told_once_there_was_something_to_reset(self, staff, phone, recovery_codes):
        assert reset_second_factor(user=staff)
        assert not reset_second_factor(user=staff)
        assert self.told(staff) == ["两步验证已重置"]
        assert SmsMessage.objects.get(phone=phone).purpose == "second_factor_reset"

    def test_spent_budget_keeps_nobody_out(self, staff, phone, recovery_codes, settings):
        settings.SMS_PER_DAY = 0
        SmsBudget.spend()
        check_code(user=staff, code=recovery_codes[0].replace(" ", ""))
        assert self.told(staff) == ["使用了恢复码登录"]
        assert not SmsMessage.objects.exists()


class TestReset:
    ACTION = "reset_second_factors"

    def reset(self, client, user):
        data = {"action": self.ACTION, "_selected_action": [user.pk]}
        return client.post("/admin/accounts/user/", data, follow=True).content.decode()

    def admin_client(self, user):
        set_up(user=user, secret=new_secret(), step=0)
        client = signed_in(user)
        client.post(CODE, {"code": app_code(user)})
        return client

    @pytest.fixture
    def operator(self, db):
        return CentreReviewerFactory(permissions=["accounts.view_user", "accounts.delete_stafftotp"])

    def test_operator_resets_a_colleague_who_sets_up_anew(self, operator, staff, recovery_codes):
        colleague = signed_in(staff)
        colleague.post(CODE, {"code": app_code(staff)})
        assert "已重置" in self.reset(self.admin_client(operator), staff)
        assert not reaches_admin(colleague)
        assert "_auth_user_id" not in colleague.session
        assert signed_in(staff).get(CODE).url.startswith(SET_UP)
        assert not RecoveryCode.objects.filter(user=staff).exists()

    def test_reset_is_logged(self, operator, staff, recovery_codes):
        self.reset(self.admin_client(operator), staff)
        entry = operator.logentry_set.get()
        assert (entry.object_id, entry.change_message) == (str(staff.pk), "重置两步验证")

    def test_nobody_resets_the_own_one(self, operator):
        assert "不能重置自己的" in self.reset(self.admin_client(operator), operator)
        assert StaffTotp.objects.filter(user=operator).exists()

    def test_operator_does_not_reset_a_superuser(self, operator):
        boss = User.objects.create_superuser("demo_boss", PASSWORD, name="示例管理员")
        set_up(user=boss, secret=new_secret(), step=0)
        assert "只能由超级管理员重置" in self.reset(self.admin_client(operator), boss)
        assert StaffTotp.objects.filter(user=boss).exists()

    @pytest.mark.parametrize("factory", [ReviewerFactory, CentreReviewerFactory])
    def test_reviewer_is_offered_no_reset(self, db, staff, recovery_codes, factory):
        client = self.admin_client(factory(permissions=["accounts.view_user"]))
        assert self.ACTION not in client.get("/admin/accounts/user/").content.decode()
        self.reset(client, staff)
        assert StaffTotp.objects.filter(user=staff).exists()

    def test_last_administrator_is_helped_by_a_command(self, staff, recovery_codes):
        output = StringIO()
        call_command("reset_second_factor", staff.username, stdout=output)
        assert staff.username in output.getvalue()
        with pytest.raises(CommandError):
            call_command("reset_second_factor", staff.username)


def test_code_of_a_minute_ago_is_refused(staff, recovery_codes):
    code = app_code(staff)
    with time_machine.travel(timezone.now() + timedelta(seconds=90)), pytest.raises(WrongCodeError):
        check_code(user=staff, code=code)


@pytest.mark.parametrize(("value", "starts"), [("", True), ("1", True), ("0", False)])
def test_production_does_not_start_without_the_second_factor(settings, value, starts):
    secrets = {name: f"{name}-{'x' * 40}" for name in ("SECRET_KEY", "DIGEST_KEY", "PERSONAL_DATA_KEYS")}
    environment = {
        "CREDITBANK_ENV": "production",
        "ALLOWED_HOSTS": "portal.example",
        "SITE_URL": "https://portal.example",
        "SMS_HTTP_URL": "https://sms.example",
        "SMS_HTTP_KEY": "x" * 40,
        "SIGNING_KEY": "s" * 43,
        "DATABASE_URL": "postgres://portal@db.example/portal",
        "REDIS_URL": "redis://redis.example/0",
        **({"STAFF_SECOND_FACTOR": value} if value else {}),
    }
    command = [sys.executable, "-c", "import creditbank.settings as s; print(s.STAFF_SECOND_FACTOR)"]
    run = subprocess.run(
        command, env=os.environ | secrets | environment, cwd=settings.BASE_DIR, capture_output=True, text=True
    )
    assert (run.returncode == 0) is starts
    assert ("True" in run.stdout) if starts else ("STAFF_SECOND_FACTOR must stay on" in run.stderr)
