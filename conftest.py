"""Fixtures for journeys in a real browser. A test that asks for `new_page` or `browser_page` is marked `browser`."""

import asyncio
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import pytest
from celery import current_app
from django.db import connections

from creditbank import browser
from messaging import doorbell

CHROMIUM_OPTIONS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium():
    """Return one browser for the whole session; its event loop is hidden while no test uses it.

    Playwright leaves its loop "running" in the main thread, where Django refuses database work beside a running loop.
    """
    from playwright.sync_api import sync_playwright

    options = CHROMIUM_OPTIONS + ([] if os.getuid() else ["--no-sandbox"])
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=browser.find(), args=options)
        running.event_loop = asyncio.get_running_loop()
        asyncio._set_running_loop(None)
        yield running
        asyncio._set_running_loop(running.event_loop)
        running.close()


@pytest.fixture
def console_errors():
    """Return what the browser complained about, CSP refusals included. At the end the list must be empty.

    A test that provokes complaints asserts them and then clears the list.
    """
    return []


@pytest.fixture
def new_page(live_server, chromium, console_errors, monkeypatch):
    """Return a function that opens a page in a fresh session: `new_page(width=390, javascript=False)`.

    Addresses are relative to the live server: `page.goto("/")`. For axe open it with `bypass_csp=True`.
    """
    contexts = []

    def open_page(*, width=1280, javascript=True, bypass_csp=False):
        context = chromium.new_context(
            base_url=live_server.url,
            viewport={"width": width, "height": 800},
            java_script_enabled=javascript,
            bypass_csp=bypass_csp,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
        )
        context.set_default_timeout(30_000)  # a full machine is slow, not wrong
        context.on("console", lambda message: is_complaint(message) and console_errors.append(message.text))
        context.on("weberror", lambda error: console_errors.append(str(error.error)))
        contexts.append(context)
        return context.new_page()

    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")  # the loop is Playwright's; nothing of ours runs in it
    asyncio._set_running_loop(chromium.event_loop)
    yield open_page
    for context in contexts:
        context.close()
    connections.close_all()  # beside a running loop Django has connections of its own, which nobody else would close
    asyncio._set_running_loop(None)
    assert console_errors == [], "the browser complained"


def is_complaint(message):
    """Tell errors; that a page without an icon has none (a PDF, say) is not one."""
    return message.type == "error" and not message.location["url"].endswith("/favicon.ico")


@pytest.fixture
def browser_page(new_page):
    """Return a page of 1280 pixels, with JavaScript and the portal's CSP."""
    return new_page()


@pytest.fixture
def axe_violations():
    """Return a function that lists the accessibility violations of a page opened with `bypass_csp=True`."""
    from axe_playwright_python.sync_playwright import Axe

    def violations(page):
        found = Axe().run(page).response["violations"]
        return [f"{rule['id']}: {rule['help']} {[node['target'] for node in rule['nodes']]}" for rule in found]

    return violations


@pytest.fixture(autouse=True)
def no_ledger_roots(settings):
    """Keep tests away from the daily roots that this checkout has exported; a test that makes some sets a folder."""
    settings.LEDGER_ROOT_DIR = Path(os.devnull, "roots")


@pytest.fixture
def in_parallel():
    """Return a function that calls something in several threads at one moment and returns what they returned.

    An exception is returned in place of a result. Needs `django_db(transaction=True)`.
    """

    def run(call, *, times):
        barrier = threading.Barrier(times)

        def one(_number):
            barrier.wait()
            try:
                return call()
            except Exception as error:
                return error
            finally:
                connections.close_all()

        with ThreadPoolExecutor(times) as pool:
            return list(pool.map(one, range(times)))

    return run


@pytest.fixture
def meeting():
    """Return a function: `meet = meeting(5)`, called in five threads, lets all go on once all have come.

    For positive controls: it puts everybody between a guard's reading and writing, however busy the machine is.
    """

    def of(times):
        return partial(threading.Barrier(times).wait, 20)

    return of


@pytest.fixture
def broker_away(monkeypatch):
    """Let every ring of this test go to a broker that isn't there."""
    monkeypatch.setattr(current_app.conf, "broker_write_url", "redis+socket:///nowhere/valkey.sock")
    monkeypatch.setattr(doorbell, "_quiet_until", float("-inf"))  # and no later test finds the bell quiet
    current_app.amqp._producer_pool = None
    yield
    current_app.amqp._producer_pool = None
