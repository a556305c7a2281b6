"""Signing in by phone, e-mail, username or document number, throttled for the site and for /admin/ alike."""

from django.conf import settings
from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.hashers import make_password
from django.core.exceptions import ValidationError

from accounts.addresses import client_address
from accounts.documents import normalise
from accounts.models import RateLimit, User
from accounts.models.learner import document_digest
from accounts.phones import normalise_phone


def _tolerant(normaliser, text):
    try:
        return normaliser(text)
    except ValidationError:
        return None


def find_user(identifier):
    """The account that an identifier names, or None; a document number names verified people only."""
    identifier = identifier.replace("\x00", "").strip()
    if "@" in identifier:
        return User.objects.filter(email__iexact=identifier).first()
    user = User.objects.filter(username__iexact=identifier).first()
    if user is None and (phone := _tolerant(normalise_phone, identifier)):
        user = User.objects.filter(phone=phone).first()
    if user is None and (number := _tolerant(normalise, identifier)):
        user = User.objects.filter(
            learner__document_digest=document_digest(number), learner__verified_at__isnull=False
        ).first()
    return user


def throttle_key(identifier):
    """One key for all identifiers of an account, so that they share its failures."""
    user = find_user(identifier)
    return f"user:{user.pk}" if user else f"unknown:{identifier.strip().casefold()}"


def sign_in_wait(identifier, address):
    """For how many seconds sign-ins to this account, or from this address, are refused."""
    return max(
        RateLimit.wait_seconds("sign-in", throttle_key(identifier), settings.SIGN_IN_FAILURES_PER_ACCOUNT),
        RateLimit.wait_seconds("sign-in-address", address, settings.SIGN_IN_FAILURES_PER_ADDRESS),
    )


def needs_captcha(identifier):
    seconds = settings.SIGN_IN_FAILURES_PER_ACCOUNT[0][1]
    failures = RateLimit.count("sign-in", throttle_key(identifier), seconds)
    return failures >= settings.SIGN_IN_FAILURES_BEFORE_CAPTCHA


class IdentifierBackend(ModelBackend):
    """Takes a place among the failures before it looks at the password, and gives it back when that is right."""

    def authenticate(self, request, username=None, password=None, **kwargs):
        if username is None or password is None or request is None:
            return None
        key, address = throttle_key(username), client_address(request)
        if not RateLimit.take("sign-in-address", address, settings.SIGN_IN_FAILURES_PER_ADDRESS):
            return None
        if not RateLimit.take("sign-in", key, settings.SIGN_IN_FAILURES_PER_ACCOUNT):
            return None
        user = find_user(username)
        if user is None:
            make_password(password)  # the work of a real check
            return None
        if not (user.check_password(password) and self.user_can_authenticate(user)):
            return None
        RateLimit.forget("sign-in", key)
        RateLimit.give_back("sign-in-address", address)
        return user
