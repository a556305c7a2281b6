"""The roster importer beside a raw COPY of the same rows and django-import-export, and its peak memory."""

import csv
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median

import tablib
import xlsxwriter
from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from import_export import fields, resources

from accounts.documents import Document, DocumentKind
from accounts.importers.roster import import_roster
from accounts.models import Enrolment, Institution, Learner
from accounts.models.learner import document_digest
from demo.synthetic import synthetic_person
from portal.benches import Result

HELP = "import of a roster: CSV and XLSX beside a raw COPY, the same file again, django-import-export, peak memory"
HEADERS = ["姓名", "证件类型", "证件号码", "性别", "出生日期", "手机号码", "学号", "年级", "专业名称"]
TABLES = ["accounts_learner", "accounts_enrolment"]
MEGABYTE = 1024  # ru_maxrss counts kilobytes
# A child's peak begins with that of the process it was forked from, so a small one stands between.
PEAK_OF = """
import resource, subprocess, sys
subprocess.run(sys.argv[1:], check=True, stdout=sys.stderr)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def add_arguments(parser):
    parser.add_argument("--rows", type=int, default=200_000, help="rows of the file (default: 200000)")
    parser.add_argument("--rounds", type=int, default=3, help="rounds in turn (default: 3)")
    parser.add_argument("--memory-rows", type=int, default=1_000_000, help="rows of the large file (default: 1000000)")
    parser.add_argument("--import-export-rows", type=int, default=10_000, help="rows for it (default: 10000)")


def run(options):
    call_command("load_regions", verbosity=0)
    institution = Institution.objects.create(
        name="示例学院", bank_code="test00001", kind=Institution.Kind.VOCATIONAL, status=Institution.Status.APPROVED
    )
    with tempfile.TemporaryDirectory(prefix="bench-roster-") as name:
        folder = Path(name)
        files = {"csv": write_csv(folder / "a.csv", options["rows"]), "xlsx": write_xlsx(folder, options["rows"])}
        times = in_turns(files, institution, folder, options["rounds"])
        rival = import_export_seconds(options["import_export_rows"], institution)
        memory = memory_of(folder, institution, options)
    return result(options, times, rival, memory)


def rows_of(count):
    for number in range(count):
        person = synthetic_person(number)
        sex = "男" if person.sex == "1" else "女"
        yield [
            person.name, "居民身份证", person.number, sex, person.birth_on.isoformat(), person.phone,
            f"S{number:08d}", "2024级", "计算机网络技术",
        ]  # fmt: skip


def write_csv(path, count):
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(HEADERS)
        writer.writerows(rows_of(count))
    return path


def write_xlsx(folder, count):
    path = folder / "a.xlsx"
    with xlsxwriter.Workbook(path, {"constant_memory": True, "strings_to_numbers": False}) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate([HEADERS, *rows_of(count)]):
            for column, text in enumerate(row):
                sheet.write_string(number, column, text)
    return path


def in_turns(files, institution, folder, rounds):
    """Seconds of each way in each round: raw COPY, CSV, the same CSV again, XLSX."""
    import_roster(path=files["csv"], institution=institution)
    for table in TABLES:
        copy(f"COPY {table} TO STDOUT", folder / table, "wb")
    times = {name: [] for name in ("copy", "csv", "rerun", "xlsx")}
    for _round in range(rounds):
        empty(institution)
        times["copy"].append(seconds_of(lambda: copy_back(folder)))
        empty(institution)
        for name, file in [("csv", files["csv"]), ("rerun", files["csv"])]:
            times[name].append(seconds_of(lambda file=file: import_roster(path=file, institution=institution)))
        empty(institution)
        times["xlsx"].append(seconds_of(lambda: import_roster(path=files["xlsx"], institution=institution)))
        say(times)
    empty(institution)
    return times


def copy_back(folder):
    """What any importer has to do at least: the finished rows into the same tables with their indexes."""
    with transaction.atomic():
        for table in TABLES:
            copy(f"COPY {table} FROM STDIN", folder / table, "rb")


def copy(statement, path, mode):
    with path.open(mode) as file, connection.cursor() as cursor:
        cursor.copy_expert(statement, file)


def empty(institution):
    """Empty the tables; what refers to them goes too, the institution's account and so the institution included."""
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {', '.join(TABLES)} CASCADE")
    institution.save()


def seconds_of(call):
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def say(times):
    sys.stderr.write(f"{ {name: round(values[-1], 1) for name, values in times.items()} }\n")


class FastResource(resources.ModelResource):
    """django-import-export without look-ups, diffs, reports and row-wise validation."""

    class Meta:
        use_bulk = True
        batch_size = 1000
        force_init_instance = True
        skip_diff = True
        report_skipped = False
        clean_model_instances = False


class LearnerResource(FastResource):
    name = fields.Field("name", "姓名")

    class Meta(FastResource.Meta):
        model = Learner
        fields = ("name",)

    def before_save_instance(self, instance, row, **kwargs):
        instance.set_document(Document(DocumentKind.RESIDENT_ID, row["证件号码"]))


class EnrolmentResource(FastResource):
    """The people are known by then: `learners` finds them without a query per row."""

    student_number = fields.Field("student_number", "学号")

    class Meta(FastResource.Meta):
        model = Enrolment
        fields = ("student_number",)

    def before_save_instance(self, instance, row, *, institution, learners, **kwargs):
        instance.institution = institution
        instance.learner = learners[document_digest(row["证件号码"])]


def import_export_seconds(count, institution):
    """Seconds per row for people and enrolments, without the checks that the importer does besides."""
    data = tablib.Dataset(*rows_of(count), headers=HEADERS)

    def import_both():
        LearnerResource().import_data(data, raise_errors=True, use_transactions=False)
        learners = {learner.document_digest: learner for learner in Learner.objects.only("name", "document_digest")}
        known = {"institution": institution, "learners": learners}
        EnrolmentResource().import_data(data, raise_errors=True, use_transactions=False, **known)

    with transaction.atomic():
        seconds = seconds_of(import_both)
        if not Learner.objects.count() == Enrolment.objects.count() == count:
            raise RuntimeError("django-import-export did not import every row")
        transaction.set_rollback(True)
    return seconds / count


def memory_of(folder, institution, options):
    """Peak megabytes of `manage.py import_roster --dry-run` for the ordinary and the large file, CSV and XLSX."""
    peaks = {}
    for name in ("rows", "memory_rows"):
        peaks[f"csv_{name}"] = peak_of(write_csv(folder / "memory.csv", options[name]), institution)
        peaks[f"xlsx_{name}"] = peak_of(write_xlsx(folder, options[name]), institution)
    return peaks


def peak_of(path, institution):
    command = [sys.executable, "manage.py", "import_roster", str(path), "--institution", institution.bank_code]
    command = [sys.executable, "-c", PEAK_OF, *command, "--dry-run"]
    done = subprocess.run(command, cwd=settings.BASE_DIR, capture_output=True, check=True)  # noqa: S603 - our own
    return int(done.stdout) / MEGABYTE


def result(options, times, rival, memory):
    middle = {name: median(values) for name, values in times.items()}
    ratios = {
        "csv_vs_copy": middle["copy"] / middle["csv"],
        "xlsx_vs_copy": middle["copy"] / middle["xlsx"],
        "csv_vs_import_export": rival / (middle["csv"] / options["rows"]),
        "rerun_time_vs_copy": middle["rerun"] / middle["copy"],
        "memory_1m_vs_200k": memory["csv_memory_rows"] / memory["csv_rows"],
    }
    figures = {
        "rows": options["rows"],
        "seconds": {name: [round(value, 2) for value in values] for name, values in times.items()},
        "import_export_seconds_per_10000": round(rival * 10_000, 2),
        "peak_megabytes": {name: round(value) for name, value in memory.items()},
    }
    rows = [["way", "seconds (median)", "rows/s"]]
    rows += [[name, value, round(options["rows"] / value)] for name, value in middle.items()]
    rows += [["django-import-export", None, round(1 / rival)]]
    rows += [[name, value, None] for name, value in ratios.items()]
    return Result({name: round(value, 3) for name, value in ratios.items()}, figures, rows)
