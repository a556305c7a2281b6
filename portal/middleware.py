"""What holds for every request of the site."""

from django.conf import settings
from django.core.exceptions import BadRequest
from django.db import DataError, InterfaceError, OperationalError
from django.shortcuts import render
from django.utils.cache import add_never_cache_headers


class ServiceUnavailableMiddleware:
    """A database that is away gives a plain 503 page, not an error (promises: Queue, faults, recovery)."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, exception):
        return unavailable(request) if isinstance(exception, (OperationalError, InterfaceError)) else None


def unavailable(request):
    response = render(None, "503.html", status=503)
    response["Retry-After"] = "10"
    return response


class RefuseStrayIdsMiddleware:
    """The stock admin looks up ids of its actions and autocomplete fields as they came, checked by no form.

    One that is no number, or more than a column holds, is the request's fault: 400.
    """

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        return self.get_response(request)

    def process_exception(self, request, exception):
        is_no_number = isinstance(exception, ValueError) and "expected a number but got" in str(exception)
        if request.resolver_match.app_name == "admin" and (is_no_number or isinstance(exception, DataError)):
            raise BadRequest("an id that is none") from exception


class RefuseUnstorableTextMiddleware:
    """PostgreSQL can't hold NUL: no address or query with one names anything."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        if "\x00" in request.path or "%00" in request.META.get("QUERY_STRING", ""):
            raise BadRequest("NUL in the address")
        return self.get_response(request)


class RefuseHugeUploadMiddleware:
    """More than any form takes is refused by its announced length, before a byte of it is read (promises: Files)."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        announced = request.META.get("CONTENT_LENGTH") or "0"
        if announced.isdigit() and int(announced) > settings.UPLOAD_BYTES_PER_REQUEST:
            return render(None, "413.html", status=413)
        return self.get_response(request)


class PersonalPagesMiddleware:
    """Nothing that was rendered for a signed-in person stays in a cache."""

    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        response = self.get_response(request)
        if response.status_code < 500 and request.user.is_authenticated and not response.has_header("Cache-Control"):
            add_never_cache_headers(response)
        return response
