"""Codes of an authenticator app (RFC 6238), 6 digits every 30 seconds."""

import base64
import secrets
from urllib.parse import quote, urlencode

from django_otp.oath import TOTP

SECRET_BYTES = 20
DIGITS = 6
TOLERANCE = 1  # steps a clock may go wrong, either way


def new_secret():
    """Return a secret as apps take it: 32 characters of base 32."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def app_uri(secret, *, issuer, account):
    """Return what the QR code tells an authenticator app."""
    return f"otpauth://totp/{quote(f'{issuer}:{account}')}?{urlencode({'secret': secret, 'issuer': issuer})}"


def step_of(secret, code, *, after=-1):
    """Return the number of the time step, later than `after`, whose code this is; None when there is none."""
    totp = TOTP(base64.b32decode(secret), digits=DIGITS)
    if len(code) == DIGITS and code.isdecimal() and totp.verify(int(code), TOLERANCE, min_t=after + 1):
        return totp.t()
    return None
