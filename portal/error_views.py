"""What is shown when something failed outside of a view."""

import sys

from django.db import InterfaceError, OperationalError
from django.shortcuts import render

from portal.middleware import unavailable
from portal.request_log import request_id


def server_error(request):
    """The 500 page; 503 when it was the database that is away."""
    if isinstance(sys.exc_info()[1], (OperationalError, InterfaceError)):
        return unavailable(request)
    return render(None, "500.html", {"request_id": request_id.get()}, status=500)
