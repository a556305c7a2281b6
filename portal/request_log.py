"""Each request has an id, carried by its answer and its log lines, and one line when it is answered.

The line names the route, never the address: addresses hold what people typed.
"""

import logging
import re
import time
import uuid
from contextvars import ContextVar

from django.conf import settings

logger = logging.getLogger(__name__)

HEADER = "X-Request-ID"
GIVEN = re.compile(r"[0-9a-f]{32}")
METHODS = {"GET", "HEAD", "POST", "OPTIONS", "PUT", "PATCH", "DELETE"}
request_id = ContextVar("request_id", default="")


def _id_for(request):
    """The reverse proxy's, so that its log and ours can be read together; else a new one."""
    given = request.headers.get(HEADER, "") if settings.TRUSTED_PROXIES else ""
    return given if GIVEN.fullmatch(given) else uuid.uuid4().hex


class RequestLogMiddleware:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        before = request_id.set(_id_for(request))
        try:
            return self._answer(request)
        finally:
            request_id.reset(before)

    def _answer(self, request):
        began = time.monotonic()
        response = self.get_response(request)
        response[HEADER] = request_id.get()
        _tell(request, response.status_code, round((time.monotonic() - began) * 1000, 1))
        return response


def _tell(request, status, milliseconds):
    method = request.method if request.method in METHODS else "other"
    route = request.resolver_match.route if request.resolver_match else ""
    told = {"method": method, "route": route, "status": status, "milliseconds": milliseconds}
    logger.info("%s /%s %s", method, route, status, extra=told)
