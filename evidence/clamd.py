"""A look by clamd, where an installation has one (setting `CLAMD_URL`): the file goes there as an INSTREAM.

`tcp://host:3310` or `unix:///run/clamav/clamd.ctl`. Its `StreamMaxLength` must be above 10 MB (default: 100).
"""

import contextlib
import socket
import struct
from urllib.parse import urlsplit

from django.conf import settings

CHUNK = 64 * 1024
ANSWER_BYTES = 4096


class ScannerAwayError(OSError):
    """clamd can't be asked, or didn't answer the question: says nothing about the file."""


def is_infected(path):
    """Tell whether clamd knows something in the file; False where no clamd is configured."""
    if not settings.CLAMD_URL:
        return False
    try:
        with _connection() as connection, path.open("rb") as content:
            answer = _answer(connection, content)
    except OSError as error:
        raise ScannerAwayError(f"clamd: {error}") from error
    if answer.endswith(" FOUND"):
        return True
    if answer != "stream: OK":
        raise ScannerAwayError(f"clamd: {answer or 'no answer'}")
    return False


@contextlib.contextmanager
def _connection():
    address = urlsplit(settings.CLAMD_URL)
    family = socket.AF_UNIX if address.scheme == "unix" else socket.AF_INET
    with socket.socket(family) as connection:
        connection.settimeout(settings.CLAMD_TIMEOUT)
        connection.connect(address.path if family == socket.AF_UNIX else (address.hostname, address.port or 3310))
        yield connection


def _answer(connection, content):
    """Send length-prefixed chunks, an empty one last; return the line that clamd says."""
    connection.sendall(b"zINSTREAM\0")
    # clamd hangs up on a stream it finds too long, and has said so before: its answer counts.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while chunk := content.read(CHUNK):
            connection.sendall(struct.pack(">I", len(chunk)) + chunk)
        connection.sendall(struct.pack(">I", 0))
    answer = b""
    while b"\0" not in answer and len(answer) < ANSWER_BYTES and (part := connection.recv(ANSWER_BYTES)):
        answer += part
    return answer.partition(b"\0")[0].decode(errors="replace").strip()
