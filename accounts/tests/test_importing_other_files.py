"""Any kind of file can be read with columns of its own (docs/roster-import.md)."""

import csv
from functools import partial

import pytest
import xlsxwriter
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from accounts.importers.cells import chosen, day, decimal, plain_text, short_code, yes_or_no
from accounts.importers.checks import TableChecker
from accounts.importers.columns import SPREADSHEET_DIGITS, Column, Columns, ImportFileError
from accounts.importers.reports import Counts, write_report
from accounts.importers.tables import open_table
from accounts.management.import_command import ImportCommand

COLUMNS = Columns(
    [
        Column("name", "成果名称", partial(plain_text, most=20), required=True),
        Column("code", "编号", partial(short_code, most=20), digits=SPREADSHEET_DIGITS),
        Column("credits", "学分", partial(decimal, most=99, places=1), blank=None),
        Column("obtained_on", "取得时间", day, blank=None),
    ]
)
ROWS = [
    ["编号", "成果名称", "学分", "取得时间"],
    ["０１", "急救  培训", "2.5", "2024年3月1日"],
    ["02", "", "1000", ""],
    ["", "会计", "", ""],
]
GOOD = [
    {"line": 2, "name": "急救 培训", "code": "01", "credits": "2.5", "obtained_on": "2024-03-01"},
    {"line": 4, "name": "会计", "code": "", "credits": None, "obtained_on": None},
]


def csv_file(path, rows, encoding="utf-8-sig"):
    with path.open("w", encoding=encoding, newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def xlsx_file(path, rows, change=lambda sheet: None):
    with xlsxwriter.Workbook(path) as book:
        sheet = book.add_worksheet()
        for line, row in enumerate(rows):
            for column, cell in enumerate(row):
                sheet.write_string(line, column, cell)
        change(sheet)
    return path


def checked(path, row_limit=100):
    checker = TableChecker(open_table(path, COLUMNS, row_limit=row_limit), COLUMNS)
    rows = [row for frame in checker.good_rows(row_limit=row_limit) for row in frame.iter_rows(named=True)]
    return rows, checker


@pytest.mark.parametrize("kind", ["utf-8-sig", "gb18030", "xlsx"])
def test_importer_of_another_kind_gets_rows_and_refusals(tmp_path, kind):
    write = xlsx_file if kind == "xlsx" else partial(csv_file, encoding=kind)
    rows, checker = checked(write(tmp_path / "file", ROWS))
    assert rows == GOOD
    assert sorted((refusal.line, refusal.column) for refusal in checker.refusals) == [(3, "学分"), (3, "成果名称")]
    assert (checker.rows, checker.refused) == (3, 1)


def test_importer_refuses_rows_for_reasons_of_its_own(tmp_path):
    _rows, checker = checked(csv_file(tmp_path / "a.csv", ROWS))
    checker.refuse(2, "name", "名录中没有这项成果。", "编号440106199001011235")
    checker.refuse(2, None, "整行")
    write_report(tmp_path / "report.csv", sorted(checker.refusals, key=COLUMNS.place))
    lines = (tmp_path / "report.csv").read_text("utf-8-sig").splitlines()
    assert [line.split(",")[:2] for line in lines[1:]] == [
        ["2", "成果名称"],
        ["2", ""],
        ["3", "成果名称"],
        ["3", "学分"],
    ]
    assert "19900101" not in lines[1]
    assert checker.refused == 2


def test_numbers_that_are_texts_keep_their_digits(tmp_path):
    def change(sheet):
        sheet.write_number(1, 0, 12345)
        sheet.write_number(3, 0, 202100010001000100)
        sheet.write_number(3, 2, 3)
        sheet.write_formula(2, 3, "=TODAY()", None, "2024-01-01")

    rows, checker = checked(xlsx_file(tmp_path / "a", ROWS, change))
    assert [row["code"] for row in rows] == ["12345"]
    assert {(refusal.line, refusal.column) for refusal in checker.refusals} >= {(4, "编号"), (3, "取得时间")}


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([["编号"], ["1"]], "缺少必需的列:成果名称"),
        ([["成果名称", "证书编号"], ["a", "1"]], "可用的标题:成果名称、编号、学分、取得时间"),
        ([["成果名称"], *[["a"]] * 101], "超过100行"),
        ([["成果名称"], [" "]], "没有数据行"),
    ],
    ids=["missing", "unknown", "too_many", "none"],
)
def test_file_is_refused_with_the_headings_it_may_have(tmp_path, rows, words):
    with pytest.raises(ImportFileError) as error:
        checked(csv_file(tmp_path / "a.csv", rows))
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("rule", "text", "stored"),
    [
        (day, "2024/2/29 00:00:00", "2024-02-29"),
        (day, "2023-02-29", None),
        (partial(decimal, most=1000, places=1), "１,000.0", "1000.0"),
        (partial(decimal, most=1000, places=1), "1,5", None),
        (partial(decimal, most=10, places=1), "10.05", None),
        (partial(decimal, most=10, places=1), "-1", None),
        (partial(decimal, most=10, places=1), "NaN", None),
        (partial(decimal, most=10, places=1), "1e999999", None),
        (partial(chosen, values={"初级": "junior"}, names="等级"), "初级", "junior"),
        (partial(chosen, values={"初级": "junior"}, names="等级"), "junior", "junior"),
        (partial(chosen, values={"初级": "junior"}, names="等级"), "低级", None),
        (yes_or_no, "是", "true"),
        (yes_or_no, "Ｎ", "false"),
        (yes_or_no, "也许", None),
        (partial(plain_text, most=3), "a\x00", None),
        (partial(plain_text, most=3), "abcd", None),
    ],
)
def test_rules_for_cells(rule, text, stored):
    if stored is None:
        with pytest.raises(ValidationError):
            rule(text)
    else:
        assert rule(text) == stored


class TestCommand:
    def command(self, outcome):
        class Command(ImportCommand):
            def import_file(self, *, path, dry_run, report, on_progress, **options):
                if isinstance(outcome, Exception):
                    raise outcome
                return outcome

        return Command()

    def test_counts_are_told(self, capsys):
        call_command(self.command(Counts(1, 0, 2, 0, 3)), "a.csv", dry_run=True)
        assert capsys.readouterr().out == "(试运行,未写入)新建 1,更新 0,不变 2,拒绝 0,共 3 行\n"

    @pytest.mark.parametrize("error", [ImportFileError("坏"), OSError(2, "No such file")])
    def test_refused_file_ends_with_a_sentence(self, error):
        options = {"file": "a.csv", "dry_run": False, "report": None, "json": False}
        with pytest.raises(CommandError):
            self.command(error).handle(**options)
