"""日根: seals each finished day of records, entries and certificates with one signed SHA-256."""

import hashlib
import json
import os
from datetime import UTC, datetime, time, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from conversion.models import Certificate, CreditEntry, LedgerRoot, ReviewRecord
from vault.signatures import sign

RETOLD = 30  # newest days whose files are written again where they are missing: a full disk, a folder away
# A transaction that began on a day may commit a little after its end.
SETTLE = timedelta(minutes=10)
ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(hashtext('conversion_ledgerroot'))"


class RootFileError(Exception):
    """A file of this day exists and says something else; it is never overwritten."""


def newest_finished_day():
    return timezone.localdate(timezone.now() - SETTLE) - timedelta(days=1)


def seal_days(*, until=None):
    """Make and export the root of every finished day that has none yet, up to `until`; return the new ones.

    Safe to run again and beside itself: a day has one root. Files of the last days that are missing are written too.
    """
    until = min(until or newest_finished_day(), newest_finished_day())
    sealed = []
    while root := _seal_next(until):
        export_root(root)
        sealed.append(root)
    for root in LedgerRoot.objects.order_by("-on")[:RETOLD]:  # after sealing, which a folder that is away can't stop
        if not path_of(root).exists():
            export_root(root)
    return sealed


@transaction.atomic
def _seal_next(until):
    with connection.cursor() as cursor:
        cursor.execute(ONE_AT_A_TIME)
    last = LedgerRoot.objects.first()
    day = last.on + timedelta(days=1) if last else _first_day()
    if day is None or day > until:
        return None
    return _seal(day, last.root if last else "")


def _first_day():
    """The day of the oldest record, with which every case begins."""
    oldest = ReviewRecord.objects.order_by("at").values_list("at", flat=True).first()
    return timezone.localdate(oldest) if oldest else None


def _seal(day, previous_root):
    digest = hashlib.sha256(f"{day}\n{previous_root}\n".encode())
    counts = {}
    for name, lines in lines_of(day).items():
        counts[name] = 0
        for line in lines:
            digest.update(f"{line}\n".encode())
            counts[name] += 1
    root = LedgerRoot(on=day, previous_root=previous_root, root=digest.hexdigest(), **counts)
    root.key_id, root.signature = sign(root_message(root))
    root.save()
    return root


def lines_of(day):
    """What a root covers, in this order; the signature of a certificate covers what it says."""
    start = timezone.make_aware(datetime.combine(day, time.min))
    span = (start, timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min)) - timedelta.resolution)
    records = ReviewRecord.objects.filter(at__range=span).order_by("application_id", "number")
    entries = CreditEntry.objects.filter(created_at__range=span).order_by("pk")
    certificates = Certificate.objects.filter(issued_at__range=span).order_by("pk")
    return {
        "records": (
            f"record {row.application_id} {row.number} {row.hash}"
            for row in records.only("application_id", "number", "hash").iterator()
        ),
        "entries": (
            f"entry {row.pk} {row.application_id} {row.learner_id} {row.kind} {row.credits} "
            f"{row.created_at.astimezone(UTC).isoformat()}"
            for row in entries.iterator()
        ),
        "certificates": (
            f"certificate {row.number} {row.token} {row.key_id} {row.signature}"
            for row in certificates.only("number", "token", "key_id", "signature").iterator()
        ),
    }


def root_content(root):
    return {
        "on": root.on.isoformat(),
        "records": root.records,
        "entries": root.entries,
        "certificates": root.certificates,
        "previous_root": root.previous_root,
        "root": root.root,
    }


def root_message(root):
    """What is signed: these words and the content as JSON with sorted keys and no spaces."""
    return f"ledger root {json.dumps(root_content(root), sort_keys=True, separators=(',', ':'))}".encode()


def path_of(root):
    return settings.LEDGER_ROOT_DIR / f"ledger-root-{root.on}.json"


def export_root(root):
    """Write a root to its file and return the path. An equal file stays; raises `RootFileError` for another one."""
    path = path_of(root)
    text = json.dumps(root_content(root) | {"key_id": root.key_id, "signature": root.signature}, indent=2) + "\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    mine = path.with_name(f".{path.name}.{os.getpid()}")
    mine.write_text(text, encoding="utf-8")
    mine.chmod(0o444)
    try:
        os.link(mine, path)
    except FileExistsError:
        if path.read_text(encoding="utf-8") != text:
            raise RootFileError(f"{path} exists and says something else.") from None
    finally:
        mine.unlink()
    return path
