"""Files that institutions upload: kept, checked by a dry run, imported on their word (product.md: Roster import).

`job` is a row of a subclass of `accounts.models.uploads.UploadedImport`, `model` such a class.
"""

import secrets

from django.db import transaction
from django.db.models.functions import Now

from accounts.models.uploads import SILENT, UploadedImport
from messaging.doorbell import ring

Status = UploadedImport.Status


@transaction.atomic
def keep_upload(*, model, institution, upload, by):
    """Keep an uploaded file and ring its dry run; raises `IntegrityError` while another one is running."""
    job = model.objects.create(
        institution=institution, uploaded_by=by, name=upload.name[-200:], file_key=secrets.token_hex(16)
    )
    job.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with job.path.open("xb") as kept:
        job.path.chmod(0o600)
        for chunk in upload.chunks():
            kept.write(chunk)
    ring(model.TASK, job.pk)
    return job


@transaction.atomic
def confirm_upload(*, job):
    """Start the import of a checked file; a second click changes nothing."""
    if job.move(Status.CHECKED, Status.IMPORTING, attempts=0, progress=0):
        ring(job.TASK, job.pk)


def cancel_upload(*, job):
    """Forget a checked file."""
    if job.move(Status.CHECKED, Status.CANCELLED):
        remove_file(job=job)


def remove_file(*, job):
    job.path.unlink(missing_ok=True)


def finish_upload(*, job, counts, report):
    """Note how a run ended: a dry run waits for the institution's word, an import is done."""
    after = Status.CHECKED if job.is_dry_run else Status.DONE
    job.move(job.status, after, counts=counts, report=report, progress=100)
    if after == Status.DONE:
        remove_file(job=job)


def fail_upload(*, job, reason):
    job.move(job.status, Status.FAILED, failure=reason[:500])
    remove_file(job=job)


def silent_uploads(*, model):
    """Runs that a lost ring or a killed worker left behind: nothing has been heard of them for a minute."""
    stale = Now() - SILENT
    return list(model.objects.filter(status__in=model.RUNNING, touched_at__lt=stale))
