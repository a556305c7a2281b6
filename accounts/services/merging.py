"""One person, two records: an unverified one made at registration is merged into the verified one.

The merged record stays, empty, as a tombstone: audit rows point to it and are never edited.
"""

import logging
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import Q, UniqueConstraint
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from accounts.documents import same_name
from accounts.models import Learner, LearnerMerge, PersonalDataAccess, User
from messaging.services import SmsBudgetError, queue_sms

logger = logging.getLogger(__name__)

STRAGGLING = timedelta(days=1)
# What was seen of, and decided about, the old record stays with it.
STAYS = (Learner, LearnerMerge, PersonalDataAccess, User)


class MergeRefusedError(Exception):
    """These two records can't become one; `message` says why."""

    def __init__(self, message):
        super().__init__(message)
        self.message = message


def may_merge_unasked(*, unverified, verified):
    """Whether no person has to decide: the names are one, and nobody else is bound to the number."""
    return same_name(unverified.name, verified.name) and not User.objects.filter(learner=verified).exists()


@transaction.atomic
def merge_learner(*, unverified, verified, by, note="", closes_account=False):
    """Move everything of an unverified person to the verified one with the same number; return the latter.

    The account moves too; where the verified person has one, only `closes_account` allows to merge and closes the
    other. A row that the verified person already has (the same certificate, say) stays with the tombstone unless
    something uses it; then, and when a row can't be moved at all, `MergeRefusedError` says so, nothing has changed.
    """
    unverified, verified = _locked(unverified, verified)
    _move_all(unverified, verified)
    _move_account(unverified, verified, closes_account)
    _keep_contact(unverified, verified)
    Learner.objects.filter(pk=unverified.pk).update(merged_into=verified)
    LearnerMerge.objects.create(
        unverified=unverified, verified=verified, outcome=LearnerMerge.Outcome.MERGED, by=by, note=note
    )
    return verified


def keep_apart(*, unverified, verified, by, note):
    """Write down that two records with one number are two people, so that nobody is asked again."""
    return LearnerMerge.objects.create(
        unverified=unverified, verified=verified, outcome=LearnerMerge.Outcome.KEPT_APART, by=by, note=note
    )


def _locked(unverified, verified):
    """Both rows as they are now, locked against another merge; not against what points to them.

    An activation under way checks its foreign key at its commit: waiting for us there, as we wait for its
    account, would be a deadlock.
    """
    pks = [unverified.pk, verified.pk]
    locked = Learner.objects.select_for_update(no_key=True).filter(pk__in=pks).order_by("pk")
    rows = {row.pk: row for row in locked}
    unverified, verified = rows[unverified.pk], rows[verified.pk]
    if unverified.verified_at or unverified.merged_into_id or not verified.verified_at:
        raise MergeRefusedError(_("两份记录的状态已变化,不能合并。"))
    if unverified.document_digest != verified.document_digest:
        raise MergeRefusedError(_("两份记录的证件号码不同,不能合并。"))
    return unverified, verified


def move_stragglers():
    """Move what a request still under way during a merge wrote to the old record; safe to run again.

    The merge can't wait for such a request: its foreign key is checked, and locks, at its commit only.
    """
    recent = LearnerMerge.objects.filter(outcome=LearnerMerge.Outcome.MERGED, at__gt=Now() - STRAGGLING)
    for merge in recent.select_related("unverified", "verified"):
        try:
            with transaction.atomic():
                _move_all(merge.unverified, merge.verified)
        except MergeRefusedError:
            logger.warning("a row of merged learner %s can't be moved", merge.unverified_id)


def _move_all(unverified, verified):
    for relation in _relations(Learner):
        if not relation.many_to_many and not issubclass(relation.related_model, STAYS):
            _move_rows(relation, unverified, verified)


def _move_rows(relation, unverified, verified):
    model, field = relation.related_model, relation.field
    rows = model._base_manager.filter(**{field.name: unverified})
    doubles = _doubles(model, field, rows, verified)
    if used := [row for row in doubles if _is_used(row)]:
        names = "、".join(str(row) for row in used)
        raise MergeRefusedError(_("两份记录中有相同的内容,且已用于申请:%s。请先处理后再合并。") % names)
    try:
        with transaction.atomic():
            rows.exclude(pk__in=[row.pk for row in doubles]).update(**{field.name: verified})
    except IntegrityError as error:
        raise MergeRefusedError(_("“%s”不能移到另一份记录,不能合并。") % model._meta.verbose_name) from error


def _doubles(model, field, rows, verified):
    """The rows that would break a unique constraint beside a row of the verified person."""
    doubles = {}
    for constraint in model._meta.constraints:
        if isinstance(constraint, UniqueConstraint) and field.name in constraint.fields:
            counted = model._base_manager.filter(constraint.condition or Q())
            others = [model._meta.get_field(name).attname for name in constraint.fields if name != field.name]
            taken = set(counted.filter(**{field.name: verified}).values_list(*others))
            same = [row for row in rows & counted if tuple(getattr(row, name) for name in others) in taken]
            doubles |= {row.pk: row for row in same}
    return list(doubles.values())


def _relations(model):
    """Every foreign key that points to a model, those without a name on this side too."""
    return [field for field in model._meta.get_fields(include_hidden=True) if field.auto_created and field.is_relation]


def _is_used(row):
    """Whether other records stand on a row, so that leaving it behind would tear them off."""
    return any(
        relation.related_model._base_manager.filter(**{relation.field.name: row}).exists()
        for relation in _relations(type(row))
        if not relation.related_model._meta.auto_created
    )


def _move_account(unverified, verified, closes_account):
    moving = User.objects.select_for_update().filter(learner=unverified)
    if not User.objects.filter(learner=verified).exists():
        _bind(moving, verified)
    elif closes_account:
        # Not deleted: its cases keep their author. Phone and e-mail become free for the other account.
        moving.update(is_active=False, phone="", email="")
    else:
        raise MergeRefusedError(_("这位学习者已有账号,须由管理中心决定。"))


def _bind(accounts, verified):
    try:
        with transaction.atomic():
            accounts.update(learner=verified, name=verified.name)
    except IntegrityError as error:
        raise MergeRefusedError(_("刚刚有别的账号绑定了这位学习者,不能合并。")) from error


def _keep_contact(unverified, verified):
    """The address of the account's holder fills an empty one; nothing is overwritten."""
    Learner.objects.filter(pk=verified.pk, region=None, address="").update(
        region=unverified.region_id, address=unverified.address
    )


def tell_phones_on_record(verified):
    """Tell the phones on record, so that a stranger's binding doesn't stay unseen."""
    for phone in set(verified.enrolments.exclude(phone="").values_list("phone", flat=True)):
        try:
            queue_sms(phone=phone, purpose="merged")
        except SmsBudgetError:
            return
