"""Tasks take the id of a row and are safe to run twice."""

import tempfile
from contextlib import closing
from pathlib import Path

from captcha.models import CaptchaStore
from celery import shared_task
from django.conf import settings
from django.db import connection
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.importers.columns import ImportFileError
from accounts.importers.roster import import_roster
from accounts.models import RosterImport, SignInSession
from accounts.services import merging, rosters


@shared_task
def run_roster_import(pk):
    """Run the dry run or the import that a job waits for."""
    job = RosterImport.objects.filter(pk=pk, status__in=RosterImport.RUNNING).select_related("institution").first()
    if job is None:
        return
    if not job.claim():
        if not job.has_tries_left:
            rosters.fail_roster(job=job, reason=_("多次尝试都没有完成,请联系学分银行管理中心。"))
        return
    try:
        counts, report = _run(job)
    except ImportFileError as error:
        rosters.fail_roster(job=job, reason=str(error))
    except FileNotFoundError:
        rosters.fail_roster(job=job, reason=_("上传的文件已不存在,请重新上传。"))
    else:
        rosters.finish_roster(job=job, counts=counts.as_dict(), report=report)


def _run(job):
    """Return the counts and the text of the report of refused rows."""
    with tempfile.TemporaryDirectory(prefix="roster-") as folder, closing(_Progress(job)) as progress:
        report = Path(folder) / "report.csv"
        counts = import_roster(
            path=job.path,
            institution=job.institution,
            dry_run=job.status == RosterImport.Status.CHECKING,
            report=report,
            on_progress=progress,
            row_limit=settings.IMPORT_ROWS_PAGE,
        )
        return counts, report.read_text(encoding="utf-8-sig") if counts.refused else ""


class _Progress:
    """Writes the share done through a connection of its own: the import's transaction would hide it."""

    def __init__(self, job):
        self.job = job
        self.shown = 0
        self.connection = connection.copy()

    def __call__(self, share):
        percent = min(int(share * 100), 99)
        if percent < self.shown + 5:
            return
        self.shown = percent
        with self.connection.cursor() as cursor:
            cursor.execute(
                "UPDATE accounts_rosterimport SET progress = %s, touched_at = now() WHERE id = %s",
                [percent, self.job.pk],
            )

    def close(self):
        self.connection.close()


@shared_task
def sweep_rosters():
    for job in rosters.silent_rosters():
        run_roster_import.apply_async((job.pk,), retry=False)


@shared_task
def sweep_merges():
    merging.move_stragglers()


@shared_task
def sweep_sessions():
    """Forget sessions that have reached a limit and captchas nobody solved in time; they opened nothing any more."""
    SignInSession.objects.filter(expire_date__lte=timezone.now()).delete()
    CaptchaStore.remove_expired()
