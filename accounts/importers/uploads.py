"""Run the dry run or the import of an uploaded file, as a task does."""

import tempfile
import time
from contextlib import closing
from pathlib import Path

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext as _

from accounts.importers.columns import ImportFileError
from accounts.services import uploads

TELL_EVERY = 5  # seconds: what isn't heard of for a minute is taken for dead


def run_upload(*, model, pk, import_file):
    """Do what the job `pk` waits for, by `import_file(path=, institution=, dry_run=, report=, …)`; twice is safe."""
    job = model.objects.filter(pk=pk, status__in=model.RUNNING).select_related("institution").first()
    if job is None:
        return
    if not job.claim():
        if not job.has_tries_left:
            uploads.fail_upload(job=job, reason=_("多次尝试都没有完成,请联系学分银行管理中心。"))
        return
    try:
        counts, report = _run(job, import_file)
    except ImportFileError as error:
        uploads.fail_upload(job=job, reason=str(error))
    except FileNotFoundError:
        uploads.fail_upload(job=job, reason=_("上传的文件已不存在,请重新上传。"))
    else:
        uploads.finish_upload(job=job, counts=counts.as_dict(), report=report)


def _run(job, import_file):
    """Return the counts and the text of the report of refused rows."""
    with tempfile.TemporaryDirectory(prefix="import-") as folder, closing(_Progress(job)) as progress:
        report = Path(folder) / "report.csv"
        counts = import_file(
            path=job.path,
            institution=job.institution,
            dry_run=job.is_dry_run,
            report=report,
            on_progress=progress,
            row_limit=settings.IMPORT_ROWS_PAGE,
        )
        return counts, report.read_text(encoding="utf-8-sig") if counts.refused else ""


class _Progress:
    """Writes the share done through a connection of its own: the import's transaction would hide it."""

    def __init__(self, job):
        self.job = job
        self.shown, self.told_at = 0, time.monotonic()
        self.connection = connection.copy()

    def __call__(self, share):
        percent = min(int(share * 100), 99)
        if percent < self.shown + 5 and time.monotonic() < self.told_at + TELL_EVERY:
            return
        self.shown, self.told_at = max(percent, self.shown), time.monotonic()
        table = self.connection.ops.quote_name(self.job._meta.db_table)
        with self.connection.cursor() as cursor:
            cursor.execute(
                f"UPDATE {table} SET progress = %s, touched_at = now() WHERE id = %s",  # noqa: S608 - a table of ours
                [self.shown, self.job.pk],
            )

    def close(self):
        self.connection.close()
