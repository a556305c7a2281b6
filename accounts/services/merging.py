"""One person, two records: an unverified one made at registration is merged into the verified one.

The merged record stays, empty, as a tombstone: audit rows point to it and are never edited.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta
from operator import attrgetter

from django.db import IntegrityError, ProgrammingError, models, transaction
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


@dataclass(frozen=True)
class UsedDuplicate:
    """A row of the unverified person that the verified one has too (`twin`: the same certificate, say), and its users.

    `obstacle` says why these can't stand on the twin instead; empty when they can.
    """

    row: models.Model
    twin: models.Model
    uses: list
    obstacle: str


@transaction.atomic
def merge_learner(*, unverified, verified, by, note="", decided=False):
    """Move everything of an unverified person to the verified one with the same number; return the latter.

    The account moves too. A row that the verified person already has stays with the tombstone. `decided` says that
    staff have looked at both: only then the account closes where the verified person has one, and what uses a row
    that stays behind uses the verified person's. Else, and when a row can't be moved at all, `MergeRefusedError`
    says so and nothing has changed.
    """
    unverified, verified = _locked(unverified, verified)
    _move_all(unverified, verified, joins=decided)
    _move_account(unverified, verified, closes_account=decided)
    _keep_contact(unverified, verified)
    Learner.objects.filter(pk=unverified.pk).update(merged_into=verified)
    LearnerMerge.objects.create(
        unverified=unverified, verified=verified, outcome=LearnerMerge.Outcome.MERGED, by=by, note=note
    )
    return verified


def used_duplicates(*, unverified, verified):
    """What stands twice and is used, or clashes: [UsedDuplicate…] for the page on which staff decide."""
    doubles = [pair for relation in _moving_relations() for pair in _doubles(relation, unverified, verified)]
    used = [UsedDuplicate(row, twin, _uses(row), _obstacle(row, twin)) for row, twin in doubles if _uses(row)]
    clashes = [(row, twin, _clash(row, twin)) for row, twin in doubles]
    return used + [UsedDuplicate(row, twin, [row], clash) for row, twin, clash in clashes if clash]


def _clash(row, twin):
    """Why two rows can't both stand for one person, where their model says so by a method `clash_with`."""
    return row.clash_with(twin) if hasattr(row, "clash_with") else ""


def _obstacle(row, twin):
    try:
        with transaction.atomic():
            _join(row, twin)
            transaction.set_rollback(True)
    except MergeRefusedError as error:
        return error.message
    return ""


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


def _move_all(unverified, verified, joins=False):
    relations = _moving_relations()
    for relation in relations:
        _join_used(relation, unverified, verified, joins)
    for relation in relations:
        _refuse_clashes(relation, unverified, verified)
    for relation in relations:
        _move_rows(relation, unverified, verified)


def _moving_relations():
    relations = _relations(Learner)
    return [one for one in relations if not one.many_to_many and not issubclass(one.related_model, STAYS)]


def _join_used(relation, unverified, verified, joins):
    used = [(row, twin) for row, twin in _doubles(relation, unverified, verified) if _uses(row)]
    if used and not joins:
        names = "、".join(str(row) for row, _twin in used)
        raise MergeRefusedError(_("两份记录中有相同的内容,且已用于申请:%s。请先处理后再合并。") % names)
    for row, twin in used:
        _join(row, twin)


def _refuse_clashes(relation, unverified, verified):
    for row, twin in _doubles(relation, unverified, verified):
        if clash := _clash(row, twin):
            raise MergeRefusedError(clash)


def _move_rows(relation, unverified, verified):
    model, name = relation.related_model, relation.field.name
    doubles = _doubles(relation, unverified, verified)
    rows = model._base_manager.filter(**{name: unverified}).exclude(pk__in=[row.pk for row, _twin in doubles])
    if not rows.exists():
        return  # the web role may not update the ledger (docs/deployment.md), not even none of its rows
    try:
        with transaction.atomic():
            rows.update(**{name: verified})
    except (IntegrityError, ProgrammingError) as error:  # a trigger refuses, or the web role's rights do
        raise MergeRefusedError(_("“%s”不能移到另一份记录,不能合并。") % model._meta.verbose_name) from error


def _doubles(relation, unverified, verified):
    """The rows that would break a unique constraint beside a row of the verified person: [(row, that row)…]."""
    model, field, doubles = relation.related_model, relation.field, {}
    for constraint in model._meta.constraints:
        if isinstance(constraint, UniqueConstraint) and field.name in constraint.fields:
            counted = model._base_manager.filter(constraint.condition or Q())
            others = [model._meta.get_field(name).attname for name in constraint.fields if name != field.name]
            key = attrgetter(field.attname, *others)
            taken = {key(row)[1:]: row for row in counted.filter(**{field.name: verified})}
            rows = counted.filter(**{field.name: unverified})
            doubles |= {row.pk: (row, taken[key(row)[1:]]) for row in rows if key(row)[1:] in taken}
    return list(doubles.values())


def _join(row, twin):
    """Let what stands on a row stand on its twin, which gets its files and, where it has none, its other relations."""
    relations = [one for one in _relations(type(row)) if not one.many_to_many and not _is_hidden_table(one)]
    try:
        with transaction.atomic():
            _fill_relations(row, twin)
            for relation in relations:
                users = relation.related_model._base_manager.filter(**{relation.field.name: row})
                if relation.related_model is type(row) and users.exists():
                    raise MergeRefusedError(_("“%s”有更正前后的版本,不能自动合并。") % row)
                users.update(**{relation.field.name: twin})
    except IntegrityError as error:
        message = _("“%s”在两份记录中都有同一规则的申请。请先让其中一件撤回、不予通过或撤销,再合并。")
        raise MergeRefusedError(message % row) from error


def _relations(model):
    """Every foreign key that points to a model, those without a name on this side too."""
    return [field for field in model._meta.get_fields(include_hidden=True) if field.auto_created and field.is_relation]


def _fill_relations(row, twin):
    """An achievement that was recognised under one record, say, is so under the other."""
    for field in row._meta.many_to_many:
        getattr(twin, field.name).add(*getattr(row, field.name).all())
    foreign = [
        field for field in row._meta.concrete_fields if field.many_to_one and field.related_model is not type(row)
    ]
    empty = {field.attname: getattr(row, field.attname) for field in foreign if getattr(twin, field.attname) is None}
    if empty:
        type(row)._base_manager.filter(pk=twin.pk).update(**empty)


def _is_hidden_table(relation):
    return bool(relation.related_model._meta.auto_created)


def _uses(row):
    """The records that stand on a row, so that leaving it behind would tear them off."""
    return [
        user
        for relation in _relations(type(row))
        if not _is_hidden_table(relation)
        for user in relation.related_model._base_manager.filter(**{relation.field.name: row})
    ]


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
