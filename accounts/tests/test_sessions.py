"""登录设备: sessions end when unused, after 12 hours, and when their owner says so."""

from datetime import timedelta

import pytest
import time_machine
from django.contrib.sessions.backends.base import UpdateError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.devices import device_name, short_address
from accounts.models import SignInSession
from accounts.services.people import reset_password
from accounts.tasks import sweep_sessions
from accounts.tests.factories import PASSWORD, CentreReviewerFactory, InstitutionUserFactory, UserFactory
from accounts.tests.sms_steps import solved_captcha

SESSIONS = reverse("accounts:sessions")
END = reverse("accounts:session_end")
END_OTHERS = reverse("accounts:other_sessions_end")
ENDED = "您的登录已结束"
WINDOWS = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36"
ANDROID = "Mozilla/5.0 (Linux; Android 14; V2055A) Chrome/116.0 Mobile Safari/537.36 MicroMessenger/8.0.49"

pytestmark = pytest.mark.django_db


@pytest.fixture
def user():
    return UserFactory()


def signed_in(user):
    client = Client()
    client.force_login(user)
    return client


def signed_in_by_form(user, user_agent=WINDOWS, address="192.0.2.7"):
    """As a browser does it: `force_login` tells no browser and no address."""
    client = Client(headers={"User-Agent": user_agent}, REMOTE_ADDR=address)
    data = {"identity": "person", "identifier": user.username, "password": PASSWORD} | solved_captcha()
    assert client.post("/accounts/sign-in/", data).status_code == 302
    return client


def is_signed_in(client):
    return client.get(SESSIONS).status_code == 200


def later(**delta):
    return time_machine.travel(timezone.now() + timedelta(**delta))


class TestLimits:
    def test_learner_is_signed_out_after_two_idle_hours_and_told_so(self, user):
        client = signed_in(user)
        with later(hours=2, seconds=1):
            assert client.get(SESSIONS).url.startswith("/accounts/sign-in/")
            assert ENDED in client.get("/accounts/sign-in/").content.decode()
            assert ENDED not in client.get("/accounts/sign-in/").content.decode()

    def test_learner_is_still_signed_in_just_before(self, user):
        client = signed_in(user)
        with later(hours=1, minutes=59):
            assert is_signed_in(client)

    @pytest.mark.parametrize(("minutes", "alive"), [(29, True), (31, False)])
    def test_staff_are_signed_out_after_half_an_idle_hour(self, minutes, alive):
        client = signed_in(CentreReviewerFactory())
        with later(minutes=minutes):
            assert (client.get("/admin/").status_code == 200) is alive

    def test_session_in_use_lasts_twelve_hours_and_no_longer(self, user):
        client = signed_in(user)
        for hour in range(1, 12):
            with later(hours=hour):
                assert is_signed_in(client)
        with later(hours=11, minutes=59):
            assert is_signed_in(client)
        with later(hours=12, seconds=1):
            assert not is_signed_in(client)

    def test_ended_session_opens_nothing_even_when_the_clock_goes_back(self, user):
        client = signed_in(user)
        cookie = client.cookies["sessionid"].value
        with later(hours=3):
            assert not is_signed_in(client)
            sweep_sessions()
        client.cookies["sessionid"] = cookie
        assert not is_signed_in(client)

    def test_changing_the_session_does_not_move_the_absolute_limit(self, user):
        client = signed_in(user)
        for hour in range(1, 12):
            with later(hours=hour):
                session = client.session
                session["kept"] = hour
                session.save()
        with later(hours=12, seconds=1):
            assert not is_signed_in(client)

    def test_visitor_without_a_session_is_told_nothing(self, client):
        assert ENDED not in client.get("/accounts/sign-in/").content.decode()

    def test_signing_out_is_not_told_as_an_end(self, user):
        client = signed_in(user)
        client.post("/accounts/sign-out/")
        assert ENDED not in client.get("/accounts/sign-in/").content.decode()


class TestCost:
    def queries(self, client):
        with CaptureQueriesContext(connection) as captured:
            client.get(SESSIONS)
        return [query["sql"] for query in captured if "accounts_signinsession" in query["sql"]]

    def test_page_asks_for_the_session_once_and_writes_nothing(self, user):
        client = signed_in(user)
        loads_and_list = self.queries(client)
        assert len(loads_and_list) == 2
        assert all(sql.startswith("SELECT") for sql in loads_and_list)

    def test_use_is_noted_at_most_once_a_minute(self, user):
        client = signed_in(user)
        with later(seconds=61):
            assert sum(sql.startswith("UPDATE") for sql in self.queries(client)) == 1
            assert not any(sql.startswith("UPDATE") for sql in self.queries(client))
            assert timezone.now() - SignInSession.objects.get().last_seen_at < timedelta(seconds=30)


class TestEnding:
    def test_person_ends_the_other_devices_and_stays(self, user):
        here, there, elsewhere = signed_in(user), signed_in(user), signed_in(user)
        page = here.post(END_OTHERS, follow=True).content.decode()
        assert "共2个" in page
        assert is_signed_in(here)
        assert not is_signed_in(there)
        assert not is_signed_in(elsewhere)
        assert ENDED in there.get("/accounts/sign-in/").content.decode()

    def test_other_people_stay(self, user):
        stranger = signed_in(UserFactory())
        signed_in(user).post(END_OTHERS)
        assert is_signed_in(stranger)

    def test_person_ends_one_device(self, user):
        here, there, elsewhere = signed_in(user), signed_in(user), signed_in(user)
        here.post(END, {"session": SignInSession.digest_of(there.session.session_key)})
        assert not is_signed_in(there)
        assert is_signed_in(here)
        assert is_signed_in(elsewhere)

    def test_person_ends_nobody_elses(self, user):
        stranger = signed_in(UserFactory())
        signed_in(user).post(END, {"session": SignInSession.digest_of(stranger.session.session_key)})
        assert is_signed_in(stranger)

    def test_ending_needs_a_post(self, user):
        client = signed_in(user)
        assert client.get(END).status_code == client.get(END_OTHERS).status_code == 405

    def test_request_still_running_does_not_bring_an_ended_session_back(self, user):
        here, there = signed_in(user), signed_in(user)
        running = there.session
        running["kept"] = True
        here.post(END_OTHERS)
        with pytest.raises(UpdateError):
            running.save()
        assert not is_signed_in(there)

    def test_password_change_ends_the_others(self, user):
        here, there = signed_in(user), signed_in(user)
        new = "Longan-57!"
        here.post("/accounts/password/change/", {"old_password": PASSWORD, "password": new, "password_again": new})
        assert is_signed_in(here)
        assert not is_signed_in(there)
        assert SignInSession.objects.live().filter(user=user).count() == 1

    def test_password_reset_ends_all(self, user):
        client = signed_in(user)
        reset_password(phone=user.phone, password="Longan-57!")
        assert not is_signed_in(client)

    def test_disabled_account_is_out_at_the_next_request(self, user):
        client = signed_in(user)
        type(user).objects.filter(pk=user.pk).update(is_active=False)
        assert not is_signed_in(client)


class TestPage:
    def test_person_sees_where_the_account_is_signed_in(self, user):
        signed_in_by_form(user, ANDROID, "198.51.100.23")
        page = signed_in_by_form(user).get(SESSIONS).content.decode()
        assert "Chrome · Windows" in page
        assert "微信 · Android" in page
        assert "198.51.100.*" in page
        assert page.count("本设备") == 1
        assert page.count(f'action="{END}"') == 1
        assert f'action="{END_OTHERS}"' in page

    def test_single_device_has_nothing_to_end(self, user):
        page = signed_in(user).get(SESSIONS).content.decode()
        assert END not in page
        assert END_OTHERS not in page

    def test_sessions_of_others_and_ended_ones_are_not_listed(self, user):
        signed_in(UserFactory())
        signed_in(user)
        with later(hours=3):
            assert len(signed_in(user).get(SESSIONS).context["sessions"]) == 1

    def test_visitor_is_asked_to_sign_in(self, client):
        assert client.get(SESSIONS).url.startswith("/accounts/sign-in/")

    @pytest.mark.parametrize("factory", [UserFactory, InstitutionUserFactory, CentreReviewerFactory])
    def test_page_is_for_every_kind_of_account(self, factory):
        assert is_signed_in(signed_in(factory()))

    @pytest.mark.parametrize(
        ("factory", "url"),
        [
            (UserFactory, "/accounts/profile/"),
            (InstitutionUserFactory, "/accounts/institution/"),
            (CentreReviewerFactory, "/admin/"),
        ],
    )
    def test_page_is_linked_where_people_look(self, factory, url):
        assert f'href="{SESSIONS}"' in signed_in(factory()).get(url).content.decode()

    def test_number_of_queries_does_not_grow_with_the_devices(self, user, django_assert_max_num_queries):
        client = signed_in(user)
        with CaptureQueriesContext(connection) as one:
            client.get(SESSIONS)
        for _device in range(2):
            signed_in(user)
        with django_assert_max_num_queries(len(one)):
            client.get(SESSIONS)


class TestStorage:
    def test_dump_holds_no_key_that_signs_in(self, user):
        client = signed_in(user)
        assert client.session.session_key not in str(list(SignInSession.objects.values()))
        stored = Client()
        stored.cookies["sessionid"] = SignInSession.objects.get().pk
        assert not is_signed_in(stored)

    def test_sweep_forgets_ended_sessions_and_keeps_the_others(self, user):
        signed_in(user)
        with later(hours=1):
            kept = signed_in(user)
        with later(hours=2, minutes=1):
            sweep_sessions()
            assert SignInSession.objects.get().pk == SignInSession.digest_of(kept.session.session_key)

    def test_visitors_session_has_no_account(self, client):
        client.get("/accounts/register/")
        row = SignInSession.objects.get()
        assert (row.user, row.signed_in_at, row.device) == (None, None, "")


@pytest.mark.parametrize(
    ("user_agent", "name"),
    [(WINDOWS, "Chrome · Windows"), (ANDROID, "微信 · Android"), ("curl/8.7", "未知设备"), ("", "未知设备")],
)
def test_device_is_named_as_its_owner_would(user_agent, name):
    assert device_name(user_agent) == name


@pytest.mark.parametrize(
    ("address", "shown"),
    [("192.0.2.7", "192.0.2.*"), ("2001:db8:1:2::9", "2001:db8:1::*"), ("", ""), ("unix:", "")],
)
def test_address_is_shortened(address, shown):
    assert short_address(address) == shown
