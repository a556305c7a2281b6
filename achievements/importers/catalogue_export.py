"""Write the catalogue as CSV or XLSX; what comes out can be imported again."""

import csv
import io

import xlsxwriter
from django.utils.translation import gettext as _

from accounts.importers.spreadsheets import MAX_TEXT_BYTES
from achievements.importers.catalogue_columns import COLUMNS, cells_of
from achievements.models import AchievementType

BATCH = 1000
WIDTHS = {"name": 40, "description": 40, "institution_name": 24, "project_name": 20}


class ExportError(Exception):
    """What can't be written in this format; the message says what to do."""


def export_catalogue(*, entries, file, kind):
    """Write entries to a binary file as `csv` or `xlsx`; return how many. Raises `ExportError`."""
    return _WRITERS[kind](_rows(entries), file)


def _rows(entries):
    labels = _type_labels()
    rows = entries.shared().select_related("institution", "family").prefetch_related("aliases").order_by("pk")
    return (cells_of(entry, labels[entry.type_id]) for entry in rows.iterator(chunk_size=BATCH))


def _type_labels():
    """{id: name}, or the code where several types share a name."""
    types = list(AchievementType.objects.filter(parent__isnull=False))
    names = [type_.name for type_ in types]
    return {type_.pk: type_.name if names.count(type_.name) == 1 else type_.code for type_ in types}


def _titles():
    return [column.title + "*" * column.required for column in COLUMNS]


def _write_csv(rows, file):
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(_titles())
    count = 0
    for count, row in enumerate(rows, 1):  # noqa: B007 - the last count is what we return
        writer.writerow(row)
    text.detach()
    return count


def _write_xlsx(rows, file):
    count = 0
    with xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet(_("名录成果"))
        for number, column in enumerate(COLUMNS):
            sheet.set_column(number, number, WIDTHS.get(column.field, 12))
        sheet.freeze_panes(1, 2)
        sheet.write_row(0, 0, _titles(), book.add_format({"bold": True}))
        for count, row in enumerate(rows, 1):
            _write_line(sheet, count, row)
    return count


def _write_line(sheet, line, row):
    for number, cell in enumerate(row):
        if len(cell.encode()) >= MAX_TEXT_BYTES:
            raise ExportError(_("“%s”有过长的文字,XLSX 放不下,请导出为 CSV。") % row[1])
        if cell:
            sheet.write_string(line, number, cell)


_WRITERS = {"csv": _write_csv, "xlsx": _write_xlsx}
