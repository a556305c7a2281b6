"""Writing messages: rows first, in the caller's transaction; tasks are only rung."""

import json
import time
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from messaging import gateways
from messaging.doorbell import ring
from messaging.gateways.outcomes import NotAcceptedError, RefusedError, UnknownOutcomeError
from messaging.models import InboxMessage, LocalSms, SmsAttempt, SmsBudget, SmsMessage
from messaging.wording import WORDINGS, compose

SEND_TASK = "messaging.tasks.send_sms"
Outcome = SmsAttempt.Outcome
LONGEST_COUNTDOWN = 60  # seconds; a longer one would outlive the broker's visibility timeout: the sweeper's work
SWEEP_ROWS = 500


class SmsBudgetError(Exception):
    """The site's SMS of the day are used up."""

    message = _("今日短信发送量已达上限,请明天再试或联系学分银行管理中心。")


def queue_sms(*, phone, purpose, **parameters):
    """Write an outbox row for one SMS and ring its task on commit; raise `SmsBudgetError` when the day is spent.

    `purpose` names the wording, `parameters` fill it (`messaging/wording.py`).
    """
    compose(purpose, parameters)
    if not SmsBudget.spend():
        raise SmsBudgetError
    seconds = settings.SMS_GIVE_UP_SECONDS[WORDINGS[purpose].kind]
    message = SmsMessage.objects.create(
        purpose=purpose,
        phone=phone,
        sealed_parameters=json.dumps(parameters),
        give_up_at=Now() + timedelta(seconds=seconds),
    )
    ring(SEND_TASK, message.pk)
    return message


def deliver_sms(*, message):
    """Hand one SMS to the provider whose turn it is, if it is still due and nobody else has claimed it.

    Sent at most once per provider call: only after a call that surely was not accepted is anybody asked again.
    """
    attempt = _claim(message)
    if attempt is None:
        return
    started = time.monotonic()
    outcome, detail = _call(attempt.provider, message)
    attempt.finish(outcome, detail)
    if outcome == Outcome.ACCEPTED:
        message.mark_sent()
    elif outcome == Outcome.NOT_ACCEPTED:
        _retry(message, f"{attempt.provider}: {detail}", elapsed=time.monotonic() - started)
    else:
        message.mark_failed(f"{attempt.provider}: {outcome} {detail}")


@transaction.atomic(durable=True)
def _claim(message):
    """Open the next attempt, or return None. Committed before a provider is asked: killed then, nothing is due."""
    if not message.claim():
        return None
    message.refresh_from_db()
    provider = gateways.provider_of_attempt(message.attempts)
    return SmsAttempt.objects.create(
        message=message, number=message.attempts, provider=provider, started_at=message.claimed_at
    )


def _call(provider, message):
    try:
        return Outcome.ACCEPTED, gateways.gateway(provider).send(message)
    except NotAcceptedError as error:
        return Outcome.NOT_ACCEPTED, str(error)
    except RefusedError as error:
        return Outcome.REFUSED, str(error)
    except UnknownOutcomeError as error:
        return Outcome.UNKNOWN, str(error)


def _retry(message, failure, elapsed):
    """Plan the next attempt, counted from the start of this one."""
    times = settings.SMS_ATTEMPT_SECONDS[WORDINGS[message.purpose].kind]
    if message.attempts >= len(times):
        message.mark_failed(failure)
        return
    seconds = max(times[message.attempts] - times[message.attempts - 1] - elapsed, 0)
    message.retry_in(seconds, failure)
    if seconds <= LONGEST_COUNTDOWN:
        ring(SEND_TASK, message.pk, countdown=seconds)


def give_up_overdue_sms():
    """Fail what nobody accepted in time, and what a process that died left in `sending`: unknown, never sent again."""
    failed = {"status": SmsMessage.Status.FAILED, "sealed_parameters": None}
    SmsMessage.objects.given_up().update(failure="given up", **failed)
    with transaction.atomic():
        dead = list(SmsMessage.objects.abandoned().select_for_update(skip_locked=True).values_list("pk", flat=True))
        SmsMessage.objects.filter(pk__in=dead).update(failure="unknown: its sender died", **failed)
        SmsAttempt.objects.filter(message__in=dead, outcome=Outcome.CALLING).update(
            outcome=Outcome.UNKNOWN, detail="its sender died", finished_at=Now()
        )


def erase_sms_phones():
    """Forget the phones of messages that are finished and `SMS_PHONE_DAYS` old: what is left doesn't say to whom."""
    before = Now() - timedelta(days=settings.SMS_PHONE_DAYS)
    SmsMessage.objects.finished().exclude(phone="").filter(created_at__lt=before).update(phone="")
    LocalSms.objects.filter(sent_at__lt=before).delete()


def sweep_sms(*, seconds):
    """Deliver what a lost ring, a killed worker or an absent broker left behind, for about that long."""
    give_up_overdue_sms()
    deadline = time.monotonic() + seconds
    for message in SmsMessage.objects.due().order_by("pk")[:SWEEP_ROWS]:
        if time.monotonic() > deadline:
            return
        deliver_sms(message=message)


def send_inbox_message(*, recipient, subject, body, link=""):
    """Put a message into a person's 收件箱, in the caller's transaction."""
    return InboxMessage.objects.create(recipient=recipient, subject=subject, body=body, link=link)
