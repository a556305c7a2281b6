"""Import a roster file: everything is checked first, all good rows are written in one transaction."""

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.importers.columns import ImportFileError
from accounts.importers.reports import Counts, write_report
from accounts.importers.roster.checks import RosterChecker
from accounts.importers.roster.columns import roster_columns
from accounts.importers.roster.writing import RosterWriter
from accounts.importers.tables import open_table
from accounts.models import Institution, Region

READING = 0.6  # of the time, roughly: the rest is the database's


def import_roster(*, path, institution, dry_run=False, report=None, on_progress=None, row_limit=None):
    """Bring the learners and enrolments of an institution in line with a roster file (product.md: Roster import).

    All good rows are written together or, with `dry_run` or an error, none. Refused rows go to the CSV file
    `report`. `on_progress` is called with the share done, 0 to 1. Raises `ImportFileError` when the file as a whole
    can't be imported or the institution has no place in the 资历名册.
    """
    row_limit = row_limit or settings.IMPORT_ROWS_COMMAND
    on_progress = on_progress or (lambda share: None)
    refuse_unlisted(institution)
    columns = roster_columns(today=timezone.localdate(), regions=set(Region.objects.values_list("code", flat=True)))
    table = open_table(path, columns, row_limit=row_limit)
    with transaction.atomic():
        counts, refusals = _import_table(table, columns, institution, row_limit, on_progress)
        if dry_run:
            _check_constraints()
            transaction.set_rollback(True)
    if report is not None:
        write_report(report, refusals)
    on_progress(1)
    return counts


def refuse_unlisted(institution):
    if not Institution.objects.listed().filter(pk=institution.pk).exists():
        raise ImportFileError(
            _("机构“%(name)s”不在资历名册中(未获批准或已过有效期),不能导入名册。"), name=institution.name
        )


def _import_table(table, columns, institution, row_limit, on_progress):
    checker = RosterChecker(table, columns, today=timezone.localdate())
    with RosterWriter(institution=institution, columns=columns, fields=table.fields) as writer:
        reading = checker.good_rows(row_limit=row_limit, on_progress=lambda share: on_progress(share * READING))
        for rows in reading:
            writer.stage(rows)
        written = writer.write(on_step=lambda share: on_progress(READING + share * (1 - READING)))
    refusals = sorted(checker.refusals + writer.refusals, key=columns.place)
    refused = len({refusal.line for refusal in refusals})
    return Counts(**written, refused=refused, rows=checker.rows), refusals


def _check_constraints():
    """Fail where the commit would."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
