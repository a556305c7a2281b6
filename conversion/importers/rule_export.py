"""Write rules as CSV or XLSX; what comes out can be imported again and changes nothing."""

import csv
import io

import xlsxwriter
from django.db.models import Max
from django.utils.translation import gettext as _

from conversion.importers.rule_columns import COLUMNS, rows_of, titles
from conversion.models import RuleVersion

BATCH = 500
WIDTHS = {"title": 40, "entry": 36, "course_name": 24, "programme": 20, "project": 16}


def last_versions(rules):
    """The last version of each rule: what an import compares with."""
    rules = rules.annotate(last=Max("versions__number"))
    last = {rule: number for rule, number in rules.values_list("pk", "last") if number}
    versions = RuleVersion.objects.filter(rule__in=last).order_by("rule__code", "number")
    wanted = [pk for pk, rule, number in versions.values_list("pk", "rule", "number") if last[rule] == number]
    return RuleVersion.objects.filter(pk__in=wanted).order_by("rule__code")


def export_rules(*, versions, file, kind):
    """Write versions to a binary file as `csv` or `xlsx`, one row per source or test; return how many rules."""
    rows = versions.with_target().with_sources().select_related("policy_category", "achievement_type")
    rows = rows.prefetch_related("criteria__tests__field")
    return _WRITERS[kind]((list(rows_of(version)) for version in rows.iterator(chunk_size=BATCH)), file)


def _write_csv(rules, file):
    text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="", write_through=True)
    writer = csv.writer(text)
    writer.writerow(titles())
    count = 0
    for count, rows in enumerate(rules, 1):  # noqa: B007 - the last count is what we return
        writer.writerows(rows)
    text.detach()
    return count


def _write_xlsx(rules, file):
    count, line = 0, 0
    with xlsxwriter.Workbook(file, {"constant_memory": True, "strings_to_formulas": False}) as book:
        sheet = book.add_worksheet(_("转换规则"))
        for number, column in enumerate(COLUMNS):
            sheet.set_column(number, number, WIDTHS.get(column.field, 12))
        sheet.freeze_panes(1, 2)
        sheet.write_row(0, 0, titles(), book.add_format({"bold": True}))
        for count, rows in enumerate(rules, 1):  # noqa: B007 - the last count is what we return
            for row in rows:
                line += 1
                _write_line(sheet, line, row)
    return count


def _write_line(sheet, line, row):
    for number, cell in enumerate(row):
        if cell:
            sheet.write_string(line, number, cell)


_WRITERS = {"csv": _write_csv, "xlsx": _write_xlsx}
