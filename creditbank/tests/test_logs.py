"""What production writes to its log: JSON lines with the request's id and nothing about people."""

import io
import json
import logging
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.db import IntegrityError

from creditbank.logs import JsonFormatter
from messaging.tests.test_sms_settings import HTTP, PRODUCTION

DUPLICATE = 'duplicate key violates "phone_once"\nDETAIL:  Key (name)=(张三丰) already exists.'
ID = "0123456789abcdef0123456789abcdef"


@pytest.fixture
def lines():
    """Return a function that gives what was logged meanwhile, parsed."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    loggers = [logging.getLogger(name) for name in ["portal", "portal.request_log", "django.request"]]
    before = [(logger, logger.level) for logger in loggers]
    for logger, _level in before:
        logger.setLevel("INFO")
    for logger in (loggers[0], loggers[2]):
        logger.addHandler(handler)
    yield lambda: [json.loads(line) for line in written.getvalue().splitlines()]
    for logger, level in before:
        logger.setLevel(level)
        logger.removeHandler(handler)


def test_a_request_is_one_line_with_its_route_and_id(client, lines, db):
    answer = client.get("/verify/", {"number": "440106199001011235"})
    logging.getLogger("portal").warning("afterwards")
    (line,) = [line for line in lines() if "route" in line]
    assert "request_id" not in lines()[-1]
    assert (line["method"], line["status"]) == ("GET", answer.status_code)
    assert line["request_id"] == answer["X-Request-ID"]
    assert line["milliseconds"] > 0
    assert "440106" not in json.dumps(line)


def test_a_line_names_the_route_not_the_address(client, lines, db):
    client.get("/columns/13800138000/")
    assert [line["route"] for line in lines() if "route" in line] == ["columns/<slug:slug>/"]
    assert "13800138000" not in json.dumps(lines())


@pytest.mark.parametrize(("proxies", "kept"), [(1, True), (0, False)])
def test_the_proxys_id_is_kept_where_there_is_a_proxy(client, settings, proxies, kept, db):
    settings.TRUSTED_PROXIES = proxies
    assert (client.get("/healthz", headers={"X-Request-ID": ID})["X-Request-ID"] == ID) is kept


@pytest.mark.parametrize("given", ["440106199001011235", "x" * 32, f"{ID}\n", ""])
def test_an_id_that_a_proxy_would_not_make_is_not_taken(client, settings, given, db):
    settings.TRUSTED_PROXIES = 1
    assert client.get("/healthz", headers={"X-Request-ID": given})["X-Request-ID"] not in {given, ID}


def test_an_error_is_told_without_the_rows_a_database_quotes(lines):
    try:
        try:
            raise IntegrityError(DUPLICATE)
        except IntegrityError as error:
            raise ValueError("no room for 13800138000 and zhang@example.com") from error
    except ValueError:
        logging.getLogger("portal").exception("failed")
    (line,) = lines()
    assert 'IntegrityError: duplicate key violates "phone_once"' in line["error"]
    assert "ValueError: no room for … and …" in line["error"]
    assert "test_logs.py" in line["error"]
    for personal in ["张三丰", "13800138000", "zhang"]:
        assert personal not in json.dumps(line, ensure_ascii=False)


@pytest.mark.parametrize("name", ["celery.app.trace", "gunicorn.error"])
def test_others_quote_neither_the_rows_of_an_error_nor_an_address(lines, name):
    said = {
        "celery.app.trace": ("Task %s raised unexpected: %s", "tasks.work[1]", repr(IntegrityError(DUPLICATE))),
        "gunicorn.error": ("Error handling request %s %s", "GET", "/institution/?q=张三丰"),
    }
    logger = logging.getLogger(name)
    logger.addHandler(logging.getLogger("portal").handlers[-1])
    try:
        raise IntegrityError(DUPLICATE)
    except IntegrityError:
        logger.exception(*said[name])
    finally:
        logger.removeHandler(logger.handlers[-1])
    (line,) = lines()
    assert line["message"].startswith(("Task tasks.work[1] raised unexpected: ", "Error handling request GET"))
    assert 'IntegrityError: duplicate key violates "phone_once"' in line["error"]
    assert "张三丰" not in json.dumps(line, ensure_ascii=False)


@pytest.mark.parametrize("personal", ["44010619900101123X", "+8613800138000", "E12345678", "a.b@example.com"])
def test_what_other_libraries_quote_is_masked(lines, personal):
    logging.getLogger("portal").warning("refused %s of row 1234567", personal)
    (line,) = lines()
    assert personal.lstrip("+") not in line["message"]
    assert line["message"].endswith("of row 1234567")


def test_the_page_of_an_error_names_the_request(client, lines, monkeypatch, db):
    def broken(request):
        raise RuntimeError("broken")

    monkeypatch.setattr("portal.views.home_figures", broken)
    client.raise_request_exception = False
    answer = client.get("/")
    assert answer.status_code == 500
    assert answer["X-Request-ID"] in answer.content.decode()
    assert {line.get("request_id") for line in lines()} == {answer["X-Request-ID"]}


@pytest.mark.parametrize(("form", "is_json"), [({}, True), ({"LOG_FORMAT": "line"}, False)])
def test_production_speaks_json_unless_told_otherwise(form, is_json):
    done = subprocess.run(
        [sys.executable, "-c", "import django, logging; django.setup(); logging.getLogger('portal').warning('hello')"],
        cwd=settings.BASE_DIR,
        env={"PATH": os.environ["PATH"], "DJANGO_SETTINGS_MODULE": "creditbank.settings"} | PRODUCTION | HTTP | form,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "hello" in done.stderr
    assert done.stderr.startswith("{") is is_json
