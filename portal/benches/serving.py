"""The portal as production serves it, on a port of this machine, and a client that signs in there."""

import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
from django.conf import settings
from django.db import connection

from portal.benches.server import STATIC_ROOT

HOST = "portal.example"
SITE = f"https://{HOST}"
# What the reverse proxy adds in production.
PROXY_HEADERS = {"Host": HOST, "X-Forwarded-Proto": "https", "X-Forwarded-For": "127.0.0.1"}
WORKERS = 2
PATIENCE = 60  # seconds


class ServerError(RuntimeError):
    """The server of a bench doesn't do what it should."""


def production_environment(static_root):
    """Return the environment of a production server on this process's database, queue, files and secrets."""
    return os.environ | {
        "CREDITBANK_ENV": "production",
        "ALLOWED_HOSTS": HOST,
        "SITE_URL": SITE,
        "SMS_HTTP_URL": f"{SITE}/sms",
        "SMS_HTTP_KEY": "bench",  # nothing is ever sent there: no worker runs
        "DJANGO_SETTINGS_MODULE": "creditbank.settings",
        STATIC_ROOT: str(static_root),
    }


@contextlib.contextmanager
def portal_server():
    """Yield the port of gunicorn (sync × 2) under the production settings, static files collected and hashed."""
    connection.close()
    with (
        tempfile.TemporaryDirectory(prefix="creditbank-bench-") as folder,
        socket.create_server(("127.0.0.1", 0)) as at,
    ):
        static_root, log = Path(folder) / "static", Path(folder) / "log"
        static_root.mkdir()
        environment = production_environment(static_root)
        subprocess.run([sys.executable, "-m", "portal.benches.server"], env=environment, check=True)
        command = [sys.executable, "-m", "gunicorn", "portal.benches.server", "--bind", f"fd://{at.fileno()}"]
        command += ["--workers", str(WORKERS), "--worker-class", "sync", "--log-level", "warning"]
        command += ["--no-control-socket"]
        with log.open("wb") as output:
            server = subprocess.Popen(  # noqa: S603 - our own command
                command, env=environment, pass_fds=[at.fileno()], stdout=output, stderr=output, cwd=settings.BASE_DIR
            )
        port = at.getsockname()[1]
        try:
            _wait_for(port, server)
            yield port
        except BaseException:
            sys.stderr.write(log.read_text(errors="replace")[-5000:])
            raise
        finally:
            server.terminate()
            server.wait(PATIENCE)


def _wait_for(port, server):
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and server.poll() is None:
        with contextlib.suppress(httpx.TransportError), Visitor(port) as visitor:
            visitor.get("/").raise_for_status()
            return
        time.sleep(0.1)
    raise ServerError("The server of the bench doesn't answer.")


class ThroughProxy(httpx.HTTPTransport):
    """Takes https requests for the site, as its reverse proxy does, to the server's port."""

    def __init__(self, port):
        super().__init__()
        self.address = {"scheme": "http", "host": "127.0.0.1", "port": port}

    def handle_request(self, request):
        inner = request.url.copy_with(**self.address)
        return super().handle_request(
            httpx.Request(request.method, inner, headers=request.headers, stream=request.stream)
        )


class Visitor(httpx.Client):
    """One browser's worth of cookies and headers; redirects are not followed."""

    def __init__(self, port):
        headers = PROXY_HEADERS | {"Referer": f"{SITE}/"}
        super().__init__(base_url=SITE, transport=ThroughProxy(port), headers=headers, timeout=PATIENCE)

    def send_form(self, url, data, **options):
        """POST as the page's form does, with the CSRF token that the visitor has got."""
        return self.post(url, data={"csrfmiddlewaretoken": self.cookies["csrftoken"], **data}, **options)

    def sign_in(self, identifier, password):
        self.get("/accounts/sign-in/")
        form = {"identity": "person", "identifier": identifier, "password": password}
        response = self.send_form("/accounts/sign-in/", form)
        if response.status_code != 302:
            raise ServerError(f"{identifier} can't sign in: {response.status_code}")
        return response
