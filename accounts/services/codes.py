"""SMS codes: asking for one, and spending it (promises: Codes, logins, limits)."""

import secrets
from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import RateLimit, VerificationCode
from messaging.services import SmsBudgetError, queue_sms


class CodeRequestRefusedError(Exception):
    """No code is sent now; `message` says when to try again and `seconds` counts down to it."""

    def __init__(self, message, seconds=0):
        super().__init__(message)
        self.message, self.seconds = message, seconds


def new_flow():
    """Return the name of one visitor's run through one form; codes are bound to it."""
    return secrets.token_hex(16)


def _take_places(phone, document, address):
    """Take one place in each limit, or raise; the transaction gives all of them back."""
    person = settings.SMS_PER_PERSON
    for subject, value in [("sms-phone", phone), ("sms-document", document)]:
        if value and not RateLimit.take(subject, value, person):
            seconds = RateLimit.wait_seconds(subject, value, person)
            raise CodeRequestRefusedError(_("获取验证码过于频繁,请%s后再试。") % spoken(seconds), seconds)
    if not RateLimit.take("sms-address", address, settings.SMS_PER_ADDRESS):
        seconds = RateLimit.wait_seconds("sms-address", address, settings.SMS_PER_ADDRESS)
        raise CodeRequestRefusedError(_("当前网络获取验证码过于频繁,请%s后再试。") % spoken(seconds), seconds)


def spoken(seconds):
    """Say a waiting time as people do: 50秒, 12分钟, 3小时."""
    if seconds <= 90:
        return _("%d秒") % max(seconds, 1)
    if seconds <= 5400:
        return _("%d分钟") % -(-seconds // 60)
    return _("%d小时") % -(-seconds // 3600)


@transaction.atomic
def send_code(*, purpose, phone, flow, address, document=""):
    """Send a fresh code to `phone`, voiding an earlier one of the same flow; raise `CodeRequestRefusedError`."""
    _take_places(phone, document, address)
    code = f"{secrets.randbelow(10**6):06d}"
    VerificationCode.objects.update_or_create(
        purpose=purpose,
        phone=phone,
        flow=flow,
        defaults={
            "digest": VerificationCode.digest_of(purpose, phone, flow, code),
            "attempts_left": settings.CODE_ATTEMPTS,
            "expires_at": Now() + timedelta(seconds=settings.CODE_VALID_SECONDS),
            "used_at": None,
        },
    )
    try:
        queue_sms(phone=phone, purpose=purpose, code=code)
    except SmsBudgetError as error:
        raise CodeRequestRefusedError(error.message) from error


def spend_code(*, purpose, phone, flow, code):
    """Tell whether `code` is the live one of this flow; right or wrong, an attempt is spent.

    Call it outside of the transaction that does what the code allows, so that a roll-back there can't give
    attempts back.
    """
    live = VerificationCode.objects.filter(purpose=purpose, phone=phone, flow=flow).first()
    if live is None or not RateLimit.take("wrong-code", phone, settings.WRONG_CODES_PER_PERSON):
        return False
    right = live.check_code(code)
    if right:
        RateLimit.give_back("wrong-code", phone)
    return right
