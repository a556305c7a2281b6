"""Use the project's own PostgreSQL and Valkey, in development and in tests; they start with the first user.

They run at least as long as a process that holds them, and stop, by themselves, when the last one ends.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import secrets
import shutil
import socket
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from creditbank import local_servers
from creditbank.local_servers import PASSABLE, ROOT_FOLDER, LocalServicesError, Place, Services

__all__ = ["Hold", "LocalServicesError", "Services", "connect", "forget", "hold", "join", "release", "throwaway"]

PROJECT = Path(__file__).resolve().parent.parent
# Not TMPDIR first: a socket path has at most 107 bytes, and all terminals must agree. Our folder's owner is checked.
SOCKETS_FOLDER = Path("/tmp" if os.access("/tmp", os.W_OK) else tempfile.gettempdir())  # noqa: S108
PATIENCE = 120  # seconds


class Hold:
    """One use of the servers, until it is released or its process is gone. Children don't inherit it."""

    def __init__(self, services, link):
        self.services = services
        self._link = link.detach()  # a bare number, so that interpreter exit closes it without a ResourceWarning

    def fileno(self):
        """Return a descriptor that becomes readable when the supervisor is gone."""
        return self._link

    def release(self):
        """Let go and wait: if this was the last hold, the servers are gone on return."""
        with socket.socket(fileno=self._link) as link, contextlib.suppress(OSError):
            link.settimeout(PATIENCE)
            link.shutdown(socket.SHUT_WR)
            while link.recv(1):
                pass


_project_hold = None


def connect():
    """Return the project's Services; they run as long as this process, or until `release()`."""
    return hold().services


def hold():
    """Return this process's one Hold on the project's servers."""
    global _project_hold
    if _project_hold is None:
        _project_hold = join(_project_place())
    return _project_hold


def release():
    """Release the Hold of `connect()`, if there is one."""
    global _project_hold
    if _project_hold is not None:
        _project_hold.release()
        _project_hold = None


@contextlib.contextmanager
def throwaway():
    """Yield Services beside the project's: empty, quick, unsafe, and removed at the end."""
    try:
        folder = Path(tempfile.mkdtemp(prefix="creditbank-test-", dir=SOCKETS_FOLDER))
    except OSError as error:
        raise LocalServicesError(f"The local servers for tests find no place: {error}.") from error
    try:
        held = join(Place(folder, sockets=folder / "sockets", lasting=False))
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    try:
        yield held.services
    finally:
        held.release()


def forget():
    """Remove the project's local data; the next start makes new ones."""
    place = _project_place()
    with _lock(place) as lock:
        if lock is None:
            raise LocalServicesError("The local servers are in use: stop `make run` and every other command first.")
        for path in place.folder.glob("*"):
            if path.is_dir():
                shutil.rmtree(path)
            elif path.name not in {"lock", "key"}:
                path.unlink()


def _project_place():
    if sys.platform != "linux":
        raise LocalServicesError("The local servers run on Linux only: set DATABASE_URL and REDIS_URL to your own.")
    own = PROJECT / ".local"
    try:
        own.mkdir(mode=0o700, exist_ok=True)
        digest = hashlib.sha256(f"{PROJECT}\n{_checkout_key(own)}".encode()).hexdigest()[:12]
    except OSError as error:
        raise LocalServicesError(f"The local servers can't keep their data: {error}.") from error
    folder = own if os.getuid() else ROOT_FOLDER / f"creditbank-{digest}"
    return Place(folder, sockets=SOCKETS_FOLDER / f"creditbank-{os.getuid()}-{digest}", lasting=True)


def _checkout_key(own):
    """Return a random word made once per checkout: root's data, kept elsewhere, must not outlive a deleted clone."""
    with open(own / "key", "a+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        key = file.read()
        if not key:
            key = secrets.token_hex(8)
            file.write(key)
        return key


@contextlib.contextmanager
def _lock(place):
    """Yield the locked file's descriptor, or None while a supervisor or server of this place is alive."""
    local_servers.make_folder(place.folder, PASSABLE)
    with open(place.folder / "lock", "ab", opener=lambda path, flags: os.open(path, flags, 0o600)) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield None
        else:
            yield file.fileno()


def join(place):
    """Return a Hold on the servers of a place; start them if nobody uses them."""
    starts = 0
    deadline = time.monotonic() + PATIENCE
    try:
        while time.monotonic() < deadline:
            held = _ask(place)
            if held:
                return held
            starts += _start(place)
            if starts > 3:
                log = place.folder / "supervisor.log"
                raise LocalServicesError(f"The local servers don't start: {local_servers.last_line(log)}")
            time.sleep(0.02)
    except OSError as error:
        raise LocalServicesError(f"The local servers can't be used: {error}.") from error
    raise LocalServicesError(f"The local servers neither answer nor stop: see the logs in {place.folder}.")


def _ask(place):
    """Return a Hold, or None if no supervisor answers (any more)."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(PATIENCE)
        reply = _first_line(link, place)
        if not reply:
            return None
        answer = json.loads(reply)
        if "error" in answer:
            raise LocalServicesError(answer["error"])
        return Hold(Services(**answer), link)


def _first_line(link, place):
    with contextlib.suppress(FileNotFoundError, ConnectionError, TimeoutError):
        _check_owner(place.sockets)
        link.connect(str(place.control))
        with link.makefile("rb") as lines:
            return lines.readline()
    return b""


def _check_owner(path):
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise LocalServicesError(f"{path} belongs to somebody else: have it removed and try again.")


def _start(place):
    """Start a supervisor and return True, or False if another one is starting, running or stopping."""
    with _lock(place) as lock:
        if lock is None:
            return False
        _make_sockets_folders(place)
        (place.folder / "project").write_text(f"{PROJECT}\n")  # for whoever tidies root's folder
        with socket.socket(socket.AF_UNIX) as listener:
            place.control.unlink(missing_ok=True)
            listener.bind(str(place.control))
            listener.listen(128)
            _spawn_supervisor(place, lock, listener.fileno())
        return True


def _make_sockets_folders(place):
    place.sockets.mkdir(mode=0o700, exist_ok=True)
    _check_owner(place.sockets)
    place.sockets.chmod(PASSABLE)
    local_servers.make_folder(place.server_sockets, 0o700, local_servers.server_user())


def _spawn_supervisor(place, *descriptors):
    """Start it in a session of its own, where a Ctrl-C of the terminal does not reach it."""
    lasting = "lasting" if place.lasting else "throwaway"
    # -I: the folder of that file must not become an import path (it has a celery.py)
    command = [sys.executable, "-I", local_servers.__file__, place.folder, place.sockets, lasting]
    with open(local_servers.fresh_log(place.folder, "supervisor"), "ab") as log:
        subprocess.run(  # noqa: S603 - our own command
            [*command, *map(str, descriptors)],
            check=True,
            pass_fds=descriptors,
            start_new_session=True,
            cwd="/",
            umask=0o077,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )


if __name__ == "__main__":
    try:
        forget()
    except LocalServicesError as error:
        sys.exit(str(error))
