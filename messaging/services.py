"""Writing messages: rows first, in the caller's transaction; tasks are only rung."""

from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from messaging import gateways
from messaging.doorbell import ring
from messaging.models import InboxMessage, SmsBudget, SmsMessage

SEND_TASK = "messaging.tasks.send_sms"


class SmsBudgetError(Exception):
    """The site's SMS of the day are used up."""

    message = _("今日短信发送量已达上限,请明天再试或联系学分银行管理中心。")


def queue_sms(*, phone, text, purpose):
    """Write an outbox row for one SMS and ring its task on commit; raise `SmsBudgetError` when the day is spent."""
    if not SmsBudget.spend():
        raise SmsBudgetError
    give_up_at = Now() + timedelta(seconds=settings.SMS_GIVE_UP_SECONDS)
    message = SmsMessage.objects.create(purpose=purpose, phone=phone, text=text, give_up_at=give_up_at)
    ring(SEND_TASK, message.pk)
    return message


def deliver_sms(*, message):
    """Hand one SMS to the gateway, if it is still due and nobody else has claimed it.

    Sent at most once per provider call: only a provider that surely did not accept is asked again.
    """
    if not message.claim():
        return
    message.refresh_from_db()
    try:
        gateways.current_gateway().send(message_id=message.pk, phone=message.phone, text=message.text)
    except gateways.NotAcceptedError as error:
        _retry(message, str(error))
    except (gateways.UnknownOutcomeError, gateways.RefusedError) as error:
        message.mark_failed(f"{type(error).__name__}: {error}")
    else:
        message.mark_sent()


def _retry(message, failure):
    if message.attempts > len(settings.SMS_RETRY_SECONDS):
        message.mark_failed(failure)
        return
    seconds = settings.SMS_RETRY_SECONDS[message.attempts - 1]
    message.retry_in(seconds, failure)
    ring(SEND_TASK, message.pk, countdown=seconds)


def sweep_sms():
    """Give up what is overdue and return the messages that are still due."""
    SmsMessage.objects.overdue().update(status=SmsMessage.Status.FAILED, text=None, failure="given up")
    return list(SmsMessage.objects.due().order_by("pk")[:500])


def send_inbox_message(*, recipient, subject, body, link=""):
    """Put a message into a person's 收件箱, in the caller's transaction."""
    return InboxMessage.objects.create(recipient=recipient, subject=subject, body=body, link=link)
