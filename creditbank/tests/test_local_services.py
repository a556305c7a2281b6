"""The launcher of the local servers, tried with real ones in a folder of their own."""

import contextlib
import dataclasses
import json
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import environ
import psycopg2
import pytest
import redis

from creditbank import local_servers, local_services
from creditbank.local_servers import Place, Services

PATIENCE = 30
USER = """
import json, sys
from pathlib import Path
from creditbank import local_services
from creditbank.local_servers import Place
folder = Path(sys.argv[1])
held = local_services.join(Place(folder, folder / "sockets", lasting=False))
print(json.dumps(vars(held.services)), flush=True)
sys.stdin.read()
held.release()
"""


class User:
    """A process that uses the servers until it is told to leave."""

    def __init__(self, place):
        self.process = subprocess.Popen(
            [sys.executable, "-c", USER, place.folder],
            cwd=local_services.PROJECT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def services(self):
        return Services(**json.loads(self.process.stdout.readline()))

    def leave(self):
        self.process.communicate(timeout=PATIENCE)
        assert self.process.returncode == 0

    def kill(self):
        self.process.kill()
        self.process.communicate()


def new_folder():
    """Make a folder where sockets may be (their paths are short) and the servers' user can come."""
    return Path(tempfile.mkdtemp(prefix="creditbank-test-", dir=local_services.SOCKETS_FOLDER))


@pytest.fixture(scope="module")
def made_database():
    """Return a folder with a database that was made once and left cleanly; tests work on copies."""
    folder = new_folder()
    local_services.join(Place(folder, folder / "sockets", lasting=True)).release()
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def lasting_place(made_database):
    folder = new_folder()
    subprocess.run(["cp", "-a", f"{made_database}/.", folder], check=True)
    yield Place(folder, folder / "sockets", lasting=True)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def place(lasting_place):
    """Return a quicker one, which goes away with its last user."""
    return dataclasses.replace(lasting_place, lasting=False)


@contextlib.contextmanager
def connected(services):
    config = environ.Env.db_url_config(services.database_url)
    link = psycopg2.connect(host=config["HOST"], port=config["PORT"], user=config["USER"], dbname=config["NAME"])
    link.autocommit = True
    try:
        yield link.cursor()
    finally:
        link.close()


def answers(services):
    try:
        with connected(services) as cursor, contextlib.closing(redis.from_url(services.redis_url)) as valkey:
            cursor.execute("select 1")
            return valkey.ping()
    except (psycopg2.OperationalError, redis.ConnectionError):
        return False


def eventually(condition):
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.02)


def postmaster(place):
    with contextlib.suppress(FileNotFoundError):
        lines = (place.folder / local_servers.POSTGRES_DATA / "postmaster.pid").read_text().splitlines()
        if lines:
            return int(lines[0])
    return None


def supervisor(place):
    """Return the parent of the PostgreSQL server."""
    status = Path(f"/proc/{postmaster(place)}/status").read_text()
    return int(re.search(r"PPid:\t(\d+)", status)[1])


def is_free(place):
    with local_services._lock(place) as lock:
        return lock is not None


def test_tests_get_servers_of_their_own_that_leave_nothing():
    with local_services.throwaway() as services:
        folder = Path(environ.Env.db_url_config(services.database_url)["HOST"]).parent.parent
        with connected(services) as cursor:
            cursor.execute("select current_setting('fsync'), current_setting('listen_addresses')")
            assert cursor.fetchone() == ("off", "")
        assert answers(services)
    assert not answers(services)
    assert not folder.exists()


def test_developer_gets_a_durable_database_that_sorts_like_production(lasting_place):
    held = local_services.join(lasting_place)
    with connected(held.services) as cursor:
        cursor.execute(
            "select current_setting('fsync'), pg_encoding_to_char(encoding), datlocprovider, datlocale, usesuper"
            " from pg_database, pg_user where datname = current_database() and usename = current_user"
        )
        assert cursor.fetchone() == ("on", "UTF8", "b", "C.UTF-8", False)
    held.release()
    assert is_free(lasting_place)


def test_second_user_joins_and_the_last_one_stops_the_servers(place):
    first, second = User(place), User(place)
    services = first.services()
    assert second.services() == services
    first.leave()
    assert answers(services)
    second.leave()
    assert not answers(services)
    assert not place.folder.exists()


def test_killed_user_leaves_nothing_running(place):
    user = User(place)
    services = user.services()
    user.kill()
    eventually(lambda: not place.folder.exists())
    assert not answers(services)


def test_users_who_come_at_the_same_moment_share_one_start(place):
    users = [User(place) for _ in range(3)]
    assert len({user.services() for user in users}) == 1
    starts = (place.folder / "postgres.log").read_text().count("ready to accept connections")
    assert starts == 2  # the other one was when the database was made
    for user in users:
        user.leave()


def test_user_who_comes_while_the_servers_stop_gets_new_ones(lasting_place):
    for _ in range(3):
        first = local_services.join(lasting_place)
        os.close(first.fileno())
        second = local_services.join(lasting_place)
        assert answers(second.services)
        second.release()


def test_data_survive_the_death_of_supervisor_and_servers(lasting_place):
    held = local_services.join(lasting_place)
    with connected(held.services) as cursor:
        cursor.execute("create table kept as select 42 as number")
    os.kill(supervisor(lasting_place), signal.SIGKILL)
    eventually(lambda: is_free(lasting_place))
    again = local_services.join(lasting_place)
    with connected(again.services) as cursor:
        cursor.execute("select number from kept")
        assert cursor.fetchone() == (42,)
    again.release()
    held.release()


def test_server_that_outlives_its_supervisor_keeps_new_ones_away(lasting_place):
    held = local_services.join(lasting_place)
    server = postmaster(lasting_place)
    os.kill(server, signal.SIGSTOP)
    try:
        os.kill(supervisor(lasting_place), signal.SIGKILL)
        select.select([held], [], [], PATIENCE)
        assert not is_free(lasting_place)
    finally:
        os.kill(server, signal.SIGCONT)
    eventually(lambda: is_free(lasting_place))
    held.release()


def test_dead_postgres_comes_back_by_itself(place):
    held = local_services.join(place)
    killed = postmaster(place)
    os.kill(killed, signal.SIGKILL)
    eventually(lambda: postmaster(place) != killed and answers(held.services))
    held.release()


def test_pid_file_left_by_a_power_cut_is_no_obstacle(place):
    """Its number now belongs to another process of the same user that lives."""
    owner = local_servers.server_user()
    with subprocess.Popen(["sleep", "60"], user=owner.pw_uid if owner else None) as neighbour:
        stale = place.folder / local_servers.POSTGRES_DATA / "postmaster.pid"
        stale.write_text(f"{neighbour.pid}\n")
        try:
            held = local_services.join(place)
            assert answers(held.services)
            held.release()
        finally:
            neighbour.kill()


def test_half_made_database_is_made_anew(place):
    made = place.folder / local_servers.POSTGRES_DATA
    made.rename(made.with_suffix(".new"))
    (made.with_suffix(".new") / "PG_VERSION").unlink()
    held = local_services.join(place)
    assert answers(held.services)
    held.release()


def test_developer_reads_in_one_sentence_why_postgres_does_not_start(lasting_place):
    (lasting_place.folder / local_servers.POSTGRES_DATA / "PG_VERSION").write_text("9.6\n")
    with pytest.raises(
        local_services.LocalServicesError, match=r"postgres doesn't start: .*version 9\.6.*postgres\.log"
    ):
        local_services.join(lasting_place)
    eventually(lambda: is_free(lasting_place))


def test_folder_of_sockets_that_somebody_else_made_is_refused(place, tmp_path):
    place.sockets.symlink_to(tmp_path)
    with pytest.raises(local_services.LocalServicesError, match="belongs to somebody else"):
        local_services.join(place)
