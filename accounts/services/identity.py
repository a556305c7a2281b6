"""人工核对: what an activation could not prove, two different people of the centre decide (promises: Identity)."""

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.models import IdentityCheck, RateLimit
from accounts.services.activation import make_activation_code
from evidence.services import add_evidence
from messaging.services import queue_sms

Status = IdentityCheck.Status


class TooManyChecksError(Exception):
    """This phone has asked too often."""


class CheckRefusedError(Exception):
    """This decision can't be taken; `message` says why."""

    def __init__(self, message):
        super().__init__(message)
        self.message = message


def request_identity_check(*, document_number, name, phone, note="", uploads=()):
    """Put a case before the centre; one that is open already stays as it is. Raises `TooManyChecksError`."""
    if not RateLimit.take("identity-check", phone, settings.IDENTITY_CHECKS_PER_PHONE):
        raise TooManyChecksError
    check = IdentityCheck(name=name, phone=phone, note=note)
    check.set_document_number(document_number)
    try:
        with transaction.atomic():
            check.save()
            check.files.set(add_evidence(uploads=uploads, by=None))
    except IntegrityError:
        return  # one_open_identity_check_per_number_and_phone: asked twice


def check_may_decide(*, check, by):
    """Raise `CheckRefusedError` unless `by` may take the next decision."""
    if not (by.is_active and by.belongs_to_centre and by.has_perm("accounts.decide_identitycheck")):
        raise CheckRefusedError(_("人工核对由学分银行管理中心有权限的人员办理。"))
    if not check.is_open:
        raise CheckRefusedError(_("这件核对已经办结。"))
    if check.first_by_id == by.pk:
        raise CheckRefusedError(_("两次核对必须由不同的人完成。"))


def waiting_checks(user):
    """How many checks wait for a decision of this person: None for whom they are no business of."""
    if not (user.belongs_to_centre and user.has_perm("accounts.decide_identitycheck")):
        return None
    return IdentityCheck.objects.waiting_for(user).count()


def obstacle(check):
    """Why an approval would lead nowhere, or None; the applicant never reads it."""
    learner = check.learner
    if learner is None:
        return _("没有实名的学习者持有这个证件号码,只能不予通过(可请申请人注册个人账号)。")
    if learner.account:
        return None if learner.account.is_active else _("这位学习者的账号已停用,只能不予通过。")
    if not learner.enrolments.exists():
        return _("没有机构名册登记这个证件号码,只能不予通过(可请申请人注册个人账号)。")
    return None


@transaction.atomic
def approve_check(*, check, by):
    """First or second approval; the second sends a single-use activation code to the proven phone.

    It activates, or gives back the account that the person already has: then the old phone is told at once.
    """
    check_may_decide(check=check, by=by)
    if reason := obstacle(check):
        raise CheckRefusedError(reason)
    if check.status == Status.PENDING:
        _move(check, Status.FIRST_APPROVED, first_by=by, first_at=Now())
    else:
        _move(check, Status.APPROVED, final_by=by, final_at=Now())
        _send_activation_code(check, by)


def _move(check, after, **changes):
    if not check.move(after, **changes):
        raise CheckRefusedError(_("刚刚已由别人处理,您的操作没有生效。"))


def _send_activation_code(check, by):
    account = check.learner.account
    subject = {"account": account} if account else {"enrolment": check.learner.enrolments.order_by("pk").first()}
    row, code = make_activation_code(by=by, **subject)
    IdentityCheck.objects.filter(pk=check.pk).update(activation_code=row)
    queue_sms(phone=check.phone, purpose="identity_approved", code=code, days=settings.ACTIVATION_CODE_DAYS)
    if account and account.phone not in {"", check.phone}:
        queue_sms(phone=account.phone, purpose="giving_back")


@transaction.atomic
def refuse_check(*, check, by, refusal):
    """Refuse at either stage, with a reason; the applicant hears of it, not why."""
    check_may_decide(check=check, by=by)
    _move(check, Status.REFUSED, final_by=by, final_at=Now(), refusal=refusal)
    queue_sms(phone=check.phone, purpose="identity_refused")
