"""`/healthz`: what a probe and a monitor learn, in good times and bad."""

from datetime import timedelta

import pytest
from django.db import OperationalError
from django.utils import timezone

from achievements.tests.factories import EvidenceFactory
from messaging.models import SmsMessage
from portal import health

URL = "/healthz"
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def nothing_remembered(monkeypatch):
    monkeypatch.setattr(health, "_last", (float("-inf"), {}))


def ago(seconds):
    return timezone.now() - timedelta(seconds=seconds)


def waiting_sms(seconds):
    return SmsMessage.objects.create(
        purpose="register", phone="+8613800008101", next_attempt_at=ago(seconds), give_up_at=ago(-90)
    )


def test_probe_finds_everything_well(client):
    answer = client.get(URL)
    assert answer.status_code == 200
    assert answer.json() == {
        "status": "ok", "database": "ok", "broker": "ok", "waiting_seconds": {"sms": 0, "evidence": 0},
    }  # fmt: skip
    assert answer["Cache-Control"] == "no-store"


def test_monitor_learns_that_nobody_sends(client):
    waiting_sms(seconds=200)
    found = client.get(URL).json()
    assert found["status"] == "degraded"
    assert found["waiting_seconds"]["sms"] >= 200
    assert "138" not in str(found)


def test_a_message_that_waits_for_its_next_attempt_is_not_late(client):
    waiting_sms(seconds=-30)
    assert client.get(URL).json()["status"] == "ok"


def test_monitor_learns_that_nobody_inspects(client):
    evidence = EvidenceFactory()
    type(evidence).objects.update(uploaded_at=ago(500))
    assert client.get(URL).json()["waiting_seconds"]["evidence"] >= 500


def test_a_broker_that_is_away_takes_no_server_out(client, broker_away):
    answer = client.get(URL)
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["broker"]) == ("degraded", "away")


def test_a_database_that_is_away_is_told_as_503(client, monkeypatch):
    def away(*args, **kwargs):
        raise OperationalError("connection refused")

    monkeypatch.setattr(health.connection, "cursor", away)
    answer = client.get(URL)
    assert answer.status_code == 503
    assert answer.json()["database"] == "away"


def test_many_probes_cost_one_look(client, django_assert_num_queries):
    client.get(URL)
    with django_assert_num_queries(0):
        assert client.get(URL).status_code == 200


def test_probe_needs_no_https_and_can_only_look(client, settings):
    settings.SECURE_SSL_REDIRECT = True
    assert client.get(URL).status_code == 200
    assert client.get("/").status_code == 301
    assert client.post(URL, secure=True).status_code == 405
