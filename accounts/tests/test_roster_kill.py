"""`kill -9` of `manage.py import_roster` at random points, and two of them on one file: the people end up the same."""

import json
import os
import random
import re
import subprocess
import sys
import time

import pytest
from django.conf import settings
from django.db import connection

from accounts.importers.roster import import_roster, writing
from accounts.models import Enrolment, Institution, Learner, Region
from accounts.tests.factories import InstitutionFactory
from demo.synthetic import synthetic_people

pytestmark = pytest.mark.django_db(transaction=True)

PATIENCE = 60


@pytest.fixture
def institution():
    Region.objects.create(code="440000", name="广东省", level=1)
    return InstitutionFactory(bank_code="kill00001")


@pytest.fixture
def roster_file(tmp_path):
    def write(count, cohort="2024级"):
        people = synthetic_people(count)
        lines = [
            f"{person.name},居民身份证,{person.number},{person.phone},S{n},{cohort}" for n, person in enumerate(people)
        ]
        path = tmp_path / f"{cohort}.csv"
        path.write_text("\n".join(["姓名,证件类型,证件号码,手机号码,学号,年级", *lines]), encoding="utf-8")
        return path

    return write


@pytest.fixture
def start():
    """Return a function that starts the command on the test's database."""
    test_database = re.sub(
        r"(?<=/)[^/?]*(?=\?|$)", connection.settings_dict["NAME"], os.environ["DATABASE_URL"], count=1
    )
    environment = os.environ | {"DATABASE_URL": test_database}
    started = []

    def run(path):
        command = [sys.executable, "manage.py", "import_roster", str(path), "--institution", "kill00001", "--json"]
        process = subprocess.Popen(command, cwd=settings.BASE_DIR, env=environment, stdout=subprocess.PIPE)
        started.append(process)
        return process

    yield run
    for process in started:
        process.kill()
        process.communicate()


def imports_under_way():
    """How many imports hold or await the institution's lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s", [writing.LOCK])
        return cursor.fetchone()[0]


def wait_until(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "nothing happened"
        time.sleep(0.005)


def counts_of(process):
    output, _errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0
    return json.loads(output.splitlines()[-1])


def everybody():
    return sorted(
        (row.learner.name, row.learner.document_number, row.phone, row.student_number, row.cohort)
        for row in Enrolment.objects.select_related("learner")
    )


def undisturbed(path, institution):
    """Return the people of an import that nobody kills, and the seconds it took; the tables are empty again."""
    began = time.monotonic()
    import_roster(path=path, institution=institution)
    seconds = time.monotonic() - began
    people = everybody()
    Enrolment.objects.all().delete()
    Learner.objects.all().delete()
    return people, seconds


def kill_at_a_random_point(start, path, seconds):
    """Kill an import after it began; tell whether it left the tables as they were."""
    before = Enrolment.objects.filter(cohort="2024级").count()
    process = start(path)
    wait_until(lambda: imports_under_way() or process.poll() is not None)
    time.sleep(random.uniform(0, seconds))
    process.kill()
    process.wait()
    wait_until(lambda: not imports_under_way())  # PostgreSQL ends the statement it is at
    after = Enrolment.objects.filter(cohort="2024级").count()
    assert after in {before, Enrolment.objects.count()}, "half an import is left"
    return after == before


def check_kills(start, path, institution, kills):
    expected, seconds = undisturbed(path, institution)
    stopped = [kill_at_a_random_point(start, path, seconds * 0.8) for _number in range(kills)]
    assert any(stopped), "no kill came in time: nothing was tested"
    counts = counts_of(start(path))
    assert counts["created"] + counts["unchanged"] == counts["rows"] == len(expected)
    assert everybody() == expected
    assert Learner.objects.count() == len(expected)


def test_import_killed_at_random_points_ends_in_the_same_people(start, roster_file, institution):
    check_kills(start, roster_file(3000), institution, kills=2)


@pytest.mark.long
def test_large_import_killed_at_many_random_points_ends_in_the_same_people(start, roster_file, institution):
    check_kills(start, roster_file(20_000), institution, kills=15)


@pytest.mark.long
def test_killed_change_of_known_people_is_all_or_nothing(start, roster_file, institution):
    import_roster(path=roster_file(5000, cohort="2023级"), institution=institution)
    path = roster_file(5000)
    stopped = [kill_at_a_random_point(start, path, 1.0) for _number in range(8)]
    counts = counts_of(start(path))
    assert counts["updated"] == (5000 if all(stopped) else 0)
    assert {row[-1] for row in everybody()} == {"2024级"}


def test_two_commands_at_once_make_everybody_once_although_one_is_killed(start, roster_file, institution):
    path = roster_file(3000)
    with connection.cursor() as cursor:  # hold both back until both are there
        cursor.execute("SELECT pg_advisory_lock(%s, %s)", [writing.LOCK, institution.pk])
        processes = [start(path) for _number in range(3)]
        wait_until(lambda: imports_under_way() == 4)
        processes.pop().kill()
        cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [writing.LOCK, institution.pk])
    results = sorted((counts_of(process) for process in processes), key=lambda counts: counts["created"])
    assert [(counts["created"], counts["unchanged"]) for counts in results] in (
        [(0, 3000), (3000, 0)],
        [(0, 3000)] * 2,
    )
    assert (Learner.objects.count(), Enrolment.objects.count()) == (3000, 3000)
    assert Institution.objects.count() == 1
