"""Real processes, really killed while they send; and what a look into the real queue shows."""

import base64
import json
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
import redis
from celery import current_app
from django.conf import settings as django_settings
from django.db import connection, transaction
from django.db.models.functions import Now

from messaging import tasks
from messaging.models import SmsMessage
from messaging.tests.conftest import PHONE

WORKER = "-m celery -A creditbank worker --concurrency 1 --loglevel error --without-gossip --without-mingle"
KILLED_BEFORE_SENDING = """
import os, signal, sys, django
django.setup()
from messaging import gateways, tasks
gateways.gateway = lambda provider: os.kill(os.getpid(), signal.SIGKILL)
tasks.send_sms(int(sys.argv[1]))
"""

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def queue_server():
    server = redis.Redis.from_url(os.environ["REDIS_URL"])
    server.flushdb()
    yield server
    server.flushdb()
    server.close()


@pytest.fixture
def start(gateway):
    """Return a function that starts Python on the test database, with the stub as its provider."""
    started = []
    url, question, options = os.environ["DATABASE_URL"].partition("?")
    database = f"{url.rpartition('/')[0]}/{connection.settings_dict['NAME']}{question}{options}"
    environment = os.environ | {
        "DATABASE_URL": database, "SMS_PROVIDERS": "http", "SMS_HTTP_URL": gateway.url, "SMS_HTTP_TIMEOUT": "20",
        "DJANGO_SETTINGS_MODULE": "creditbank.settings",
    }  # fmt: skip

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=django_settings.BASE_DIR, env=environment, start_new_session=True
        )
        started.append(process)
        return process

    yield start
    for process in started:
        kill(process)


def kill(process):
    """Kill a process with all its children, as a power cut does."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_until(condition, seconds=20):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def state(message):
    message.refresh_from_db()
    return message.status, message.text


def check_nothing_is_sent_twice(message, gateway, requests):
    """Whatever comes after the kill: the redelivered task, a sweep at once, a sweep a minute later."""
    assert state(message)[0] == "sending"
    gateway.delay = 0
    tasks.send_sms(message.pk)
    tasks.sweep_sms()
    assert state(message)[0] == "sending"
    SmsMessage.objects.update(claimed_at=Now() - timedelta(seconds=django_settings.SMS_SENDING_SECONDS))
    tasks.sweep_sms()
    assert state(message) == ("failed", None)
    assert [(call.outcome, call.detail) for call in message.calls.all()] == [("unknown", "its sender died")]
    assert len(gateway.requests) == requests


def test_worker_killed_while_the_provider_answers_leaves_one_request(queue_server, gateway, start, queue):
    gateway.delay = 20
    worker = start(*WORKER.split())
    message = queue()
    wait_until(lambda: gateway.requests)
    kill(worker)
    check_nothing_is_sent_twice(message, gateway, requests=1)


def test_process_killed_between_claim_and_sending_leaves_no_request(gateway, start, queue):
    message = queue()
    process = start("-c", KILLED_BEFORE_SENDING, str(message.pk))
    assert process.wait(20) == -signal.SIGKILL
    check_nothing_is_sent_twice(message, gateway, requests=0)


def contents(server):
    """Everything in the server as text, the base64 bodies of task messages decoded."""
    readers = {
        b"string": lambda key: [server.get(key)],
        b"list": lambda key: server.lrange(key, 0, -1),
        b"set": server.smembers,
        b"zset": lambda key: server.zrange(key, 0, -1),
        b"hash": lambda key: [part for pair in server.hgetall(key).items() for part in pair],
    }
    found = [value for key in server.scan_iter() for value in [key, *readers[server.type(key)](key)]]
    bodies = [base64.b64decode(json.loads(value)["body"]) for value in found if value.startswith(b"{")]
    return b"\n".join(found + bodies).decode()


def test_queue_holds_ids_only(queue_server, gateway, queue):
    gateway.status = 503
    with transaction.atomic():
        message = queue(code="864209")
    tasks.send_sms(message.pk)
    said = contents(queue_server)
    assert said.count("messaging.tasks.send_sms") >= 2
    assert f"[[{message.pk}], {{}}" in said
    assert "864209" not in said
    assert PHONE[1:] not in said


def test_look_into_the_queue_would_find_a_code(queue_server):
    """Positive control of the test above."""
    current_app.send_task("messaging.tasks.send_sms", ("864209",))
    assert "864209" in contents(queue_server)
