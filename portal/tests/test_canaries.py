"""After people have registered, activated and applied, nobody finds their secrets where they must not be."""

import logging
from importlib import import_module

import pytest
import redis
from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from accounts.documents import Document, DocumentKind
from accounts.models import Enrolment, Learner
from accounts.tests.factories import InstitutionFactory
from accounts.tests.sms_steps import request_code, solved_captcha, texted_code
from demo.synthetic import synthetic_person
from messaging.tasks import sweep_sms

PASSWORD = "Canary#7351"
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


def queue_dump():
    url = settings.CELERY_BROKER_URL.replace("redis+socket", "unix").replace("virtual_host", "db")
    client = redis.Redis.from_url(url)
    lists = [key for key in client.scan_iter() if client.type(key) == b"list"]
    return b"\n".join(b"".join(client.lrange(key, 0, -1)) for key in lists)


@pytest.mark.django_db(transaction=True)
def test_thief_of_logs_queue_and_dump_finds_no_number_code_or_password(client, caplog):
    caplog.set_level(logging.DEBUG)
    call_command("load_regions", verbosity=0)
    first, second = synthetic_person(8101), synthetic_person(8102)
    codes = [register(client, first)]
    client.logout()
    codes.append(activate(client, second))
    sign_in_wrongly(client, second)
    queue = queue_dump().decode()
    sweep_sms()
    dump, logs = database_dump(), caplog.text
    assert "messaging.tasks.send_sms" in queue
    assert first.name in dump
    for canary in [first.number, second.number, PASSWORD]:
        assert canary not in dump
        assert canary not in logs
        assert canary not in queue
        assert canary.encode().hex() not in dump
    for code in codes:
        assert f"验证码 {code}" not in dump + logs + queue
        assert f'"{code}"' not in queue
