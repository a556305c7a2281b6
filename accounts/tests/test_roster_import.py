import csv
import io
import json
import zipfile
from datetime import date
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command
from django.db import connection
from stdnum.iso7064 import mod_11_2

from accounts.documents import parse
from accounts.importers import delimited
from accounts.importers.checks import resolve, shown
from accounts.importers.columns import ImportFileError
from accounts.importers.people import fast_resident
from accounts.importers.reports import escaped
from accounts.importers.roster import import_roster, writing
from accounts.importers.roster.columns import roster_columns
from accounts.models import Enrolment, Learner, Region, User
from accounts.tests.factories import EnrolmentFactory, InstitutionFactory, UserFactory
from demo.synthetic import synthetic_people

TODAY = date(2026, 11, 23)
COLUMNS = [column.title for column in roster_columns(today=TODAY, regions=set())]
RARE = ["陈𬭎", "李㛃", "阿依古丽·艾山", "ANNA Maria", "欧阳玥"]


@pytest.fixture
def regions(db):
    Region.objects.create(code="440000", name="广东省", level=1)


@pytest.fixture
def institution(regions):
    return InstitutionFactory()


@pytest.fixture
def load(institution, tmp_path):
    """Return a function that imports rows (dicts), bytes or a file; default is a UTF-8 CSV for `institution`."""

    def run(content, *, name="roster.csv", to=institution, **options):
        path = tmp_path / name
        if isinstance(content, list):
            content = csv_bytes(content)
        path.write_bytes(content)
        return import_roster(path=path, institution=to, **options)

    return run


def roster(count=5, **changes):
    return [
        {
            "姓名": RARE[place % len(RARE)],
            "证件类型": "居民身份证",
            "证件号码": person.number,
            "性别": "男" if person.sex == "1" else "女",
            "出生日期": person.birth_on.isoformat(),
            "民族": "汉族",
            "国籍": "中国",
            "手机号码": person.phone,
            "电子邮箱": f"s{place}@example.com",
            "行政区划代码": "440000",
            "详细地址": f"中山大道西{place}号",
            "学号": f"2021{place:04d}",
            "年级": "2021级",
            "层次": "专科",
            "学习形式": "业余",
            "专业代码": "590302",
            "专业名称": "计算机网络技术",
            "学籍状态": "在籍",
        }
        | changes
        for place, person in enumerate(synthetic_people(count))
    ]


def csv_bytes(rows, encoding="utf-8", separator=","):
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, list(rows[0]), delimiter=separator)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode(encoding)


def xlsx_bytes(rows, change=None):
    data = io.BytesIO()
    with xlsxwriter.Workbook(data) as book:
        sheet = book.add_worksheet("名册")
        for line, row in enumerate([list(rows[0]), *(row.values() for row in rows)]):
            for column, cell in enumerate(row):
                sheet.write_string(line, column, cell)
        if change:
            change(book, sheet)
    return data.getvalue()


def people():
    """Everything stored about everybody, decrypted, without the columns of the database's own."""
    learners = (
        "name document_kind document_number document_digest sex birth_on ethnicity nationality region_id address"
    )
    return sorted(
        [getattr(row.learner, name) for name in learners.split()]
        + [row.student_number, row.phone, row.email, row.cohort, row.education_level, row.study_form]
        + [row.programme_code, row.programme_name, row.status, row.learner.verified_at is not None]
        for row in Enrolment.objects.select_related("learner")
    )


def numbers(counts):
    return counts.created, counts.updated, counts.unchanged, counts.refused, counts.rows


def refusals(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return [(int(row["行号"]), row["列"], row["原因"]) for row in csv.DictReader(file)]


def refused_columns(path):
    return [(line, column) for line, column, _reason in refusals(path)]


class TestFormats:
    @pytest.mark.parametrize(
        "content",
        [
            csv_bytes(roster(), "utf-8-sig"),
            csv_bytes(roster(), "gb18030"),
            csv_bytes(roster(), separator="\t"),
            csv_bytes(roster(), separator=";"),
            csv_bytes(roster()).replace(b"\r\n", b"\n"),
            csv_bytes(roster()).replace(b"\r\n", b"\r"),
            xlsx_bytes(roster()),
            csv_bytes([dict(reversed(row.items())) for row in roster()]),
            csv_bytes([{f"{name} *": cell for name, cell in row.items()} for row in roster()]),
        ],
        ids=["bom", "gb18030", "tab", "semicolon", "unix", "mac", "xlsx", "shuffled", "starred"],
    )
    def test_every_format_gives_the_same_people(self, load, content):
        load(csv_bytes(roster()), name="plain.csv")
        expected = people()
        assert [row[0] for row in expected].count("陈𬭎") == 1
        Enrolment.objects.all().delete()
        Learner.objects.all().delete()
        assert numbers(load(content, name="other")) == (5, 0, 0, 0, 5)
        assert people() == expected

    def test_second_run_changes_nothing(self, load):
        load(roster())
        before = people(), list(Learner.objects.order_by("pk").values())
        assert numbers(load(roster())) == (0, 0, 5, 0, 5)
        assert (people(), list(Learner.objects.order_by("pk").values())) == before

    def test_new_people_among_known_ones_are_written_like_the_others(self, load):
        load(roster(12))
        expected = people()
        Enrolment.objects.all().delete()
        Learner.objects.all().delete()
        load(roster(8))
        assert numbers(load([*roster(12), *roster(1, 学号="9")])) == (5, 0, 8, 0, 13)
        Enrolment.objects.filter(student_number="9").delete()
        assert people() == expected

    def test_blocks_are_cut_between_records(self, load, monkeypatch):
        monkeypatch.setattr(delimited, "BLOCK_BYTES", 700)
        rows = roster(40)
        for row in rows[::3]:
            row["详细地址"] = '一行,"两行"\n三行'
        assert load(rows).created == 40
        assert Learner.objects.filter(address='一行,"两行" 三行').count() == 14

    def test_blank_lines_are_no_rows(self, load):
        data = csv_bytes(roster(3)).replace(b"\r\n", b"\r\n\r\n") + b",,,,,,,,,,,,,,,,,\r\n"
        assert numbers(load(data)) == (3, 0, 0, 0, 3)

    def test_columns_that_the_file_lacks_stay_as_they_are(self, load):
        load(roster())
        before = people()
        kept = {"姓名", "证件类型", "证件号码", "学号"}
        few = [{name: cell for name, cell in row.items() if name in kept} for row in roster()]
        assert load(few).unchanged == 5
        assert people() == before

    def test_number_tells_sex_and_birth(self, load):
        load([{name: row[name] for name in ("姓名", "证件类型", "证件号码")} for row in roster(2)])
        for person in synthetic_people(2):
            learner = Learner.objects.with_document(person.number).get()
            assert (learner.sex, learner.birth_on) == (person.sex, person.birth_on)

    def test_dates_and_phones_may_be_numbers_in_a_spreadsheet(self, load):
        rows = roster(1)

        def as_numbers(book, sheet):
            birth = date.fromisoformat(rows[0]["出生日期"])
            sheet.write_datetime(1, 4, birth, book.add_format({"num_format": "yyyy/m/d"}))
            sheet.write_number(1, 7, int(rows[0]["手机号码"]))

        assert load(xlsx_bytes(rows, as_numbers)).created == 1
        assert Enrolment.objects.get().phone == f"+86{rows[0]['手机号码']}"


class TestRefusedRows:
    def test_counts_add_up_and_every_error_is_listed(self, load, tmp_path):
        load(roster(2))
        rows = roster(9)
        rows[1]["年级"] = "2022级"
        rows[2] |= {"姓名": "", "手机号码": "12345", "民族": "火星族"}
        rows[3]["证件号码"] = rows[3]["证件号码"][:-1]
        rows[4]["出生日期"] = "1990-01-01"
        rows[5] |= {"行政区划代码": "999999", "电子邮箱": "no mail"}
        rows[6] = dict(rows[0])
        report = tmp_path / "report.csv"
        assert numbers(load(rows, report=report)) == (2, 1, 1, 5, 9)
        assert refused_columns(report) == [
            (4, "姓名"),
            (4, "民族"),
            (4, "手机号码"),
            (5, "证件号码"),
            (6, "出生日期"),
            (7, "电子邮箱"),
            (7, "行政区划代码"),
            (8, "证件号码"),
        ]
        assert "第2行" in refusals(report)[-1][2]

    def test_report_never_tells_a_document_number(self, load, tmp_path):
        rows = roster(4)
        rows[0]["证件号码"] = number = rows[0]["证件号码"][:-1] + "Y"
        rows[1] |= {"姓名": "", "手机号码": number}
        rows[2]["性别"] = f"{number[:6]} {number[6:14]} {number[14:]}"
        rows[3]["年级"] = f"编号{number}"
        load(rows, report=tmp_path / "report.csv")
        report = (tmp_path / "report.csv").read_text("utf-8-sig")
        assert len(report.splitlines()) == 6
        assert number[6:14] not in report

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t=", "\r=", " =", "＝"])
    def test_report_has_no_formulas(self, start):
        assert escaped(f"{start}1+1") == f"'{start}1+1"

    def test_formula_in_a_cell_reaches_the_report_as_text(self, load, tmp_path):
        load(roster(1, 电子邮箱="=1+cmd"), report=tmp_path / "report.csv")
        assert ",'=1+cmd," in (tmp_path / "report.csv").read_text("utf-8-sig")

    def test_row_with_more_cells_than_headings_is_refused_alone(self, load, tmp_path):
        data = csv_bytes(roster(3)).decode().replace("中山大道西1号", "中山大道西,1号").encode()
        assert numbers(load(data, report=tmp_path / "r.csv")) == (2, 0, 0, 1, 3)
        assert (3, "") in refused_columns(tmp_path / "r.csv")

    def test_line_numbers_count_quoted_line_ends_and_blank_lines(self, load, tmp_path):
        rows = roster(3)
        rows[0]["详细地址"] = "一\n二"
        rows[2]["姓名"] = ""
        load(csv_bytes(rows).replace(b"\r\n", b"\n"), report=tmp_path / "r.csv")
        assert refused_columns(tmp_path / "r.csv") == [(5, "姓名")]

    def test_nul_and_controls_are_refused(self, load):
        rows = roster(2)
        rows[0]["详细地址"] = "a\0b"
        rows[1]["姓名"] = "陈\x07"
        assert load(csv_bytes(rows)).refused == 2

    def test_second_name_for_one_number_in_a_file_is_refused(self, load, tmp_path):
        rows = roster(1) + roster(1, 学号="2") + roster(1, 学号="3", 姓名="别人")
        assert numbers(load(rows, report=tmp_path / "r.csv")) == (2, 0, 0, 1, 3)
        assert refused_columns(tmp_path / "r.csv") == [(4, "姓名")]
        assert Learner.objects.count() == 1
        assert numbers(load(rows)) == (0, 0, 2, 1, 3)


class TestSpreadsheets:
    def test_numeric_document_number_is_refused(self, load, tmp_path):
        rows = roster(3)
        data = xlsx_bytes(rows, lambda book, sheet: sheet.write_number(2, 2, int(rows[1]["证件号码"][:17] + "0")))
        assert numbers(load(data, report=tmp_path / "r.csv")) == (2, 0, 0, 1, 3)
        ((line, column, reason),) = refusals(tmp_path / "r.csv")
        assert (line, column) == (3, "证件号码")
        assert "文本" in reason

    def test_numeric_student_number_is_read_unless_it_lost_digits(self, load):
        def numeric(book, sheet):
            sheet.write_number(1, 11, 20210001)
            sheet.write_number(2, 11, 202100010001000100)

        assert load(xlsx_bytes(roster(2), numeric)).refused == 1
        assert Enrolment.objects.get().student_number == "20210001"

    def test_formula_cell_is_refused(self, load, tmp_path):
        data = xlsx_bytes(roster(2), lambda book, sheet: sheet.write_formula(2, 12, '="2021"&"级"', None, "2021级"))
        load(data, report=tmp_path / "r.csv")
        assert refused_columns(tmp_path / "r.csv") == [(3, "年级")]

    def test_hidden_sheets_are_passed_over(self, load):
        def hide_another(book, sheet):
            other = book.add_worksheet("代码表")
            other.write(0, 0, "x")
            other.hide()
            book.add_worksheet("空的")

        assert load(xlsx_bytes(roster(2), hide_another)).created == 2

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            (lambda book, sheet: book.add_worksheet("另一张").write(0, 0, "x"), "2个有内容"),
            (lambda book, sheet: sheet.merge_range("S1:S3", "x"), "合并单元格(S1:S3)"),
            (lambda book, sheet: sheet.write(0, 18, "身份证号"), "是不是“证件号码”"),
            (lambda book, sheet: sheet.write(0, 10, "姓名"), "列标题重复:姓名"),
            (lambda book, sheet: sheet.write(1, 10, "长" * 3000), "过长"),
        ],
        ids=["two_sheets", "merged", "unknown_heading", "heading_twice", "long_text"],
    )
    def test_workbook_that_leaves_doubt_is_refused(self, load, change, words):
        with pytest.raises(ImportFileError) as error:
            load(xlsx_bytes(roster(2), change))
        assert words in str(error.value)

    def test_table_that_starts_lower_is_refused(self, load):
        data = io.BytesIO()
        with xlsxwriter.Workbook(data) as book:
            book.add_worksheet("名册").write_row(2, 0, COLUMNS)
        with pytest.raises(ImportFileError, match="A1"):
            load(data.getvalue())

    def test_bomb_is_refused_by_its_declared_size(self, load):
        with pytest.raises(ImportFileError, match="解压后过大"):
            load(repacked(xlsx_bytes(roster(2)), {"xl/bomb.xml": bytes(60_000_000)}), row_limit=1000)

    def test_bomb_that_lies_about_its_size_is_refused(self, load):
        data = repacked(xlsx_bytes(roster(2)), {"xl/sharedStrings.xml": b"<sst>" + bytes(3_000_000)})
        true, lie = (3_000_005).to_bytes(4, "little"), (500).to_bytes(4, "little")
        assert data.count(true) == 2
        with pytest.raises(ImportFileError, match="已损坏"):
            load(data.replace(true, lie))

    def test_entities_are_refused(self, load):
        book = b'<!DOCTYPE x [<!ENTITY a "b">]><workbook/>'
        with pytest.raises(ImportFileError, match="已损坏"):
            load(repacked(xlsx_bytes(roster(2)), {"xl/workbook.xml": book}))


def repacked(data, members):
    """A workbook with some members put in or replaced."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name not in members:
                new.writestr(name, old.read(name))
        for name, content in members.items():
            new.writestr(name, content)
    return target.getvalue()


class TestRefusedFiles:
    @pytest.mark.parametrize(
        ("content", "words"),
        [
            (b"", "空的"),
            (b"\xef\xbb\xbf\r\n", "空的"),
            (csv_bytes(roster(1)).split(b"\n")[0], "没有数据行"),
            (csv_bytes(roster(1), "utf-16"), "UTF-16"),
            (b"%PDF-1.7\n", "不是 CSV"),
            (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", ".xls"),
            (b"\x89PNG\r\n\x1a\n\0\0", "不是 CSV"),
            (b"PK\x03\x04 torn", "已损坏"),
            (repacked(b"PK\x05\x06" + bytes(18), {"a.txt": b"x"}), "不是 CSV"),
            ("姓名,证件类型\n陈,身份证\n".encode(), "缺少必需的列:证件号码"),
            ("姓名,证件类型,证件号码,手机\n".encode(), "是不是“手机号码”"),
            ("姓名,证件类型,证件号码,姓名\n".encode(), "列标题重复:姓名"),
            ("姓名,,证件类型,证件号码\n".encode(), "第2列没有列标题"),
            (csv_bytes(roster(2)) + b'"torn', "引号"),
            (csv_bytes(roster(2)) + b"\xff\xff\r\n", "第4行"),
        ],
        ids=[
            "empty",
            "bom_only",
            "header_only",
            "utf16",
            "pdf",
            "xls",
            "png",
            "zip_torn",
            "zip_other",
            "missing",
            "typo",
            "twice",
            "blank",
            "quote",
            "bytes",
        ],
    )
    def test_file_is_refused_with_a_sentence(self, load, content, words):
        with pytest.raises(ImportFileError) as error:
            load(content)
        assert words in str(error.value)
        assert Learner.objects.count() == 0

    def test_more_rows_than_the_limit(self, load):
        with pytest.raises(ImportFileError, match="超过3行"):
            load(roster(4), row_limit=3)
        assert not Learner.objects.exists()

    def test_institution_out_of_the_register(self, load):
        pending = InstitutionFactory(status="pending")
        with pytest.raises(ImportFileError, match="不在资历名册中"):
            load(roster(1), to=pending)


class TestKnownPeople:
    def test_activated_learner_is_never_overwritten(self, load):
        load(roster(2))
        learner = Enrolment.objects.get(student_number="20210000").learner
        user = UserFactory(learner=learner, phone="+8613800009999")
        before = Learner.objects.filter(pk=learner.pk).values().get(), User.objects.filter(pk=user.pk).values().get()
        rows = roster(2, 手机号码="13800001111", 详细地址="别处")
        rows[0]["姓名"] = "别的名字"
        assert numbers(load(rows)) == (0, 2, 0, 0, 2)
        after = Learner.objects.filter(pk=learner.pk).values().get(), User.objects.filter(pk=user.pk).values().get()
        assert after == before
        assert learner.enrolments.get().phone == "+8613800001111"
        assert Learner.objects.exclude(pk=learner.pk).get().address == "别处"

    def test_activated_stranger_of_another_name_is_refused(self, load, tmp_path):
        load(roster(1), to=InstitutionFactory())
        UserFactory(learner=Learner.objects.get())
        assert load(roster(1, 姓名="别人"), report=tmp_path / "r.csv").refused == 1
        assert refused_columns(tmp_path / "r.csv") == [(2, "姓名")]

    def test_person_of_two_rosters_is_one_learner(self, load):
        load(roster(3))
        assert numbers(load(roster(3, 详细地址="别处", 学号="9"), to=InstitutionFactory())) == (3, 0, 0, 0, 3)
        assert (Learner.objects.count(), Enrolment.objects.count()) == (3, 6)
        assert not Learner.objects.filter(address="别处").exists()

    def test_person_of_two_rosters_keeps_the_name(self, load):
        load(roster(5))
        rows = roster(5, 姓名="另一个名字")
        rows[3]["姓名"] = "anna-maria"  # the same name by documents.same_name
        other = InstitutionFactory()
        assert numbers(load(rows, to=other)) == (1, 0, 0, 4, 5)
        assert sorted(Learner.objects.values_list("name", flat=True)) == sorted(RARE)

    def test_own_learner_is_corrected(self, load):
        load(roster(2))
        pk = Enrolment.objects.get(student_number="20210001").learner_id
        rows = roster(2)
        rows[1] |= {"姓名": "改正", "民族": "", "手机号码": ""}
        assert numbers(load(rows)) == (0, 1, 1, 0, 2)
        learner = Learner.objects.get(pk=pk)
        assert (learner.name, learner.ethnicity, learner.enrolments.get().phone) == ("改正", "", "")

    def test_unverified_namesake_is_left_alone(self, load):
        number = roster(1)[0]["证件号码"]
        squatter = UserFactory(learner__document_number=number, learner__name="占用者").learner
        before = Learner.objects.filter(pk=squatter.pk).values().get()
        assert load(roster(1)).created == 1
        assert Learner.objects.filter(pk=squatter.pk).values().get() == before
        assert Learner.objects.verified().with_document(number).get() != squatter

    def test_no_account_is_made(self, load):
        load(roster(3))
        assert not User.objects.exists()
        assert Learner.objects.verified().count() == 3

    def test_other_institutions_enrolment_is_left_alone(self, load):
        other = EnrolmentFactory(learner__verified=True, student_number="1", phone="+8613800001234")
        number, name = other.learner.document_number, other.learner.name
        load([{"姓名": name, "证件类型": "身份证", "证件号码": number, "学号": "1", "手机号码": ""}])
        other.refresh_from_db()
        assert other.phone == "+8613800001234"


class TestTransactions:
    def test_dry_run_counts_and_changes_nothing(self, load):
        load(roster(2))
        before = people()
        assert numbers(load(roster(4, 年级="2020级"), dry_run=True)) == (2, 2, 0, 0, 4)
        assert people() == before

    @pytest.mark.parametrize("statement", ["COPY", "NEW_LEARNERS", "NEW_ENROLMENTS"])
    def test_killed_import_leaves_nothing_half_and_can_be_run_again(self, load, monkeypatch, statement):
        with monkeypatch.context() as broken:
            if statement == "COPY":
                broken.setattr(writing.RosterWriter, "write", lambda *_arguments, **_options: 1 / 0)
                expected = ZeroDivisionError
            else:
                broken.setattr(writing, statement, getattr(writing, statement) + "; SELECT 1 / 0")
                expected = Exception
            with pytest.raises(expected, match="zero"):
                load(roster())
        assert not Learner.objects.exists()
        assert load(roster()).created == 5

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("same", [True, False], ids=["one_institution", "two_institutions"])
    def test_two_at_once_make_everybody_once(self, institution, in_parallel, tmp_path, same):
        path = tmp_path / "roster.csv"
        path.write_bytes(csv_bytes(roster(300)))
        targets = [institution, institution if same else InstitutionFactory()]
        results = in_parallel(lambda: import_roster(path=path, institution=targets.pop()), times=2)
        assert sorted(numbers(counts) for counts in results) == sorted(
            [(300, 0, 0, 0, 300), (0, 0, 300, 0, 300) if same else (300, 0, 0, 0, 300)]
        )
        assert Learner.objects.count() == 300
        assert Enrolment.objects.count() == (300 if same else 600)

    @pytest.mark.django_db(transaction=True)
    def test_two_at_once_collide_without_lock_and_second_look(self, institution, in_parallel, tmp_path, monkeypatch):
        """The positive control of the test above."""
        monkeypatch.setattr(writing, "TRIES", 1)
        monkeypatch.setattr(writing, "LOCKING", "SELECT pg_sleep(0 * %s * %s)")
        path = tmp_path / "roster.csv"
        path.write_bytes(csv_bytes(roster(300)))
        slow = "; SELECT pg_sleep(0.3)"
        monkeypatch.setattr(writing.RosterWriter, "_make_plan", slowed(writing.RosterWriter._make_plan, slow))
        results = in_parallel(lambda: import_roster(path=path, institution=institution), times=2)
        assert sum(isinstance(result, Exception) for result in results) == 1


def slowed(method, statement):
    def run(self):
        method(self)
        self.cursor.execute(statement.removeprefix("; "))

    return run


class TestOneRule:
    """The expressions over whole columns say what the rules for one cell say."""

    def test_fast_expressions_agree_with_the_rules(self):
        samples = {
            "name": [
                *RARE,
                "陈·",
                "·",
                "陈 伟",
                "⺠",
                "豈",
                "陈\u200b伟",
                "张" * 101,
                "a",
                "玥喆堃",
                "1",
                "陈·伟·强",
                "?",
            ],
            "phone": [f"1{head}{tail}" for head in range(300, 1000) for tail in ("0000000", "9876543")]
            + ["13800001234 ", "+8613800001234", "02012345678", "138０0001234", "10086"],
            "birth_on": [
                *(
                    "1990-01-31",
                    "1990-01-31 00:00:00",
                    "1990-1-31",
                    "1990/1/31",
                    "19900131",
                    "1990年1月31日",
                    "1990.01.31",
                ),
                *("1990-02-30", "0000-01-01", "1876-01-01", "1875-12-31", "2026-11-23", "2026-11-24", "2000-02-29"),
                *(
                    "1900-02-29",
                    "1990-01-31 08:00:00",
                    "１９９０-01-31",
                    "1990-01-31T00:00:00.000",
                    "32874",
                    "1990-13-01",
                ),
            ],
            "email": ["a@b.cn", "a.b@c-d.cn", "a@b", "a..b@c.cn", "_@x.com", "a@-b.cn", "ａ@b.cn", f"{'a' * 60}@b.cn"],
            "address": ["中山大道1号", "a b", "a\u3000b", "〇", "x" * 201, "\u200b"],
            "student_number": ["0001", "A1", "１２", "a b", "1" * 41],
        }
        columns = {column.field: column for column in roster_columns(today=TODAY, regions=set())}
        assert {field for field, column in columns.items() if column.fast is not None} == set(samples)
        for field, texts in samples.items():
            series, rule, fast = pl.Series(texts), columns[field].rule, columns[field].fast
            assert resolve(series, rule, fast)[0].to_list() == resolve(series, rule)[0].to_list()
            assert 0 < series.to_frame("cell").select(fast).to_series().count() < len(texts)

    def test_fast_resident_numbers_agree_with_parse(self):
        numbers = [person.number for person in synthetic_people(400)]
        odd = [checked(f"{region}{birth}{serial}") for region, birth, serial in ODD_BODIES]
        wrong = [number[:-1] + str(digit) for number in numbers[:30] for digit in range(10)]
        texts = [*numbers, *odd, *wrong, *(number.lower() for number in odd), "", "1", "１" * 18, numbers[0] + "0"]
        fast = pl.DataFrame({"cell": texts}).select(fast_resident(TODAY)).to_series().to_list()
        assert fast == [parsed_or_none(text) for text in texts]
        assert fast.count(None) > 200


ODD_BODIES = [
    ("440100", "19900230", "001"),
    ("440100", "20000229", "001"),
    ("440100", "19000229", "001"),
    ("440100", "00000101", "001"),
    ("440100", "18760101", "001"),
    ("440100", "18750101", "001"),
    ("440100", "20261123", "001"),
    ("440100", "20261124", "001"),
    ("440100", "20991231", "001"),
    ("810000", "19900101", "001"),
    ("820000", "19900101", "001"),
    ("830000", "19900101", "001"),
    ("710000", "19900101", "001"),
    ("910000", "19900101", "001"),
    ("990000", "19900101", "001"),
    ("000000", "19900101", "001"),
    *(("440100", "19900101", f"{serial:03d}") for serial in range(60)),
]


def checked(body):
    return body + mod_11_2.calc_check_digit(body)


def parsed_or_none(text):
    try:
        return parse("resident_id", text, today=TODAY).number
    except ValidationError:
        return None


class TestCommand:
    @pytest.fixture
    def file(self, tmp_path):
        path = tmp_path / "roster.csv"
        path.write_bytes(csv_bytes(roster(2)))
        return path

    def test_json_ends_with_the_counts(self, institution, file, capsys):
        call_command("import_roster", file, institution=institution.bank_code, json=True)
        last = capsys.readouterr().out.splitlines()[-1]
        assert json.loads(last) == {"created": 2, "updated": 0, "unchanged": 0, "refused": 0, "rows": 2}

    def test_there_is_no_progress_bar_without_a_terminal(self, institution, file, capsys):
        call_command("import_roster", file, institution=institution.bank_code)
        assert capsys.readouterr().err == ""

    def test_unknown_institution_is_told(self, regions, file):
        with pytest.raises(CommandError, match="zzzz00000"):
            call_command("import_roster", file, institution="zzzz00000")

    def test_missing_file_is_told(self, institution, tmp_path):
        with pytest.raises(CommandError, match="无法打开"):
            call_command("import_roster", tmp_path / "none.csv", institution=institution.bank_code)

    def test_progress_rises_to_one(self, institution, file):
        shares = []
        import_roster(path=file, institution=institution, on_progress=shares.append)
        assert shares == sorted(shares)
        assert shares[-1] == 1

    @pytest.mark.parametrize("name", ["roster.csv", "roster.xlsx"])
    def test_demo_rosters_are_clean(self, institution, name):
        call_command("load_regions", verbosity=0)
        counts = import_roster(path=Path("demo") / name, institution=institution)
        assert (counts.created, counts.refused) == (40, 0)

    def test_demo_roster_with_errors_reports_them(self, institution, tmp_path):
        call_command("load_regions", verbosity=0)
        report = tmp_path / "report.csv"
        counts = import_roster(path=Path("demo/roster_with_errors.csv"), institution=institution, report=report)
        assert numbers(counts) == (4, 0, 0, 8, 12)
        assert len(refusals(report)) == 9


def test_stored_numbers_are_ciphertext(load):
    load(roster(1))
    with connection.cursor() as cursor:
        cursor.execute("SELECT document_number FROM accounts_learner")
        assert roster(1)[0]["证件号码"].encode() not in bytes(cursor.fetchone()[0])


@pytest.mark.parametrize(
    "text", ["440106199001011235", "4401 0619 9001 0112 35", "４４０１０６１９９００１０１１２３５"]
)
def test_shown_cells_are_masked(text):
    assert "1990" not in shown(f"编号{text}").replace(" ", "")
