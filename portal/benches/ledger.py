"""`verify_ledger` and the daily root on a large ledger: records per second, peak memory, a day found by its index."""

import subprocess
import sys
import uuid
from copy import copy
from datetime import UTC, datetime, time, timedelta
from itertools import count, cycle
from secrets import token_urlsafe
from statistics import median
from time import perf_counter

from django.conf import settings
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from accounts.models import Learner, User
from conversion.certificate_proof import sign_certificate
from conversion.models import Application, Certificate, CreditEntry, ReviewRecord
from conversion.models.application import Kind, Status
from conversion.services.certificates import new_number
from conversion.services.records import frozen_digest, record_hash
from conversion.services.roots import lines_of, newest_finished_day, seal_days
from portal.benches import Result
from portal.benches.desk import LEARNERS, make_learner
from portal.benches.roster import MEGABYTE, PEAK_OF

UNUSABLE = "!"  # no password
HELP = "verify_ledger on a large ledger: records per second and peak memory; a day's root with and without its indexes"
DAYS = 100  # over which the ledger is spread
SMALL = 10  # of these days make the small ledger
INDEXES = ("record_by_day", "entry_by_day", "certificate_by_day")


def add_arguments(parser):
    parser.add_argument("--records", type=int, default=300_000, help="review records in the ledger (default: 300000)")


def run(options):
    call_command("load_demo", verbosity=0)
    days = [newest_finished_day() - timedelta(days=before) for before in reversed(range(DAYS))]
    ledger = Ledger(records_per_day=options["records"] // DAYS)
    seconds, peaks, records = {}, {}, {}
    for name, grown in [("small", days[:SMALL]), ("large", days[SMALL:])]:
        ledger.grow(grown)
        seal_days(until=grown[-1])
        records[name] = ReviewRecord.objects.count()
        seconds[name], peaks[name] = verified()
    reading = {"indexed": seconds_to_read(days[-SMALL:])}
    with connection.cursor() as cursor:
        cursor.execute("DROP INDEX " + ", ".join(INDEXES))
    reading["scanned"] = seconds_to_read(days[-SMALL:])
    return result(records, seconds, peaks, reading)


class Ledger:
    """Copies of an approved case of the demonstration, each with its own records, award and signed certificate."""

    def __init__(self, records_per_day):
        self.case = Application.objects.filter(kind=Kind.CONVERSION, status=Status.APPROVED).order_by("pk").first()
        self.records = list(self.case.records.order_by("number"))
        self.award, self.certificate = self.case.credit_entries.get(), self.case.certificates.get()
        self.cases_per_day = records_per_day // len(self.records)
        learners = Learner.objects.bulk_create(map(make_learner, range(LEARNERS)))
        self.applicants = cycle(User.objects.bulk_create(map(account_of, learners)))
        self.ids = {model: count(1_000_000) for model in (Application, ReviewRecord, CreditEntry, Certificate)}

    @transaction.atomic
    def grow(self, days):
        """Append the cases of some days, in the order of time."""
        for day in days:
            at = timezone.make_aware(datetime.combine(day, time(9))).astimezone(UTC)
            cases = [self._case(at) for _number in range(self.cases_per_day)]
            for model, rows in zip(self.ids, zip(*cases, strict=True), strict=True):
                insert(model, [row for of_case in rows for row in of_case])
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")

    def _own(self, pattern, **values):
        own = copy(pattern)
        own.pk = next(self.ids[type(pattern)])
        for name, value in values.items():
            setattr(own, name, value)
        return own

    def _case(self, at):
        """The rows of a case in the order of `ids`: [application], records, [award], [certificate]."""
        applicant = next(self.applicants)
        person = {"learner": applicant.learner, "submitted_by": applicant}
        case = self._own(self.case, **person, submission_token=uuid.uuid4(), submitted_at=at, decided_at=at)
        award = self._own(self.award, application=case, learner=applicant.learner, created_at=at)
        return [case], list(self._chain(case, at)), [award], [self._certificate(case, at)]

    def _chain(self, case, at):
        previous = ""
        for pattern in self.records:
            frozen = pattern.frozen_digest and frozen_digest(case)
            by = case.submitted_by_id if pattern.by_id == self.case.submitted_by_id else pattern.by_id
            own = {"by_id": by, "at": at, "previous_hash": previous, "frozen_digest": frozen}
            record = self._own(pattern, application=case, **own)
            record.hash = previous = record_hash(record)
            yield record

    def _certificate(self, case, at):
        day = timezone.localdate(at).isoformat()
        stages = [stage | {"on": day} for stage in self.certificate.content["stages"]]
        content = self.certificate.content | {"issued_on": day, "stages": stages}
        own = {"number": new_number(at.year), "token": token_urlsafe(16), "content": content, "issued_at": at}
        certificate = self._own(self.certificate, application=case, **own)
        sign_certificate(certificate)
        return certificate


def account_of(learner):
    return User(username=f"ledger{learner.pk}", name=learner.name, learner=learner, password=UNUSABLE)


def insert(model, rows):
    """Insert model objects with the times they have: `auto_now_add` would write its own."""
    fields = [field for field in model._meta.concrete_fields if not field.generated]
    model._base_manager._insert(rows, fields=fields, using=connection.alias, raw=True)


def verified():
    """(seconds, peak megabytes) of the command in a process of its own; raises when it finds a difference."""
    command = [sys.executable, "-c", PEAK_OF, sys.executable, "manage.py", "verify_ledger"]
    begun = perf_counter()
    done = subprocess.run(command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, check=True)  # noqa: S603 - our own
    return perf_counter() - begun, int(done.stdout) / MEGABYTE


def seconds_to_read(days):
    """The median time in which the rows of a day are found and read, for its root."""
    times = []
    for day in days:
        begun = perf_counter()
        for lines in lines_of(day).values():
            for _line in lines:
                pass
        times.append(perf_counter() - begun)
    return median(times)


def result(records, seconds, peaks, reading):
    ratios = {
        "memory_large_vs_small": peaks["large"] / peaks["small"],
        "day_indexed_vs_scanned": reading["scanned"] / reading["indexed"],
    }
    figures = {
        "records": records,
        "entries": CreditEntry.objects.count(),
        "certificates": Certificate.objects.count(),
        "verify_seconds": {name: round(value, 1) for name, value in seconds.items()},
        "records_per_second": {name: round(records[name] / seconds[name]) for name in records},
        "peak_megabytes": {name: round(value) for name, value in peaks.items()},
        "milliseconds_to_read_a_day": {name: round(value * 1000, 1) for name, value in reading.items()},
    }
    rows = [["ledger", "records", "seconds", "records/s", "peak MB"]]
    for name in records:
        per_second, peak = figures["records_per_second"][name], figures["peak_megabytes"][name]
        rows.append([f"verify_ledger, {name}", records[name], seconds[name], per_second, peak])
    rows += [[f"ms to read a day, {way}", None, value * 1000, None, None] for way, value in reading.items()]
    return Result(ratios, figures, rows + [[name, None, value, None, None] for name, value in ratios.items()])
