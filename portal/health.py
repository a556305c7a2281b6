"""Whether the portal's parts are there and its work gets done: for probes and monitoring, without personal data."""

import threading
import time
from datetime import timedelta

from celery import current_app
from django.db import Error, connection, transaction
from django.utils import timezone

from evidence.models import EvidenceFile
from messaging.models import SmsMessage

SECONDS_KEPT = 2  # however many ask, each process looks that often at most
DATABASE_MILLISECONDS = 2000
LATE = {"sms": timedelta(seconds=60), "evidence": timedelta(seconds=120)}
BROKER_TIMEOUTS = {"socket_connect_timeout": 1, "socket_timeout": 1}

_lock = threading.Lock()
_last = (float("-inf"), {})


def health():
    """{"status": "ok" | "degraded" | "down", …}, at most `SECONDS_KEPT` old.

    Down is the database alone: without the broker people still browse, sign in and submit. What waits too long
    (seconds of the oldest) means that no worker or no beat runs, or that a provider is away.
    """
    global _last
    with _lock:
        if time.monotonic() - _last[0] > SECONDS_KEPT:
            _last = time.monotonic(), _look()
        return _last[1]


def _look():
    database, waiting = _database()
    found = {"database": database, "broker": _broker(), "waiting_seconds": waiting}
    return {"status": _status(found), **found}


def _status(found):
    if found["database"] != "ok":
        return "down"
    late = any(seconds > LATE[what].total_seconds() for what, seconds in found["waiting_seconds"].items())
    return "degraded" if late or found["broker"] != "ok" else "ok"


def _database():
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = %s", [DATABASE_MILLISECONDS])
            return "ok", {what: _age(oldest) for what, oldest in _oldest().items()}
    except Error:
        return "away", {}


def _oldest():
    """When the oldest row of each outbox should have been worked on, by partial indexes; None where nothing waits."""
    sms = SmsMessage.objects.filter(status__in=[SmsMessage.Status.CREATED, SmsMessage.Status.SENDING])
    evidence = EvidenceFile.objects.filter(state=EvidenceFile.State.CHECKING)
    return {
        "sms": sms.order_by("next_attempt_at").values_list("next_attempt_at", flat=True).first(),
        "evidence": evidence.order_by("uploaded_at").values_list("uploaded_at", flat=True).first(),
    }


def _age(moment):
    return max(0, round((timezone.now() - moment).total_seconds())) if moment else 0


def _broker():
    try:
        with current_app.connection_for_write(transport_options=BROKER_TIMEOUTS) as broker:
            broker.default_channel.client.ping()
    except Exception:  # whatever its client raises
        return "away"
    return "ok"
