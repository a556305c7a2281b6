"""After people have registered, activated and applied, nobody finds their secrets where they must not be."""

import base64
import logging
import re
from importlib import import_module

import pytest
import redis
from celery import current_app
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts.documents import Document, DocumentKind
from accounts.models import Enrolment, IdentityCheck, Learner
from accounts.services import activation
from accounts.services.identity import approve_check
from accounts.tests.factories import CentreReviewerFactory, InstitutionFactory, LearnerFactory
from accounts.tests.sms_steps import request_code, solved_captcha, texted_code
from demo.synthetic import synthetic_person
from messaging.models import SmsMessage
from messaging.tasks import sweep_sms

PASSWORD, OTHER_PASSWORD = "Canary#7351", "Canary#7352"
DEVELOPMENT_PAGE = "messaging_localsms"


def register(client, person):
    url = reverse("accounts:register")
    data = {
        "username": "canaryone", "name": person.name, "document_kind": "resident_id", "document_number": person.number,
        "password": PASSWORD, "password_again": PASSWORD, "nationality": "CN", "ethnicity": "01", "sex": person.sex,
        "birth_on": person.birth_on.isoformat(), "email": "canary@example.org", "province": "440000",
        "city": "440100", "district": "440106", "address": "示例路1号", "phone": person.phone,
    }  # fmt: skip
    request_code(client, url, data)
    code = texted_code()
    assert client.post(url, data | {"code": code}).status_code == 302
    return code


def activate(client, person):
    learner = Learner(name=person.name, verified_at=timezone.now())
    learner.set_document(Document(DocumentKind.RESIDENT_ID, person.number))
    learner.save()
    Enrolment.objects.create(learner=learner, institution=InstitutionFactory(), phone=f"+86{person.phone}")
    client.post(reverse("accounts:activate"), {"document_number": person.number, **solved_captcha()})
    identity = reverse("accounts:activate_identity")
    request_code(client, identity, {"phone": person.phone})
    code = texted_code()
    client.post(identity, {"name": person.name, "phone": person.phone, "code": code, "activation_code": ""})
    answer = client.post(reverse("accounts:activate_password"), {"password": PASSWORD, "password_again": PASSWORD})
    assert "激活成功" in answer.content.decode()
    return code


def give_back(client, person):
    """The account is lost, and given back by two people of the centre; return the text of the code."""
    learner = Learner.objects.verified().with_document(person.number).get()
    phone = "+8619900008199"
    check = IdentityCheck(name=person.name, phone=phone)
    check.set_document_number(person.number)
    check.save()
    rights = ["accounts.view_identitycheck", "accounts.decide_identitycheck"]
    for _stage in range(2):
        approve_check(check=check, by=CentreReviewerFactory(permissions=rights))
    code = SmsMessage.objects.get(phone=phone).text.split("激活码 ")[1][:15]
    told = {"document_number": person.number, "name": person.name, "phone": phone, "activation_code": code}
    assert activation.activate(password=OTHER_PASSWORD, **told).learner == learner
    return code


def sign_in_wrongly(client, person):
    data = {"identity": "person", "identifier": person.number, "password": PASSWORD + "x"}
    client.post(reverse("accounts:sign_in"), data)


def database_dump():
    """Every row of every table as text, and what sessions hold; the development page of SMS is exempt."""
    texts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            if table != DEVELOPMENT_PAGE:
                cursor.execute(f'SELECT string_agg(t::text, chr(10)) FROM "{table}" AS t')
                texts.append(cursor.fetchone()[0] or "")
    sessions = import_module(settings.SESSION_ENGINE).SessionStore.get_model_class().objects.all()
    return "\n".join([*texts, *(str(session.get_decoded()) for session in sessions)])


def redis_client():
    return redis.Redis.from_url(
        settings.CELERY_BROKER_URL.replace("redis+socket", "unix").replace("virtual_host", "db"), decode_responses=True
    )


READ = {
    "string": lambda client, key: client.get(key),
    "list": lambda client, key: client.lrange(key, 0, -1),
    "hash": lambda client, key: client.hgetall(key),
    "set": lambda client, key: client.smembers(key),
    "zset": lambda client, key: client.zrange(key, 0, -1),
}


def queue_dump():
    """Whatever Redis holds, and what the tasks' messages say once they are unpacked."""
    client = redis_client()
    held = "\n".join(f"{key} {READ[client.type(key)](client, key)}" for key in client.scan_iter())
    bodies = re.findall(r'"body": "([A-Za-z0-9+/=]+)"', held)
    return "\n".join([held, *(base64.b64decode(body).decode() for body in bodies)])


def leaks(canaries, *places):
    """Which canaries stand in which place, as they are or encoded: [(canary, place's number)…]."""
    return [
        (canary, number)
        for canary in canaries
        for number, place in enumerate(places)
        for form in [canary, canary.encode().hex(), base64.b64encode(canary.encode()).decode().rstrip("=")]
        if form in place
    ]


@pytest.mark.django_db(transaction=True)
def test_thief_of_logs_queue_and_dump_finds_no_number_code_or_password(client, caplog):
    caplog.set_level(logging.DEBUG)
    call_command("load_regions", verbosity=0)
    first, second = synthetic_person(8101), synthetic_person(8102)
    codes = [register(client, first)]
    client.logout()
    codes.append(activate(client, second))
    sign_in_wrongly(client, second)
    vouched = give_back(client, second)
    queue = queue_dump()
    sweep_sms()
    dump, logs = database_dump(), caplog.text
    assert "messaging.tasks.send_sms" in queue
    assert first.name in dump
    canaries = [first.number, second.number, PASSWORD, OTHER_PASSWORD, vouched, vouched.replace("-", "")]
    assert leaks(canaries, dump, logs, queue) == []
    for code in codes:
        assert f"验证码 {code}" not in dump + logs + queue
        assert f'"{code}"' not in queue


@pytest.mark.django_db(transaction=True)
def test_search_finds_what_is_planted(caplog):
    """Positive control: the same search, with a canary put into every place it must not be in."""
    canary = synthetic_person(8103).number
    LearnerFactory(address=canary)
    logging.getLogger("portal").warning("somebody wrote %s", canary)
    current_app.send_task("messaging.tasks.send_sms", (canary,))
    redis_client().hset("planted", "number", canary)
    held = [line for line in queue_dump().splitlines() if line.startswith("planted")]
    found = leaks([canary], database_dump(), caplog.text, queue_dump().replace(held[0], ""), held[0])
    assert set(found) == {(canary, place) for place in range(4)}
    redis_client().flushdb()
