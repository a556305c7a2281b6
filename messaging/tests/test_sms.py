from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from messaging import services, tasks
from messaging.models import SmsBudget, SmsMessage
from messaging.tests.stub_gateway import StubGateway

PHONE, TEXT = "+8613800000001", "【学分银行】验证码 123456"


@pytest.fixture
def gateway(settings):
    stub = StubGateway()
    settings.SMS_GATEWAY, settings.SMS_HTTP_URL, settings.SMS_HTTP_KEY = "http", stub.url, "secret-key"
    settings.SMS_HTTP_TIMEOUT = 0.5
    yield stub
    stub.close()


def queue():
    return services.queue_sms(phone=PHONE, text=TEXT, purpose="register")


def due_now(message):
    SmsMessage.objects.filter(pk=message.pk).update(next_attempt_at=Now() - timedelta(seconds=1))


@pytest.mark.django_db
def test_learner_gets_the_sms_and_its_text_is_erased(gateway):
    message = queue()
    tasks.send_sms(message.pk)
    message.refresh_from_db()
    assert gateway.requests == [("Bearer secret-key", {"id": str(message.pk), "phone": PHONE, "text": TEXT})]
    assert (message.status, message.text) == ("sent", None)


@pytest.mark.django_db
def test_waiting_text_is_ciphertext_in_the_outbox():
    queue()
    with connection.cursor() as cursor:
        cursor.execute("SELECT message::text FROM messaging_smsmessage AS message")
        assert b"123456".hex() not in cursor.fetchone()[0]


@pytest.mark.django_db
def test_task_run_twice_sends_once(gateway):
    message = queue()
    tasks.send_sms(message.pk)
    tasks.send_sms(message.pk)
    assert len(gateway.requests) == 1


@pytest.mark.django_db
def test_busy_provider_is_asked_again_at_the_promised_times(gateway, settings):
    gateway.status = 503
    message = queue()
    for attempt in range(1, 5):
        tasks.send_sms(message.pk)
        message.refresh_from_db()
        assert message.attempts == attempt
        due_now(message)
    assert (message.status, message.text, len(gateway.requests)) == ("failed", None, 4)


@pytest.mark.django_db
def test_message_waits_until_its_next_attempt(gateway):
    gateway.status = 503
    message = queue()
    tasks.send_sms(message.pk)
    tasks.send_sms(message.pk)
    assert len(gateway.requests) == 1


@pytest.mark.django_db
def test_provider_that_may_have_accepted_is_never_asked_again(gateway):
    gateway.delay = 1
    message = queue()
    tasks.send_sms(message.pk)
    message.refresh_from_db()
    assert (message.status, message.text) == ("failed", None)
    assert message.failure.startswith("UnknownOutcomeError")


@pytest.mark.django_db
def test_absent_provider_is_tried_again(settings):
    settings.SMS_GATEWAY, settings.SMS_HTTP_URL = "http", "http://127.0.0.1:9/sms"
    message = queue()
    tasks.send_sms(message.pk)
    message.refresh_from_db()
    assert (message.status, message.attempts) == ("created", 1)


@pytest.mark.django_db
def test_refused_message_is_not_sent_again(gateway):
    gateway.status = 400
    message = queue()
    tasks.send_sms(message.pk)
    message.refresh_from_db()
    assert (message.status, message.failure) == ("failed", "RefusedError: HTTP 400")


@pytest.mark.django_db
def test_sweeper_sends_what_nobody_rang_for(gateway):
    queue()
    tasks.sweep_sms()
    assert len(gateway.requests) == 1


@pytest.mark.django_db
def test_sweeper_gives_up_what_a_dead_worker_left_in_sending(gateway):
    message = queue()
    assert message.claim()
    SmsMessage.objects.filter(pk=message.pk).update(give_up_at=Now() - timedelta(seconds=1))
    tasks.sweep_sms()
    message.refresh_from_db()
    assert (message.status, message.text, gateway.requests) == ("failed", None, [])


@pytest.mark.django_db(transaction=True)
def test_parallel_workers_send_one_sms(gateway, in_parallel):
    message = queue()
    in_parallel(lambda: tasks.send_sms(message.pk), times=6)
    assert len(gateway.requests) == 1


@pytest.mark.django_db(transaction=True)
def test_parallel_workers_without_the_claim_would_send_several(gateway, in_parallel, monkeypatch):
    """Positive control of the test above: with a claim that lets everybody pass the race is lost."""
    monkeypatch.setattr(SmsMessage, "claim", lambda self: True)
    gateway.delay = 0.1
    message = queue()
    in_parallel(lambda: tasks.send_sms(message.pk), times=6)
    assert len(gateway.requests) > 1


@pytest.mark.django_db
def test_site_stops_at_its_daily_budget(settings):
    settings.SMS_PER_DAY = 2
    queue()
    queue()
    with pytest.raises(services.SmsBudgetError):
        queue()


@pytest.mark.django_db(transaction=True)
def test_parallel_senders_keep_the_daily_budget(settings, in_parallel):
    settings.SMS_PER_DAY = 3
    assert sum(in_parallel(SmsBudget.spend, times=10)) == 3


@pytest.mark.django_db
def test_finished_sms_can_not_keep_its_text():
    message = queue()
    with pytest.raises(IntegrityError), transaction.atomic():
        SmsMessage.objects.filter(pk=message.pk).update(status="sent")


@pytest.mark.django_db(transaction=True)
def test_message_is_saved_and_sent_later_while_the_broker_is_away(gateway, broker_away, caplog):
    with transaction.atomic():
        message = queue()
    assert "broker away, messaging.tasks.send_sms left to the sweeper" in caplog.text
    assert SmsMessage.objects.get(pk=message.pk).status == "created"
    tasks.sweep_sms()
    assert len(gateway.requests) == 1
