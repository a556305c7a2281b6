"""Storing evidence and inspecting it."""

import logging
import tempfile
from datetime import timedelta
from pathlib import Path

from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils.translation import gettext as _

from evidence import storage
from evidence.clamd import ScannerAwayError
from evidence.inspection import FileRefusedError, inspect, refuse_infected
from evidence.models import EvidenceFile
from messaging.doorbell import ring
from messaging.services import send_inbox_message

logger = logging.getLogger(__name__)

INSPECT_TASK = "evidence.tasks.inspect_evidence"
INSPECTION_TRIES = 3
BYTES_KEPT = timedelta(days=1)


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

    Safe to run twice: each run spends one of three tries, and only a file still waiting takes the result.
    """
    waiting = EvidenceFile.objects.filter(pk=pk, state=EvidenceFile.State.CHECKING)
    evidence = waiting.first()
    if evidence is None:
        return
    try:
        # Spends no try: a scanner that is away for a day must not turn a file into a refused one.
        refuse_infected(storage.path_of(evidence.sha256))
        if not waiting.filter(attempts__lt=INSPECTION_TRIES).update(attempts=F("attempts") + 1):
            _refuse(evidence, waiting, _("文件多次检查未能完成,请换一份文件重新上传。"))
            return
        result = _inspect(evidence)
    except ScannerAwayError as away:
        logger.warning("evidence %s waits: %s", pk, away)
    except FileRefusedError as error:
        _refuse(evidence, waiting, str(error.message))
    else:
        waiting.update(state=EvidenceFile.State.PASSED, **result)


@transaction.atomic
def _refuse(evidence, waiting, reason):
    """Refuse a file that still waits and tell its owner, unless it stands in a draft, whose form shows the reason."""
    refused = waiting.update(state=EvidenceFile.State.REFUSED, refusal=reason[:300])
    if refused and evidence.uploaded_by and not evidence.drafts.exists():
        send_inbox_message(
            recipient=evidence.uploaded_by,
            subject=_("上传的材料没有通过检查"),
            body=_("“%(name)s”:%(why)s") % {"name": evidence.name, "why": reason},
            link=_shown_at(evidence),
        )


def _shown_at(evidence):
    """Where its owner finds a file. By the relations' names alone: what shows files stands above this app."""
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
