"""Activation binds a person, not a number (promises: Identity); with a code for it, it gives a lost account back."""

from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from accounts.backends import throttle_key
from accounts.documents import same_name
from accounts.models import ActivationCode, IdentityCheck, Learner, RateLimit, User
from accounts.services.merging import MergeRefusedError, may_merge_unasked, merge_learner
from accounts.services.sessions import end_sessions
from messaging.services import SmsBudgetError, queue_sms, send_inbox_message
from vault.readable import as_meant, readable_code

CODE_LENGTH = 13  # characters of five bits


class NotBoundError(Exception):
    """Number, name and phone (or activation code) don't name one person nobody is bound to: never says which."""


def tidy_activation_code(text):
    """A code as people type it: any case, with or without dashes, O for 0, I and L for 1."""
    folded = "".join(character for character in text.upper() if character.isalnum())
    return as_meant(folded)


def format_activation_code(code):
    """As printed: 7K3M-9QXD-2FH8V."""
    return f"{code[:4]}-{code[4:8]}-{code[8:]}"


@transaction.atomic
def issue_activation_code(*, enrolment, by):
    """Issue a code for a rostered person, voiding an unused earlier one; return its text, told only now."""
    return make_activation_code(by=by, enrolment=enrolment)[1]


@transaction.atomic
def make_activation_code(*, by, **subject):
    """A code for an `enrolment` or an `account`, voiding an unused earlier one; return (row, text)."""
    ActivationCode.objects.filter(**subject, used_at=None).delete()
    code = readable_code(CODE_LENGTH)
    row = ActivationCode.objects.create(
        **subject,
        digest=ActivationCode.digest_of(code),
        issued_by=by,
        expires_at=Now() + timedelta(days=settings.ACTIVATION_CODE_DAYS),
    )
    return row, format_activation_code(code)


@transaction.atomic
def issue_activation_codes(*, enrolments, by):
    """Issue a code for each of several people; return [(enrolment, code)…]."""
    return [(enrolment, issue_activation_code(enrolment=enrolment, by=by)) for enrolment in enrolments]


def find_person(*, document_number, name, phone, activation_code=""):
    """Return (learner, code used) for the one person all of these name, or raise `NotBoundError`.

    Nobody is bound to the person yet, or the code gives the account back to the phone it was texted to.
    Every outcome does the same look-ups, so that its time tells nothing about the roster.
    """
    learner = Learner.objects.verified().with_document(document_number).first()
    pk = learner.pk if learner else 0
    bound = User.objects.filter(learner=pk).exists()
    on_record = learner.enrolments.filter(phone=phone).exists() if learner else User.objects.filter(pk=0).exists()
    code = ActivationCode.find_open(tidy_activation_code(activation_code))
    check = IdentityCheck.objects.filter(activation_code=code).first() if code else None
    vouched = code is not None and code.learner_id == pk
    # Two of the centre's staff have found that the person of this name is the one on the roster.
    checked = vouched and check is not None and same_name(check.name, name)
    named = learner is not None and (same_name(learner.name, name) or checked)
    gives_back = vouched and code.account_id is not None
    entitled = (bound and check.phone == phone) if gives_back else (not bound and (on_record or vouched))
    if not (named and entitled):
        raise NotBoundError
    return learner, (code if vouched else None)


@transaction.atomic
def activate(*, document_number, name, phone, password, activation_code=""):
    """Make the account of a rostered person, or give it back, and return it; `NotBoundError` when that can't be."""
    learner, code = find_person(
        document_number=document_number, name=name, phone=phone, activation_code=activation_code
    )
    if code and not code.use():
        raise NotBoundError
    if code and code.account_id:
        return _give_back(code.account, phone, password)
    user = _take_over(learner, phone, password) or _new_account(learner, phone, password)
    _notify_phones_on_record(learner, {phone}, "activated")
    return user


def _give_back(user, phone, password):
    """An account with a new password and the phone that was proven; whoever was signed in is so no more."""
    if not user.is_active:
        raise NotBoundError
    old = user.phone
    user.set_password(password)
    # Another account may have the phone; the lost one must open nothing any more either way.
    user.phone = "" if User.objects.filter(phone=phone).exclude(pk=user.pk).exists() else phone
    try:
        with transaction.atomic():
            user.save(update_fields=["password", "phone"])
    except IntegrityError as error:
        raise NotBoundError from error
    end_sessions(user=user)
    RateLimit.forget("sign-in", throttle_key(user.username))
    _notify_phones_on_record(user.learner, {phone, old}, "given_back")
    send_inbox_message(recipient=user, subject=_("账号已找回"), body=_("经人工核对,账号已设置新密码和新手机号码。"))
    return user


def _take_over(learner, phone, password):
    """The account of the proven phone, when the same person registered it before the roster came; or None."""
    unproven = {"learner__verified_at": None, "learner__merged_into": None}
    number = {"learner__document_digest": learner.document_digest}
    user = User.objects.filter(phone=phone, is_active=True, **unproven, **number).first()
    if user is None or not may_merge_unasked(unverified=user.learner, verified=learner):
        return None
    try:
        merge_learner(unverified=user.learner, verified=learner, by=user)
    except MergeRefusedError:
        return None
    user.refresh_from_db()
    user.set_password(password)
    user.save(update_fields=["password"])
    return user


def _new_account(learner, phone, password):
    own_phone = "" if User.objects.filter(phone=phone).exists() else phone
    try:
        with transaction.atomic():
            return User.objects.create_user(
                new_username(), password, name=learner.name, phone=own_phone, learner=learner
            )
    except IntegrityError as error:
        raise NotBoundError from error


def new_username():
    """A username for people who sign in by document number."""
    return "xf_" + readable_code(10).lower()


def _notify_phones_on_record(learner, phones, purpose):
    """Tell the phones on record and `phones`, so that a stranger's binding doesn't stay unseen."""
    on_record = set(learner.enrolments.values_list("phone", flat=True))
    for number in (on_record | phones) - {""}:
        try:
            queue_sms(phone=number, purpose=purpose)
        except SmsBudgetError:
            return


def take_name_attempt(flow):
    """Spend one of the tries to retype name or activation code after one proven SMS code."""
    return RateLimit.take("activation-name", flow, [(settings.ACTIVATION_NAME_ATTEMPTS, settings.CODE_VALID_SECONDS)])
