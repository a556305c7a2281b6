"""Import what learners of an institution have achieved (成果来源 机构导入)."""

import datetime as dt
from functools import partial

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from accounts.importers.cells import chosen, day, decimal, plain_text, short_code
from accounts.importers.columns import SPREADSHEET_DIGITS, Column, Columns, heading_of
from accounts.importers.people import PersonChecker, person_columns
from accounts.importers.reports import Counts, write_report
from accounts.importers.roster import refuse_unlisted
from accounts.importers.tables import open_table
from achievements.importers.achievement_writing import EXTRA, AchievementWriter
from achievements.models import Achievement, AchievementType, TypeField
from achievements.rules import check_obtained_on

PART = 5000  # rows whose achievements are in memory at a time


def import_achievements(*, path, institution, dry_run=False, report=None, on_progress=None, row_limit=None):
    """Bring the achievements that an institution vouches for in line with a file; return `Counts`.

    Good rows are written together or, with `dry_run` or an error, none. Refused rows go to the CSV file `report`.
    Raises `ImportFileError` when the file as a whole can't be imported or the institution isn't in the 资历名册.
    """
    row_limit = row_limit or settings.IMPORT_ROWS_COMMAND
    refuse_unlisted(institution)
    columns = achievement_columns(today=timezone.localdate())
    table = open_table(path, columns, row_limit=row_limit)
    checker = PersonChecker(table, columns, today=timezone.localdate())
    with transaction.atomic():
        writer = AchievementWriter(institution=institution, fields=table.fields, checker=checker)
        for rows in checker.good_rows(row_limit=row_limit):
            _write_in_parts(rows, writer, checker, on_progress or (lambda share: None))
        if dry_run:
            transaction.set_rollback(True)
    if report is not None:
        write_report(report, sorted(checker.refusals, key=columns.place))
    return Counts(**writer.counts, refused=checker.refused, rows=checker.rows)


def _write_in_parts(rows, writer, checker, on_progress):
    for start in range(0, rows.height, PART):
        writer.write(rows.slice(start, PART).to_dicts())
        done = min(1, (start + PART) / rows.height)
        on_progress(checker.share_before + (checker.share - checker.share_before) * done)


def achievement_columns(*, today):
    """The person, the achievement, and a column for each label of the types' extra fields."""
    types = {type_.name: type_.code for type_ in AchievementType.objects.filter(is_active=True, parent__isnull=False)}
    columns = [
        *person_columns(),
        Column("type", _("成果分类"), partial(chosen, values=types, names=_("成果分类"))),
        Column("entry", _("名录编号"), entry_number, digits=SPREADSHEET_DIGITS),
        Column("title", _("成果名称"), _text("name")),
        Column("body_name", _("颁发机构"), _text("body_name")),
        Column("body_code", _("颁发机构代码"), _code("body_code"), digits=SPREADSHEET_DIGITS),
        Column("certificate_number", _("证书编号"), _code("certificate_number"), digits=SPREADSHEET_DIGITS),
        Column("obtained_on", _("取得时间"), partial(past_day, today=today), required=True),
        Column("score", _("成绩"), partial(decimal, most=9999, places=2)),
        Column("description", _("成果描述"), _text("description")),
    ]  # fmt: skip
    return Columns([*columns, *_extra_columns({heading_of(column.title) for column in columns})])


def _extra_columns(taken):
    """Fields of several types that have one label share a column; the row's type says which field is meant."""
    labels = TypeField.objects.filter(is_active=True).order_by("label").values_list("label", flat=True).distinct()
    for label in labels:
        heading = label if heading_of(label) not in taken else f"附加项:{label}"
        taken.add(heading_of(heading))
        yield Column(f"{EXTRA}{label}", heading, partial(plain_text, most=200))


def _text(field):
    return partial(plain_text, most=Achievement._meta.get_field(field).max_length)


def _code(field):
    return partial(short_code, most=Achievement._meta.get_field(field).max_length)


def entry_number(text):
    number = short_code(text, most=18)
    if not (number.isascii() and number.isdigit()):
        raise ValidationError(_("名录编号应为数字。"))
    return number


def past_day(text, *, today):
    stored = day(text)
    check_obtained_on(dt.date.fromisoformat(stored), today=today)
    return stored
