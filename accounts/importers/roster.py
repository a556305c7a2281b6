"""Import a roster file: everything is checked first, all good rows are written in one transaction."""

from dataclasses import asdict, dataclass

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.importers.checks import RowChecker
from accounts.importers.columns import HEADERS, RosterFileError
from accounts.importers.reports import write_report
from accounts.importers.tables import open_table
from accounts.importers.writing import RosterWriter
from accounts.models import Institution, Region

__all__ = ["Counts", "RosterFileError", "import_roster"]

READING = 0.6  # of the time, roughly: the rest is the database's
COLUMN_ORDER = {str(text): place for place, text in enumerate(HEADERS.values())}


@dataclass(frozen=True)
class Counts:
    """How the rows of a file fared; the first four add up to `rows`. Blank lines are not rows."""

    created: int
    updated: int
    unchanged: int
    refused: int
    rows: int

    def as_dict(self):
        return asdict(self)


def import_roster(*, path, institution, dry_run=False, report=None, on_progress=None, row_limit=None):
    """Bring the learners and enrolments of an institution in line with a roster file (product.md: Roster import).

    All good rows are written together or, with `dry_run` or an error, none. Refused rows go to the CSV file
    `report`. `on_progress` is called with the share done, 0 to 1. Raises `RosterFileError` when the file as a whole
    can't be imported or the institution has no place in the 资历名册.
    """
    row_limit = row_limit or settings.ROSTER_ROWS_COMMAND
    on_progress = on_progress or (lambda share: None)
    _refuse_unlisted(institution)
    table = open_table(path, row_limit=row_limit)
    with transaction.atomic():
        counts, refusals = _import_table(table, institution, row_limit, on_progress)
        if dry_run:
            _check_constraints()
            transaction.set_rollback(True)
    if report is not None:
        write_report(report, refusals)
    on_progress(1)
    return counts


def _refuse_unlisted(institution):
    if not Institution.objects.listed().filter(pk=institution.pk).exists():
        raise RosterFileError(
            _("机构“%(name)s”不在资历名册中(未获批准或已过有效期),不能导入名册。"), name=institution.name
        )


def _import_table(table, institution, row_limit, on_progress):
    regions = set(Region.objects.values_list("code", flat=True))
    checker = RowChecker(table.fields, regions=regions, today=timezone.localdate())
    with RosterWriter(institution=institution, fields=table.fields) as writer:
        for share in _check_and_stage(table, checker, writer):
            if checker.rows > row_limit:
                raise RosterFileError(_("文件超过%(limit)s行,请拆分后再导入。"), limit=row_limit)
            on_progress(share * READING)
        if not checker.rows:
            raise RosterFileError(_("文件中没有数据行。"))
        written = writer.write(on_step=lambda share: on_progress(READING + share * (1 - READING)))
    refusals = sorted(checker.refusals + writer.refusals, key=_place)
    refused = len({refusal.line for refusal in refusals})
    return Counts(**written, refused=refused, rows=checker.rows), refusals


def _check_and_stage(table, checker, writer):
    distrusted = table.refusals()
    for chunk, share in table.chunks():
        writer.stage(checker.check(chunk, distrusted))
        yield share


def _place(refusal):
    return refusal.line, COLUMN_ORDER.get(refusal.column, len(COLUMN_ORDER))


def _check_constraints():
    """Fail where the commit would."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
