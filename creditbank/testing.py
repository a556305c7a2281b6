"""pytest plugin: throw-away PostgreSQL and Valkey for the tests, and a loud word about journeys without a browser.

`python -m creditbank.testing COMMAND …` runs any command with such servers.
"""

import contextlib
import os
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

import pytest

from creditbank import browser, local_services

WORKER = "PYTEST_XDIST_WORKER"
REDIS_DATABASES = 16
BROWSER_FIXTURES = {"new_page", "browser_page"}
NO_BROWSER = "no browser"


@contextlib.contextmanager
def services_for_tests():
    """Put DATABASE_URL and REDIS_URL into the environment: those of TEST_…_URL, or throw-away ones."""
    wanted = {name: os.environ.get(f"TEST_{name}") for name in ("DATABASE_URL", "REDIS_URL")}
    with contextlib.ExitStack() as stack:
        if not all(wanted.values()):
            services = vars(stack.enter_context(local_services.throwaway()))
            wanted = {name: url or services[name.lower()] for name, url in wanted.items()}
        os.environ.update(wanted)
        yield


def own_redis_url(url, worker):
    """Return the address with the xdist worker's own database in it: gw0 has 1, gw1 has 2 …"""
    number = (int(worker.removeprefix("gw")) + 1) % REDIS_DATABASES
    if url.startswith("unix://"):
        return f"{url.partition('?')[0]}?db={number}"
    return urlunsplit(urlsplit(url)._replace(path=f"/{number}"))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config):
    """Comes before pytest-django's, which reads the settings."""
    if WORKER in os.environ:
        os.environ["REDIS_URL"] = own_redis_url(os.environ["REDIS_URL"], os.environ[WORKER])
    else:
        stack = contextlib.ExitStack()
        early_config.add_cleanup(stack.close)
        try:
            stack.enter_context(services_for_tests())
        except local_services.LocalServicesError as error:
            raise pytest.UsageError(str(error)) from None
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    for item in items:
        if BROWSER_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("browser")


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item):
    if item.get_closest_marker("browser") and not browser.find():
        if os.environ.get("CI") == "true":
            pytest.fail(f"{NO_BROWSER}, and CI=true forbids to skip: {browser.HOW_TO_GET_ONE}", pytrace=False)
        pytest.skip(NO_BROWSER)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter):
    """Comes after everybody else's words, right before the closing line."""
    result = yield
    skipped = terminalreporter.stats.get("skipped", [])
    journeys = sorted(report.nodeid for report in skipped if NO_BROWSER in str(report.longrepr))
    if journeys:
        terminalreporter.section("JOURNEYS THAT WERE NOT TESTED: there is no browser", red=True, bold=True)
        for nodeid in journeys:
            terminalreporter.line(f"NOT RUN {nodeid}", red=True)
        terminalreporter.line(f"To get a browser: {browser.HOW_TO_GET_ONE}", red=True, bold=True)
    return result


def main(command):
    with services_for_tests():
        return subprocess.run(command).returncode  # noqa: S603 - given at the terminal


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except local_services.LocalServicesError as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
