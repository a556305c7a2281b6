"""What `make run` and the test plugin do around the portal itself."""

import contextlib
import os
import select
import signal
import subprocess
import sys
import time

import pytest

from creditbank import browser, local_services, run, testing

FOREVER = [sys.executable, "-c", "import time; time.sleep(60)"]
WITH_A_STUBBORN_CHILD = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)  # children inherit that
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
time.sleep(60)
"""
KILLED_WITH_A_PROCESS = """
import os, signal, sys
from creditbank import run
process = run.Process("thing", sys.argv[1:], environment=dict(os.environ), patience=1)
print(process.process.pid, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


class Quiet:
    """Stands for Signals, which belong to a main program alone."""

    stops = 0

    def wait(self, seconds, *readers):
        time.sleep(min(seconds, 0.02))
        return []


@pytest.fixture
def new_process():
    processes = []

    def start(command, **options):
        processes.append(run.Process("thing", command, environment=dict(os.environ), **options))
        return processes[-1]

    yield start
    for process in processes:
        process.patience = 0
        process.stop(Quiet())


def runs(pid):
    """A killed child that nobody has waited for yet runs no more."""
    with contextlib.suppress(FileNotFoundError), open(f"/proc/{pid}/stat") as file:
        return file.read().rpartition(")")[2].split()[0] != "Z"
    return False


def test_developer_is_told_that_the_port_is_taken():
    with run.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(run.StartError, match=rf"Port {port} .*PORT={port % 65535 + 1} make run"):
            run.listen("127.0.0.1", port)


@pytest.mark.parametrize("text", ["eight", "0", "65536", "-1", "80.5"])
def test_developer_is_told_that_the_port_is_no_port(text, monkeypatch):
    monkeypatch.setenv("PORT", text)
    with pytest.raises(run.StartError, match="PORT is a number from 1 to 65535"):
        run._port()


def test_developer_is_told_that_the_host_is_not_here():
    with pytest.raises(run.StartError, match=r"HOST=nowhere\.invalid"):
        run.listen("nowhere.invalid", 8000)


def test_dead_process_is_started_again_but_not_for_ever(new_process, capsys):
    process = new_process(FOREVER, patience=5)
    for _ in range(run.DEATHS_PER_MINUTE - 1):
        before = process.process
        os.kill(before.pid, signal.SIGKILL)
        before.wait()
        process.revive()
        assert process.process.pid != before.pid
    process.process.kill()
    process.process.wait()
    with pytest.raises(run.StartError, match=f"ended {run.DEATHS_PER_MINUTE} times"):
        process.revive()
    assert capsys.readouterr().out.count("starting it again") == run.DEATHS_PER_MINUTE - 1


def test_process_that_ignores_a_stop_is_killed_with_its_children(new_process, capfd):
    process = new_process([sys.executable, "-c", WITH_A_STUBBORN_CHILD], patience=0.2)
    deadline = time.monotonic() + 20
    child = ""
    while not child.endswith("\n"):
        child += capfd.readouterr().out
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.stop(Quiet())
    while runs(int(child)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    assert not runs(process.process.pid)


def test_processes_follow_a_killed_parent():
    command = [sys.executable, "-c", KILLED_WITH_A_PROCESS, *FOREVER]
    with subprocess.Popen(command, cwd=local_services.PROJECT, stdout=subprocess.PIPE) as parent:
        child = int(parent.stdout.readline())
    deadline = time.monotonic() + 20
    while runs(child):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_probe_sees_a_web_server_answer_and_one_that_dies_over_it():
    with run.listen("127.0.0.1", 0) as listener:
        for reply, status in ((b"HTTP/1.0 200 OK\r\n\r\n", "HTTP/1.0 200 OK"), (b"", "")):
            probe = run.Probe(listener.getsockname())
            served, _ = listener.accept()
            with served:
                served.recv(4096)
                served.sendall(reply)
            select.select([probe], [], [], 10)
            assert probe.answer() == status


def test_without_packages_the_management_command_says_what_to_do():
    bare = [sys.executable, "-S", local_services.PROJECT / "manage.py", "check"]
    done = subprocess.run(bare, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "make install" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("url", "own"),
    [
        ("unix:///run/x/valkey.sock?db=0", "unix:///run/x/valkey.sock?db=3"),
        ("redis://example.test:6379/0", "redis://example.test:6379/3"),
        ("redis://example.test", "redis://example.test/3"),
    ],
)
def test_each_test_process_has_its_own_redis_database(url, own):
    assert testing.own_redis_url(url, "gw2") == own


def test_redis_database_of_this_process_is_its_own():
    worker = os.environ.get(testing.WORKER)
    if not worker:
        pytest.skip("one process only: there is nobody to share with")
    assert os.environ["REDIS_URL"] == testing.own_redis_url(os.environ["REDIS_URL"], worker)


def test_named_browser_that_does_not_start_is_not_found(monkeypatch, tmp_path):
    fake = tmp_path / "chromium"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    monkeypatch.setenv("CHROMIUM", str(fake))
    assert browser.find.__wrapped__() is None
    fake.write_text("#!/bin/sh\necho Chromium 1\n")
    assert browser.find.__wrapped__() == str(fake)
