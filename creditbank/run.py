"""`make run`: the whole portal on this machine, web server, worker and beat, until Ctrl-C."""

import contextlib
import ctypes
import fcntl
import os
import select
import signal
import socket
import subprocess
import sys
import time

from creditbank import local_servers, local_services

PYTHON = [sys.executable, "-m"]
MANAGE = [sys.executable, "manage.py"]
STOP_SIGNALS = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
DEATHS_PER_MINUTE = 5
AS_ROOT_TOO = "ignore:You're running the worker with superuser privileges"


class StartError(Exception):
    """The portal can't run; the message is one sentence for the person at the terminal."""


class StoppedError(Exception):
    """Somebody pressed Ctrl-C, or ended us politely."""


class Signals:
    """Remembers signals, and waits so that each one ends the wait at once."""

    def __init__(self):
        self.stops = 0
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)
        self._writer.setblocking(False)
        signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        may_live_on = signal.getsignal(signal.SIGHUP) == signal.SIG_IGN  # nohup
        for number in STOP_SIGNALS - {signal.SIGHUP} if may_live_on else STOP_SIGNALS:
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        # The kernel tells a closed terminal to its session's leader only, and make, being it, does not tell us.
        self._terminal = sys.stdout.fileno() if sys.stdout.isatty() and not may_live_on else None

    def _on_stop(self, *_):
        self.stops += 1

    def wait(self, seconds, *readers):
        """Return those of the readers that have something to say; return early on any signal."""
        poll = select.poll()
        for reader in (self._reader, *readers):
            poll.register(reader, select.POLLIN)
        if self._terminal is not None:
            poll.register(self._terminal, 0)
        ready = {descriptor for descriptor, _ in poll.poll(seconds * 1000)}
        if self._terminal in ready:
            self._terminal = None
            self._on_stop()
        with contextlib.suppress(BlockingIOError):
            self._reader.recv(4096)
        return [reader for reader in readers if reader.fileno() in ready]

    def check(self):
        if self.stops:
            raise StoppedError


class Process:
    """A child with a session of its own: a Ctrl-C of the terminal reaches only us, and we stop them in order."""

    def __init__(self, name, command, *, patience, environment, descriptors=()):
        self.name, self.command, self.patience = name, command, patience
        self.environment, self.descriptors = environment, descriptors
        self.deaths = []
        self.start()

    def start(self):
        self.process = subprocess.Popen(  # noqa: S603 - our own commands
            self.command,
            cwd=local_services.PROJECT,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            pass_fds=self.descriptors,
            start_new_session=True,
            preexec_fn=local_servers.die_with_parent(signal.SIGTERM),
        )

    def is_gone(self):
        return self.process.poll() is not None

    def revive(self):
        if not self.is_gone():
            return
        now = time.monotonic()
        self.deaths = [at for at in self.deaths if now - at < 60] + [now]
        if len(self.deaths) >= DEATHS_PER_MINUTE:
            raise StartError(
                f"The {self.name} ended {DEATHS_PER_MINUTE} times within a minute: its messages are above."
            )
        say(f"The {self.name} ended unexpectedly ({self.process.returncode}): starting it again.")
        self._kill_group()
        self.start()

    def stop(self, signals):
        """Ask politely; kill what is left after the patience, or when asked a second time."""
        if not self.is_gone():
            self.process.terminate()
        deadline = time.monotonic() + self.patience
        while not self.is_gone() and time.monotonic() < deadline and signals.stops < 2:
            signals.wait(0.5)
        self._kill_group()
        self.process.wait()

    def _kill_group(self):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.process.pid, signal.SIGKILL)


class Probe:
    """One request to our own web server; readable when it answers."""

    def __init__(self, address):
        self._link = socket.create_connection(address)
        self._link.sendall(b"GET / HTTP/1.0\r\nHost: localhost\r\n\r\n")

    def fileno(self):
        return self._link.fileno()

    def answer(self):
        """Return the status line, empty if the worker died over it."""
        with contextlib.suppress(OSError), self._link:
            return self._link.recv(64).decode("latin-1").partition("\r\n")[0]
        return ""


class Portal:
    def __init__(self, signals):
        self.signals = signals
        self.host, self.port = os.environ.get("HOST") or "127.0.0.1", _port()
        self.processes = []
        self.uses_local_services = not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"))
        self.environment = os.environ | {"PORT": str(self.port)}

    def run(self):
        with listen(self.host, self.port) as listener:
            try:
                self._start(listener)
                self._announce(listener)
                while True:
                    self._watch(0.5)
            finally:
                self._stop()

    @property
    def address(self):
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)  # noqa: S104
        return f"http://[{host}]:{self.port}/" if ":" in host else f"http://{host}:{self.port}/"

    def _start(self, listener):
        if self.uses_local_services:
            say("Starting the local PostgreSQL and Valkey …")
            services = vars(local_services.connect())
            self.environment |= {name.upper(): os.environ.get(name.upper()) or url for name, url in services.items()}
        say("Preparing the database …")
        with self._alone():
            self._do(*MANAGE, "migrate", "-v", "0")
            self._do(*MANAGE, "load_demo", "-v", "0")
        say("Starting web server, worker and beat …")
        self._add("web server", web_command(listener.fileno()), patience=8, descriptors=(listener.fileno(),))
        self._add("beat", beat_command(self.port), patience=5)
        self._add("worker", worker_command(self.port), patience=12)

    @contextlib.contextmanager
    def _alone(self):
        """Two portals started at the same moment must not migrate at the same moment."""
        with open(local_folder() / "preparing", "ab") as file:
            while not _locked(file):
                self.signals.check()
                self.signals.wait(0.2)
            yield

    def _add(self, name, command, **options):
        self.processes.append(Process(name, command, environment=self.environment, **options))

    def _do(self, *command):
        """Run a command to its end; it must succeed."""
        step = Process(command[2], command, patience=10, environment=self.environment)
        try:
            while not step.is_gone():
                self.signals.check()
                self.signals.wait(0.5)
        finally:
            step.stop(self.signals)
        if step.process.returncode:
            raise StartError(f"`manage.py {command[2]}` failed: its messages are above.")

    def _watch(self, seconds, *readers):
        """Wait; start again whatever died meanwhile."""
        held = [local_services.hold()] if self.uses_local_services else []
        ready = self.signals.wait(seconds, *held, *readers)
        self.signals.check()
        if held and held[0] in ready:
            say("The local PostgreSQL and Valkey ended unexpectedly: starting them again.")
            local_services.release()
            local_services.connect()
        for process in self.processes:
            process.revive()
        return ready

    def _announce(self, listener):
        status = ""
        while not status:
            probe = Probe(listener.getsockname()[:2])
            while probe not in self._watch(0.5, probe):
                pass
            status = probe.answer()
        if status.split()[1:2] >= ["500"]:
            say(f"The home page answers {status!r}: see the messages above.")
        say(f"The portal runs at {self.address} (Ctrl-C stops it).")
        self._do(*MANAGE, "demo_accounts")

    def _stop(self):
        if self.processes:
            say("Stopping …")
        for process in self.processes:
            process.stop(self.signals)
        local_services.release()


def web_command(descriptor):
    """Threads, because a browser's idle connections would occupy simple workers; it restarts when code changes."""
    options = ["--bind", f"fd://{descriptor}", "--worker-class", "gthread", "--workers", "2", "--threads", "4"]
    options += ["--graceful-timeout", "5", "--log-level", "error", "--no-control-socket"]
    options += ["--reload", "--reload-extra-file", "templates/**/*.html"]
    return [*PYTHON, "gunicorn", "creditbank.wsgi", *options]


def worker_command(port):
    options = ["--concurrency", "2", "--loglevel", "warning", "--hostname", f"portal-{port}@%h"]
    options += ["--without-gossip", "--without-mingle"]  # there is no other worker to talk to
    return [sys.executable, "-W", AS_ROOT_TOO, "-m", "celery", "--quiet", "-A", "creditbank", "worker", *options]


def beat_command(port):
    """The schedule file is named for the port: two portals of one checkout would break each other's."""
    options = ["--loglevel", "warning", "--schedule", local_folder() / f"beat-{port}", "--pidfile", ""]
    return [*PYTHON, "celery", "--quiet", "-A", "creditbank", "beat", *options]


def local_folder():
    folder = local_services.PROJECT / ".local"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _locked(file):
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def listen(host, port):
    """Return our listening socket, handed to every web server we start: between two of them callers wait."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror:
        raise StartError(f"HOST={host} is no address of this machine.") from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        hint = f"another one is taken like this: PORT={port % 65535 + 1} make run"
        raise StartError(f"Port {port} of {host} can't be used ({error.strerror}); {hint}") from None
    return listener


def _port():
    text = os.environ.get("PORT") or "8000"
    if not (text.isdecimal() and 0 < int(text) < 65536):
        raise StartError(f"PORT is a number from 1 to 65535, not {text!r}.")
    return int(text)


def say(text):
    with contextlib.suppress(OSError):  # the terminal may be gone, and then stopping matters more
        print(text, flush=True)  # noqa: T201 - that is what a terminal is for


def main():
    if "--follow-parent" in sys.argv and sys.platform == "linux":
        local_servers.follow(ctypes.CDLL(None), os.getppid(), signal.SIGTERM)
    try:
        Portal(Signals()).run()
    except StoppedError:
        say("Stopped.")
    except (StartError, local_services.LocalServicesError) as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
