"""Institutions: registration, approval into the 资历名册, and what they see of their learners."""

from dateutil.relativedelta import relativedelta
from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.models import Institution, User
from evidence.services import add_evidence, discard_evidence
from messaging.services import send_inbox_message


class NotPendingError(Exception):
    """Somebody else has decided about this institution already."""


@transaction.atomic
def register_institution(*, username, password, email, phone, institution, licence):
    """Save a registering institution, its account and its licence [(upload, kind)]; it waits for the centre."""
    institution.status = Institution.Status.PENDING
    institution.contact_phone = phone
    institution.save()
    user = User.objects.create_user(
        username, password, name=institution.contact_name, email=email, phone=phone, institution=institution
    )
    (institution.licence,) = add_evidence(uploads=licence, by=user)
    institution.save(update_fields=["licence"])
    return user


@transaction.atomic
def replace_licence(*, institution, licence, by):
    """Take another licence [(upload, kind)] of an institution that still waits; raise `NotPendingError`."""
    pending = Institution.objects.filter(pk=institution.pk, status=Institution.Status.PENDING)
    before = pending.select_related("licence").select_for_update(of=["self"]).first()
    if before is None:
        raise NotPendingError
    (new,) = add_evidence(uploads=licence, by=by)
    pending.update(licence=new)
    if before.licence:
        discard_evidence(evidence=before.licence)


def _next_bank_code():
    """The next free code of our own series: xfyh00001, xfyh00002, …"""
    prefix = settings.BANK_CODE_PREFIX
    last = Institution.objects.filter(bank_code__startswith=prefix).order_by("-bank_code").first()
    number = int(last.bank_code[len(prefix) :]) + 1 if last else 1
    return f"{prefix}{number:05d}"


@transaction.atomic
def approve_institution(*, institution, by):
    """Give a pending institution its bank code and a place in the 资历名册; raise `NotPendingError`."""
    today = timezone.localdate()
    # One approval at a time: the next code is read before it is written.
    list(Institution.objects.select_for_update().filter(status=Institution.Status.PENDING).values_list("pk"))
    decided = institution.decide(
        Institution.Status.APPROVED,
        bank_code=_next_bank_code(),
        valid_from=today,
        valid_to=today + relativedelta(years=settings.INSTITUTION_VALID_YEARS),
    )
    if not decided:
        raise NotPendingError
    _tell(institution, _("机构注册已通过"), _("机构代码:%s。现在可以管理本机构的学习者。") % institution.bank_code)
    return institution


@transaction.atomic
def refuse_institution(*, institution, by):
    """Refuse a pending institution; raise `NotPendingError`."""
    if not institution.decide(Institution.Status.REFUSED):
        raise NotPendingError
    _tell(institution, _("机构注册未通过"), _("请核对登记信息后联系学分银行管理中心。"))
    return institution


def _tell(institution, subject, body):
    for user in institution.users.filter(is_staff=False):
        send_inbox_message(recipient=user, subject=subject, body=body)
