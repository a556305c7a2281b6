"""The second factor of staff: setting it up, checking a code, and letting a colleague start anew."""

import logging
import secrets

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from accounts.models import RateLimit, RecoveryCode, StaffTotp
from accounts.services.sessions import end_sessions
from accounts.sessions import SIGN_IN
from messaging.services import SmsBudgetError, queue_sms, send_inbox_message

logger = logging.getLogger(__name__)

RECOVERY_CODES = 10
RECOVERY_DIGITS = 12  # digits only: phones show their number pad for both kinds of code
PASSED = "second_factor"


class AlreadySetUpError(Exception):
    """The account has an authenticator app already, perhaps since a moment."""


class WrongCodeError(Exception):
    """The code is wrong or was used; `seconds` until the next one is looked at, 0 for at once."""

    def __init__(self, seconds=0):
        super().__init__()
        self.seconds = seconds


@transaction.atomic
def set_up(*, user, secret, step):
    """Bind the app that showed the code of `step`; return ten recovery codes, told only now."""
    try:
        with transaction.atomic():
            StaffTotp.objects.create(user=user, secret=secret, last_step=step)
    except IntegrityError as error:
        raise AlreadySetUpError from error
    return _issue_recovery_codes(user)


def _issue_recovery_codes(user):
    user.recovery_codes.all().delete()
    codes = [f"{secrets.randbelow(10**RECOVERY_DIGITS):0{RECOVERY_DIGITS}d}" for _number in range(RECOVERY_CODES)]
    RecoveryCode.objects.bulk_create(
        RecoveryCode(user=user, digest=RecoveryCode.digest_of(user, code)) for code in codes
    )
    return [f"{code[:4]} {code[4:8]} {code[8:]}" for code in codes]


def check_code(*, user, code):
    """Use up a code of the app or a recovery code (digits only); raise `WrongCodeError`.

    Takes a place among the failures first, so that parallel guesses can't share one.
    """
    if not RateLimit.take("second-factor", user.pk, settings.SECOND_FACTOR_FAILURES):
        raise WrongCodeError(RateLimit.wait_seconds("second-factor", user.pk, settings.SECOND_FACTOR_FAILURES))
    is_right = _use_recovery_code(user, code) if len(code) == RECOVERY_DIGITS else user.totp.use(code)
    if not is_right:
        raise WrongCodeError(RateLimit.wait_seconds("second-factor", user.pk, settings.SECOND_FACTOR_FAILURES))
    RateLimit.forget("second-factor", user.pk)


@transaction.atomic
def _use_recovery_code(user, code):
    if not RecoveryCode.use(user, code):
        return False
    _tell(user, "recovery_code_used", _("使用了恢复码登录"), _("刚才有人用一个恢复码登录了您的工作账号。"))
    return True


def _tell(user, purpose, subject, body):
    """Tell the account's phone and inbox: whoever did it may not have been the account's holder."""
    advice = _("如非本人操作,请立即修改密码,并联系学分银行管理中心的管理员。")
    send_inbox_message(recipient=user, subject=subject, body=body + advice)
    if not user.phone:
        return
    try:
        queue_sms(phone=user.phone, purpose=purpose)
    except SmsBudgetError:
        logger.warning("no SMS left to tell the phone of user %s: %s", user.pk, purpose)


def note_passed(request):
    """Note in the session, under a new id, that this sign-in has passed the second factor."""
    request.session.cycle_key()
    request.session[SIGN_IN] = request.session[SIGN_IN] | {PASSED: True}


def has_passed(request):
    return request.session.get(SIGN_IN, {}).get(PASSED, False)


@transaction.atomic
def reset_second_factor(*, user):
    """Forget app and recovery codes and end all sessions: the next sign-in sets up anew. Tell if there was one."""
    deleted, _by_model = StaffTotp.objects.filter(user=user).delete()
    user.recovery_codes.all().delete()
    RateLimit.forget("second-factor", user.pk)
    end_sessions(user=user)
    if deleted:
        body = _("您的两步验证已由管理员重置,下次登录时重新设置。")
        _tell(user, "second_factor_reset", _("两步验证已重置"), body)
    return bool(deleted)
