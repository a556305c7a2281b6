"""The look by clamd, against a local server that speaks its protocol."""

import hashlib
import socket
import socketserver
import struct
import threading

import pytest

from achievements.tests.factories import EvidenceFactory
from evidence import storage
from evidence.models import EvidenceFile
from evidence.services import evidence_to_sweep, inspect_evidence
from evidence.tests.test_inspection import noise

pytestmark = pytest.mark.django_db
SIGNATURE = hashlib.sha256(b"a known virus").digest()


class Clamd(socketserver.StreamRequestHandler):
    """INSTREAM as clamd(8) has it: length-prefixed chunks until an empty one, one answer ended by NUL."""

    def handle(self):
        assert self.rfile.read(10) == b"zINSTREAM\0"
        content = b""
        while length := struct.unpack(">I", self.rfile.read(4))[0]:
            content += self.rfile.read(length)
            if len(content) > self.server.longest:
                self.wfile.write(b"INSTREAM size limit exceeded. ERROR\0")
                return
        self.server.seen.append(content)
        self.wfile.write(b"stream: Test.Signature FOUND\0" if SIGNATURE in content else b"stream: OK\0")


@pytest.fixture
def clamd(request, tmp_path, settings):
    """A running server, by TCP or by a socket file as the test asks."""
    if getattr(request, "param", "tcp") == "unix":
        server = socketserver.ThreadingUnixStreamServer(str(tmp_path / "clamd.ctl"), Clamd)
        settings.CLAMD_URL = f"unix://{tmp_path / 'clamd.ctl'}"
    else:
        server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Clamd)
        settings.CLAMD_URL = f"tcp://127.0.0.1:{server.server_address[1]}"
    server.seen, server.longest = [], 1 << 30
    threading.Thread(target=server.serve_forever, args=[0.01], daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def waiting(settings, tmp_path):
    """Return a function that stores a picture as a waiting file."""
    settings.MEDIA_ROOT = tmp_path / "files"

    def store(content):
        return EvidenceFactory(sha256=storage.store([content]), size=len(content))

    return store


@pytest.mark.parametrize("clamd", ["tcp", "unix"], indirect=True)
def test_clean_file_passes(clamd, waiting):
    content = noise("PNG")
    evidence = waiting(content)
    inspect_evidence(pk=evidence.pk)
    evidence.refresh_from_db()
    assert evidence.is_passed
    assert clamd.seen == [content]


@pytest.mark.parametrize("clamd", ["tcp", "unix"], indirect=True)
def test_infected_file_is_refused_with_a_reason(clamd, waiting):
    evidence = waiting(noise("PNG") + SIGNATURE)
    inspect_evidence(pk=evidence.pk)
    evidence.refresh_from_db()
    assert (evidence.state, evidence.clean_sha256) == ("refused", "")
    assert "病毒" in evidence.refusal


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@pytest.mark.parametrize("address", ["tcp", "unix"])
def test_file_waits_while_the_scanner_is_away_and_is_swept_later(address, waiting, settings, clamd, tmp_path):
    running = settings.CLAMD_URL
    settings.CLAMD_URL = f"tcp://127.0.0.1:{free_port()}" if address == "tcp" else f"unix://{tmp_path}/nobody.ctl"
    evidence = waiting(noise("PNG"))
    for _time in range(5):
        inspect_evidence(pk=evidence.pk)
    evidence.refresh_from_db()
    assert (evidence.state, evidence.attempts) == ("checking", 0)
    EvidenceFile.objects.update(uploaded_at="2026-01-01T00:00Z")
    assert evidence_to_sweep() == [evidence.pk]
    settings.CLAMD_URL = running
    inspect_evidence(pk=evidence.pk)
    evidence.refresh_from_db()
    assert evidence.is_passed


def test_scanner_with_a_lower_limit_than_ours_lets_nothing_pass(clamd, waiting):
    clamd.longest = 1000
    evidence = waiting(noise("PNG"))
    inspect_evidence(pk=evidence.pk)
    evidence.refresh_from_db()
    assert evidence.state == "checking"


def test_nobody_is_asked_where_no_scanner_is_configured(waiting, settings):
    assert settings.CLAMD_URL == ""
    evidence = waiting(noise("PNG") + SIGNATURE)
    inspect_evidence(pk=evidence.pk)
    evidence.refresh_from_db()
    assert evidence.is_passed
