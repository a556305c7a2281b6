"""Sessions of signed-in people: what is noted about them, and ending them."""

from django.conf import settings
from django.utils import timezone

from accounts.addresses import client_address
from accounts.devices import device_name, short_address
from accounts.models import SignInSession
from accounts.sessions import SIGN_IN


def note_sign_in(sender, request, user, **kwargs):
    """Note a sign-in in its session, wherever it happened (the receiver of Django's `user_logged_in`)."""
    limits = settings.SESSION_IDLE_SECONDS
    request.session[SIGN_IN] = {
        "at": timezone.now().timestamp(),
        "idle": limits["staff"] if user.is_staff else limits["default"],
        "address": short_address(client_address(request)),
        "device": device_name(request.META.get("HTTP_USER_AGENT", "")),
    }


def end_sessions(*, user):
    """End every session of an account at its next request."""
    SignInSession.objects.filter(user=user).delete()


def end_other_sessions(*, request, user):
    """End every session of an account but the asking one; return how many were live."""
    others = SignInSession.objects.filter(user=user).others(request.session.session_key)
    count = others.live().count()
    others.delete()
    return count
