"""The life of a catalogue entry: drafted, submitted, returned or approved, changed, stopped.

The database writes what happened (`EntryRecord`); these verbs tell it who acts and why.
"""

from contextlib import contextmanager

from django.db import connection, transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from achievements.models import CatalogueAlias, CatalogueEntry
from messaging.services import send_inbox_message

Status = CatalogueEntry.Status
DRAFT_FIELDS = (  # what an institution says of its entry
    "project_name",
    "name",
    "type",
    "level",
    "framework_level",
    "hours",
    "hours_unit",
    "credits",
    "credit_basis",
    "valid_from",
    "valid_to",
    "description",
)
MEANING = {*DRAFT_FIELDS, "institution", "family", "family_rank"} - {"description"}


class EntryError(Exception):
    """This can't be done with the entry; `message` says why."""

    def __init__(self, message):
        super().__init__(message)
        self.message = message


@contextmanager
def history(*, by, reason=""):
    """Let what happens to entries inside be recorded as `by`'s, for `reason`. One transaction."""
    with transaction.atomic():
        _tell_database(by.pk if by else "", reason)
        yield
        _tell_database("", "")


def _tell_database(by, reason):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT set_config('catalogue.by', %s, true), set_config('catalogue.reason', %s, true)",
            [str(by), reason[:500]],
        )


@transaction.atomic
def save_draft(*, entry, aliases, by):
    """Save a draft of `by`'s institution, new or returned, with its other names.

    Raises `EntryError` when it isn't a draft any more.
    """
    if entry.pk is None:
        entry.keeper, entry.drafted_by, entry.institution = CatalogueEntry.Keeper.INSTITUTION, by, by.institution
        entry.save()
    elif _drafts(entry, by).select_for_update().exists():
        entry.save(update_fields=DRAFT_FIELDS)
    else:
        raise EntryError(_("这项成果已提交或已批准,不能再修改。"))
    set_aliases(entry=entry, names=aliases)
    return entry


def set_aliases(*, entry, names):
    """Make `names` the aliases; former names stay, since history made them. Return whether anything changed."""
    kept = set(entry.aliases.filter(kind=CatalogueAlias.Kind.FORMER).values_list("name", flat=True))
    wanted = set(names) - kept - {entry.name, ""}
    held = set(entry.aliases.filter(kind=CatalogueAlias.Kind.ALIAS).values_list("name", flat=True))
    entry.aliases.filter(kind=CatalogueAlias.Kind.ALIAS, name__in=held - wanted).delete()
    CatalogueAlias.objects.bulk_create(CatalogueAlias(entry=entry, name=name) for name in sorted(wanted - held))
    return wanted != held


def _own(entry, by):
    rows = CatalogueEntry.objects.filter(pk=entry.pk, keeper=CatalogueEntry.Keeper.INSTITUTION)
    return rows.filter(institution=by.institution_id)


def _drafts(entry, by):
    return _own(entry, by).filter(status__in=[Status.DRAFT, Status.RETURNED])


def submit_entry(*, entry, by):
    """Hand an institution's draft to the centre."""
    with history(by=by):
        if not _drafts(entry, by).update(status=Status.SUBMITTED, submitted_at=timezone.now()):
            raise EntryError(_("这项成果已经提交过了。"))
    entry.refresh_from_db()


def take_back_entry(*, entry, by):
    """Make a submitted entry a draft again, as long as the centre hasn't decided."""
    with history(by=by):
        if not _own(entry, by).filter(status=Status.SUBMITTED).update(status=Status.DRAFT):
            raise EntryError(_("管理中心已经处理,不能撤回。"))
    entry.refresh_from_db()


def delete_draft(*, entry, by):
    """Delete a draft that nobody but its institution has seen, or that was returned."""
    with transaction.atomic():
        if not _drafts(entry, by).select_for_update().exists():
            raise EntryError(_("只有草稿可以删除。"))
        entry.delete()


def check_may_approve(*, entry, by):
    """Raise `EntryError` unless `by` is of the centre, has the right, and didn't draft an institution's entry."""
    if not (by.is_active and by.belongs_to_centre and by.has_perm("achievements.approve_catalogueentry")):
        raise EntryError(_("只有管理中心有权批准名录成果。"))
    if entry.keeper == CatalogueEntry.Keeper.INSTITUTION and entry.drafted_by_id == by.pk:
        raise EntryError(_("机构起草的成果不能由起草人批准。"))


def _open_states(entry):
    """An institution's entry is decided once submitted; the centre's own is approved from its draft."""
    return [Status.SUBMITTED] if entry.keeper == CatalogueEntry.Keeper.INSTITUTION else [Status.DRAFT]


def approve_entry(*, entry, by):
    """Publish an entry. Raises `EntryError`, also when somebody else was first."""
    check_may_approve(entry=entry, by=by)
    waiting = CatalogueEntry.objects.filter(pk=entry.pk, status__in=_open_states(entry))
    with history(by=by):
        if not waiting.update(status=Status.APPROVED, approved_by=by, approved_at=timezone.now(), return_reason=""):
            raise EntryError(_("这项成果不在等待批准,可能已由他人处理。"))
        entry.refresh_from_db()
        _tell_institution(entry, _("名录成果已批准"), _("“%s”已进入成果名录,学习者可以选择。") % entry.name)


def return_entry(*, entry, by, reason):
    """Send an institution's entry back with a reason."""
    check_may_approve(entry=entry, by=by)
    if not reason.strip():
        raise EntryError(_("退回时请填写原因。"))
    waiting = CatalogueEntry.objects.filter(pk=entry.pk, status=Status.SUBMITTED)
    with history(by=by, reason=reason):
        if not waiting.update(status=Status.RETURNED, return_reason=reason.strip()):
            raise EntryError(_("这项成果不在等待批准,可能已由他人处理。"))
        entry.refresh_from_db()
        _tell_institution(
            entry,
            _("名录成果被退回"),
            _("“%(name)s”被退回:%(reason)s")
            % {
                "name": entry.name,
                "reason": reason.strip(),
            },
        )


def approve_new(*, entry, by):
    """Save an entry of the centre that is approved at once: a recognition's outcome, an operator's import."""
    entry.project_name, entry.name = " ".join(entry.project_name.split()), " ".join(entry.name.split())
    entry.status, entry.drafted_by, entry.approved_by, entry.approved_at = Status.APPROVED, by, by, timezone.now()
    entry.save()
    return entry


def recognise_alone(*, entry, achievement, by):
    """Save an individual entry: `achievement` is recognised with its level and credits, and for nobody else."""
    entry.project_name, entry.name = f"{Status.INDIVIDUAL.label} {achievement.pk}", achievement.name
    entry.status, entry.drafted_by, entry.approved_by = Status.INDIVIDUAL, by, by
    entry.approved_at = timezone.now()
    entry.save()
    return entry


def change_entry(*, entry, by, reason="", fields=None):
    """Save a changed entry; what an approved one means otherwise than before is recorded with `reason`."""
    with history(by=by, reason=reason):
        entry.save(update_fields=fields)
    return entry


def stop_entry(*, entry, by, reason):
    """停用: shown from now on, but not to be chosen."""
    if not reason.strip():
        raise EntryError(_("停用时请填写原因。"))
    with history(by=by, reason=reason):
        if not _stoppable(entry, by).filter(is_active=True).update(is_active=False, stop_reason=reason.strip()):
            raise EntryError(_("这项成果已经停用。"))
        entry.refresh_from_db()
        if by.belongs_to_centre:
            told = _("“%(name)s”已由管理中心停用:%(reason)s") % {"name": entry.name, "reason": reason.strip()}
            _tell_institution(entry, _("名录成果已停用"), told)


def resume_entry(*, entry, by):
    """End 停用. An institution resumes what it stopped itself; raises `EntryError`."""
    if not by.belongs_to_centre and entry.is_stopped_by_centre:
        raise EntryError(_("这项成果由管理中心停用,请联系管理中心恢复。"))
    with history(by=by):
        if not _stoppable(entry, by).filter(is_active=False).update(is_active=True, stop_reason=""):
            raise EntryError(_("这项成果没有停用。"))
    entry.refresh_from_db()


def _stoppable(entry, by):
    """The centre stops any approved entry, an institution those it keeps itself."""
    rows = CatalogueEntry.objects.filter(pk=entry.pk) if by.belongs_to_centre else _own(entry, by)
    return rows.public()


def _tell_institution(entry, subject, body):
    if entry.keeper != CatalogueEntry.Keeper.INSTITUTION:
        return
    link = reverse("achievements:own_entry", args=[entry.pk])
    for user in entry.institution.users.filter(is_staff=False, is_active=True):
        send_inbox_message(recipient=user, subject=subject, body=body, link=link)
