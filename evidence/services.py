"""Storing evidence and inspecting it."""

import contextlib
import logging
import tempfile
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from evidence import storage
from evidence.inspection import FileRefusedError, InspectionCutError, inspect, refuse_infected
from evidence.models import EvidenceFile
from messaging.doorbell import ring
from messaging.services import send_inbox_message

logger = logging.getLogger(__name__)

INSPECT_TASK = "evidence.tasks.inspect_evidence"
INSPECTION_TRIES = 3
NO_ANSWER = gettext_lazy("系统几次检查这个文件都没有完成,请稍后重新上传;仍不行的话,请简化或换一种格式另存后再上传。")
BYTES_KEPT = timedelta(days=1)
LOCK = 0x65766964  # the first half of the advisory lock's key; the second is the file


class TooManyFilesError(Exception):
    """More files than a record may have."""


@transaction.atomic
def add_evidence(*, uploads, by, known=0):
    """Store uploads [(file, kind)…] durably, write a row for each and ring their inspection on commit.

    `known` files belong to the record already; raises `TooManyFilesError` beyond the limit for one record.
    """
    if known + len(uploads) > settings.EVIDENCE_FILES_PER_RECORD:
        raise TooManyFilesError
    rows = [_evidence_row(upload, kind, by) for upload, kind in uploads]
    for row in EvidenceFile.objects.bulk_create(rows):
        ring(INSPECT_TASK, row.pk)
    return rows


def _evidence_row(upload, kind, by):
    return EvidenceFile(
        name=Path(upload.name).name[-200:],
        kind=kind,
        size=upload.size,
        sha256=storage.store(upload.chunks()),
        uploaded_by=by,
    )


def inspect_evidence(*, pk):
    """Inspect one waiting file and keep its clean copy, or refuse it with a reason its owner can read.

    Safe to run twice: one run at a time is at a file, and only a file still waiting takes the result.
    """
    with _turn_at(pk) as is_free:
        evidence = EvidenceFile.objects.filter(pk=pk, state=EvidenceFile.State.CHECKING).first()
        if is_free and evidence:
            _judge(evidence)


@contextlib.contextmanager
def _turn_at(pk):
    """Tell whether nobody else is at the file. A lock of the connection, so that of a killed worker ends with it."""
    key = [LOCK, pk % 2**31]
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", key)
        is_free = cursor.fetchone()[0]
        try:
            yield is_free
        finally:
            if is_free:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", key)


def _judge(evidence):
    """A run without an answer spends one of three tries, for the file may be why; the machine's faults spend none."""
    waiting = EvidenceFile.objects.filter(pk=evidence.pk, state=EvidenceFile.State.CHECKING)
    try:
        refuse_infected(storage.path_of(evidence.sha256))
        if not waiting.filter(attempts__lt=INSPECTION_TRIES).update(attempts=F("attempts") + 1):
            _refuse(evidence, waiting, NO_ANSWER)
            return
        result = _inspect(evidence)
    except FileRefusedError as error:
        _refuse(evidence, waiting, error.message)
    except InspectionCutError as cut:
        logger.warning("evidence %s waits after try %s: %s", evidence.pk, evidence.attempts + 1, cut)
    except OSError as fault:  # a full disk, an unreadable file, a scanner that is away for a day
        waiting.update(attempts=evidence.attempts)
        logger.warning("evidence %s waits: %s", evidence.pk, fault)
    else:
        waiting.update(state=EvidenceFile.State.PASSED, **result)


@transaction.atomic
def _refuse(evidence, waiting, reason):
    """Refuse a file that still waits and tell its owner, unless only a draft has it, whose form shows the reason."""
    refused = waiting.update(state=EvidenceFile.State.REFUSED, refusal=str(reason)[:300])
    link = _shown_at(evidence)
    if refused and evidence.uploaded_by and (link or not evidence.drafts.exists()):
        send_inbox_message(
            recipient=evidence.uploaded_by,
            subject=_("上传的材料没有通过检查"),
            body=_("“%(name)s”:%(why)s") % {"name": evidence.name, "why": reason},
            link=link,
        )


def _shown_at(evidence):
    """Where its owner finds a file. By the relations' names alone: what shows files stands above this app."""
    if evidence.licence_of.exists():
        return reverse("accounts:institution_licence")
    records = [*evidence.applications.all()[:1], *evidence.achievements.all()[:1]]
    return records[0].get_absolute_url() if records else ""


def _inspect(evidence):
    """Return the columns that a passed inspection fills."""
    with tempfile.TemporaryDirectory(prefix="inspect-") as folder:
        clean, thumbnail = Path(folder) / "clean", Path(folder) / "thumbnail"
        result = inspect(storage.path_of(evidence.sha256), evidence.kind, clean, thumbnail)
        sha256 = storage.store_path(clean)
        if thumbnail.exists():
            storage.store_variant(thumbnail, sha256, "thumbnail")
    return {"clean_sha256": sha256, "width": result.width, "height": result.height, "pages": result.pages}


def evidence_to_sweep():
    """Ids of files whose inspection nobody seems to be at any more."""
    stale = Now() - timedelta(seconds=20)
    waiting = EvidenceFile.objects.filter(state=EvidenceFile.State.CHECKING, uploaded_at__lt=stale)
    return list(waiting.order_by("pk").values_list("pk", flat=True)[:200])


def discard_evidence(*, evidence):
    """Delete the row of a file that nobody shows any more; its bytes go with `sweep_bytes`."""
    evidence.delete()


def sweep_bytes(*, part=0, parts=1):
    """Delete stored content that no row names, a day after it was written last; return how many files went."""
    return storage.drop_old(BYTES_KEPT, _named, part=part, parts=parts)


def _named(hashes):
    """Those of the hashes that rows name, as what was uploaded or as its clean copy."""
    rows = EvidenceFile.objects.filter(Q(sha256__in=hashes) | Q(clean_sha256__in=hashes))
    return {sha256 for pair in rows.values_list("sha256", "clean_sha256") for sha256 in pair}
