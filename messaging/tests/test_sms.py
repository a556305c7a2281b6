import time
from datetime import timedelta
from string import Formatter

import pytest
from celery import current_app
from django.db import IntegrityError, connection, transaction
from django.db.models import F
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from accounts.models import VerificationCode
from messaging import doorbell, services, tasks
from messaging.models import LocalSms, SmsAttempt, SmsBudget, SmsMessage
from messaging.tests.conftest import PHONE
from messaging.wording import WORDINGS, compose

TEXT = "【学分银行】您正在注册账号,验证码 123456,10分钟内有效。请勿告诉他人。"


def due_now(message):
    SmsMessage.objects.filter(pk=message.pk).update(next_attempt_at=Now() - timedelta(seconds=1))


def deliver(message, *, times=1):
    for _attempt in range(times):
        due_now(message)
        tasks.send_sms(message.pk)
    message.refresh_from_db()


def calls(message):
    return list(message.calls.order_by("number").values_list("provider", "outcome", "detail"))


@pytest.mark.parametrize("purpose", WORDINGS)
def test_every_purpose_has_a_signed_text_and_times(purpose, settings):
    wording = WORDINGS[purpose]
    names = [name for _text, name, *_rest in Formatter().parse(str(wording.text)) if name]
    text = compose(purpose, {name: f"a {name}" for name in names})
    assert text.startswith("【学分银行】")
    assert all(f"a {name}" in text for name in names)
    assert settings.SMS_GIVE_UP_SECONDS[wording.kind] > settings.SMS_ATTEMPT_SECONDS[wording.kind][-1]


def test_every_purpose_of_a_code_has_a_wording():
    codes = {purpose for purpose, wording in WORDINGS.items() if wording.kind == "code"}
    assert set(VerificationCode.Purpose.values) == codes


@pytest.mark.django_db
@pytest.mark.parametrize(("purpose", "parameters"), [("no such", {"code": "1"}), ("register", {"cod": "1"})])
def test_caller_with_a_wrong_purpose_or_parameter_learns_it_at_once(queue, purpose, parameters):
    with pytest.raises(KeyError):
        queue(purpose, **parameters)


@pytest.mark.django_db
def test_learner_gets_the_sms_and_its_code_is_erased(gateway, queue):
    message = queue()
    deliver(message)
    assert gateway.requests == [("Bearer secret-key", {"id": str(message.pk), "phone": PHONE, "text": TEXT})]
    assert (message.status, message.text, message.sealed_parameters) == ("sent", None, None)
    assert calls(message) == [("http", "accepted", "HTTP 200")]


@pytest.mark.django_db
def test_waiting_code_is_ciphertext_in_the_outbox(queue):
    queue()
    with connection.cursor() as cursor:
        cursor.execute("SELECT message::text FROM messaging_smsmessage AS message")
        row = cursor.fetchone()[0]
    assert PHONE in row
    assert b"123456".hex() not in row


@pytest.mark.django_db
def test_task_run_twice_sends_once(gateway, queue):
    message = queue()
    deliver(message, times=2)
    assert len(gateway.requests) == 1


@pytest.mark.django_db
def test_message_waits_until_its_next_attempt(gateway, queue):
    gateway.status = 503
    message = queue()
    deliver(message)
    tasks.send_sms(message.pk)
    assert len(gateway.requests) == 1


@pytest.mark.django_db
def test_busy_provider_is_asked_again_at_the_promised_times(gateway, queue):
    gateway.status = 503
    message = queue()
    for gap in [5, 10, 15]:
        deliver(message)
        waits = (message.next_attempt_at - message.claimed_at).total_seconds()
        assert (message.status, waits) == ("created", pytest.approx(gap, abs=0.3))
    deliver(message, times=2)
    assert (message.status, message.text, len(gateway.requests)) == ("failed", None, 4)


@pytest.mark.django_db
def test_notice_is_tried_for_longer_than_a_code(gateway, queue):
    gateway.status = 503
    code, notice = queue(), queue("phone_changed")
    code.refresh_from_db()
    deliver(notice, times=7)
    assert (notice.status, len(gateway.requests)) == ("failed", 7)
    seconds = [(message.give_up_at - message.created_at).total_seconds() for message in (code, notice)]
    assert seconds == pytest.approx([90, 3600], abs=1)


@pytest.mark.django_db
def test_slow_provider_that_may_have_accepted_is_never_asked_again(gateway, queue):
    gateway.delay = 1
    message = queue()
    deliver(message, times=2)
    assert (message.status, message.text, len(gateway.requests)) == ("failed", None, 1)
    assert calls(message) == [("http", "unknown", "ReadTimeout")]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("url", "detail"),
    [
        ("http://127.0.0.1:9/sms", "ConnectError"),
        ("https://nowhere.invalid/sms", "ConnectError"),
        ("nowhere", "UnsupportedProtocol"),
    ],
)
def test_absent_provider_is_tried_again(settings, queue, url, detail):
    settings.SMS_PROVIDERS, settings.SMS_HTTP_URL = ["http"], url
    message = queue()
    deliver(message)
    assert (message.status, message.attempts) == ("created", 1)
    assert calls(message) == [("http", "not_accepted", detail)]


@pytest.mark.django_db
def test_provider_without_tls_gets_nothing_and_is_tried_again(gateway, settings, queue):
    settings.SMS_HTTP_URL = gateway.url.replace("http://", "https://")
    message = queue()
    deliver(message)
    assert (message.status, gateway.requests) == ("created", [])


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("answer", "status", "outcome"),
    [
        (200, "sent", "accepted"), (202, "sent", "accepted"),
        (302, "failed", "refused"), (400, "failed", "refused"), (409, "failed", "refused"), (422, "failed", "refused"),
        (401, "created", "not_accepted"), (402, "created", "not_accepted"), (403, "created", "not_accepted"),
        (429, "created", "not_accepted"), (503, "created", "not_accepted"),
        (500, "failed", "unknown"), (502, "failed", "unknown"), (504, "failed", "unknown"),
    ],
)  # fmt: skip
def test_status_of_the_provider_decides_what_happens(gateway, queue, answer, status, outcome):
    gateway.status = answer
    message = queue()
    deliver(message)
    assert (message.status, calls(message)) == (status, [("http", outcome, f"HTTP {answer}")])


@pytest.mark.django_db
def test_second_provider_serves_when_the_first_surely_did_not_accept(gateway, settings, queue):
    settings.SMS_PROVIDERS = ["http", "local"]
    gateway.status = 503
    message = queue()
    deliver(message, times=2)
    assert calls(message) == [("http", "not_accepted", "HTTP 503"), ("local", "accepted", "")]
    assert message.status == "sent"


@pytest.mark.django_db
def test_providers_take_turns(gateway, settings, queue):
    settings.SMS_PROVIDERS = ["http", "http", "local"]
    gateway.status = 503
    message = queue()
    deliver(message, times=3)
    assert [provider for provider, *_ in calls(message)] == ["http", "http", "local"]


@pytest.mark.django_db
@pytest.mark.parametrize("answer", [500, 400])
def test_unknown_and_refused_never_go_to_the_second_provider(gateway, settings, queue, answer):
    settings.SMS_PROVIDERS = ["http", "local"]
    gateway.status = answer
    message = queue()
    deliver(message, times=2)
    assert (message.status, len(calls(message))) == ("failed", 1)


@pytest.mark.django_db
def test_sweeper_sends_what_nobody_rang_for(gateway, queue):
    queue()
    tasks.sweep_sms()
    assert len(gateway.requests) == 1


@pytest.mark.django_db
def test_sweeper_stops_before_its_task_is_killed(gateway, queue):
    queue()
    services.sweep_sms(seconds=-1)
    assert gateway.requests == []


@pytest.mark.django_db
def test_sweeper_gives_up_what_nobody_accepted_in_time(gateway, queue):
    message = queue()
    SmsMessage.objects.filter(pk=message.pk).update(give_up_at=Now())
    tasks.sweep_sms()
    message.refresh_from_db()
    assert (message.status, message.failure, message.text, gateway.requests) == ("failed", "given up", None, [])


@pytest.mark.django_db
def test_sweeper_leaves_a_message_to_the_worker_that_is_sending_it(gateway, queue):
    message = queue()
    services._claim(message)
    tasks.sweep_sms()
    message.refresh_from_db()
    assert (message.status, calls(message)) == ("sending", [("http", "calling", "")])


@pytest.mark.django_db(transaction=True)
def test_parallel_workers_send_one_sms(gateway, queue, in_parallel):
    message = queue()
    in_parallel(lambda: tasks.send_sms(message.pk), times=6)
    assert len(gateway.requests) == 1


@pytest.mark.django_db(transaction=True)
def test_parallel_workers_without_the_claim_would_send_several(gateway, queue, in_parallel, monkeypatch):
    """Positive control of the test above: with a claim that lets everybody pass the race is lost."""

    def pass_everybody(self):
        return SmsMessage.objects.filter(pk=self.pk).update(attempts=F("attempts") + 1, claimed_at=Now())

    monkeypatch.setattr(SmsMessage, "claim", pass_everybody)
    message = queue()
    in_parallel(lambda: tasks.send_sms(message.pk), times=6)
    assert len(gateway.requests) > 1


@pytest.mark.django_db
def test_one_attempt_can_not_be_called_twice(queue):
    message = queue()
    attempt = services._claim(message)
    with pytest.raises(IntegrityError), transaction.atomic():
        SmsAttempt.objects.create(message=message, number=1, provider="local", started_at=attempt.started_at)


@pytest.mark.django_db(transaction=True)
def test_claim_is_committed_before_a_provider_is_asked(queue):
    message = queue()
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        services.deliver_sms(message=message)


@pytest.mark.django_db
def test_site_stops_at_its_daily_budget(settings, queue):
    settings.SMS_PER_DAY = 2
    queue()
    queue()
    with pytest.raises(services.SmsBudgetError):
        queue()


@pytest.mark.django_db(transaction=True)
def test_parallel_senders_keep_the_daily_budget(settings, in_parallel):
    settings.SMS_PER_DAY = 3
    assert sum(in_parallel(SmsBudget.spend, times=10)) == 3


@pytest.mark.django_db(transaction=True)
def test_parallel_senders_with_read_then_write_overspend(settings, in_parallel, meeting, monkeypatch):
    """Positive control of the test above."""
    settings.SMS_PER_DAY = 3
    SmsBudget.spend()
    meet = meeting(10)

    def spend():
        today = SmsBudget.objects.get()
        meet()
        if today.sent >= settings.SMS_PER_DAY:
            return False
        SmsBudget.objects.update(sent=today.sent + 1)
        return True

    monkeypatch.setattr(SmsBudget, "spend", spend)
    assert sum(in_parallel(SmsBudget.spend, times=10)) == 10


@pytest.mark.django_db
def test_phones_of_old_finished_messages_are_forgotten(settings, queue):
    settings.SMS_PHONE_DAYS = 30
    for age, status in [(31, "sent"), (31, "failed"), (29, "sent"), (31, "created"), (31, "sending")]:
        message = queue()
        message.created_at = timezone.now() - timedelta(days=age)
        message.status = status
        message.sealed_parameters = None if status in {"sent", "failed"} else message.sealed_parameters
        message.save()
    LocalSms.objects.create(phone=PHONE, text="…")
    LocalSms.objects.update(sent_at=timezone.now() - timedelta(days=31))
    tasks.erase_sms_phones()
    left = {
        (message.status, (timezone.now() - message.created_at).days): message.phone
        for message in SmsMessage.objects.all()
    }
    assert {key for key, phone in left.items() if phone} == {("sent", 29), ("created", 31), ("sending", 31)}
    assert (SmsMessage.objects.count(), LocalSms.objects.count()) == (5, 0)


@pytest.mark.django_db
@pytest.mark.parametrize("status", ["sent", "failed"])
def test_finished_sms_can_not_keep_its_code(queue, status):
    message = queue()
    with pytest.raises(IntegrityError), transaction.atomic():
        SmsMessage.objects.filter(pk=message.pk).update(status=status)


@pytest.mark.django_db(transaction=True)
def test_message_is_saved_and_sent_later_while_the_broker_is_away(gateway, queue, broker_away, caplog):
    with transaction.atomic():
        message = queue()
    assert "broker away, messaging.tasks.send_sms left to the sweeper" in caplog.text
    assert SmsMessage.objects.get(pk=message.pk).status == "created"
    tasks.sweep_sms()
    assert len(gateway.requests) == 1


@pytest.mark.django_db(transaction=True)
def test_a_broker_that_hangs_is_waited_for_once(queue, broker_away, monkeypatch):
    """Each try costs its timeout of five seconds, and gunicorn ends a request after thirty: a form rings ten files."""
    tries = []

    def hang(*arguments, **options):
        tries.append(arguments)
        raise TimeoutError

    monkeypatch.setattr(current_app, "send_task", hang)
    with transaction.atomic():
        for _file in range(10):
            queue()
    assert SmsMessage.objects.count() == 10
    assert len(tries) == 1
    later = time.monotonic() + doorbell.QUIET_SECONDS + 1
    monkeypatch.setattr(doorbell.time, "monotonic", lambda: later)
    queue()
    assert len(tries) == 2


@pytest.mark.django_db
def test_operator_reads_the_attempts_without_phone_or_code(gateway, queue, admin_client):
    gateway.status = 503
    message = queue()
    deliver(message)
    for url in [
        reverse("admin:messaging_smsmessage_change", args=[message.pk]),
        reverse("admin:messaging_smsattempt_changelist"),
        reverse("admin:messaging_smsattempt_change", args=[message.calls.get().pk]),
    ]:
        page = admin_client.get(url).content.decode()
        assert "HTTP 503" in page
        assert PHONE[3:] not in page
        assert "123456" not in page
        assert 'name="_save"' not in page
