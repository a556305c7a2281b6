"""Tasks take the id of a row and are safe to run twice."""

from datetime import timedelta

from captcha.models import CaptchaStore
from celery import shared_task
from django.utils import timezone

from accounts.importers.roster import import_roster
from accounts.importers.uploads import run_upload
from accounts.models import RosterImport, SignInSession, VerificationCode
from accounts.services import merging
from accounts.services.uploads import silent_uploads


@shared_task
def run_roster_import(pk):
    """Run the dry run or the import that a job waits for."""
    run_upload(model=RosterImport, pk=pk, import_file=import_roster)


@shared_task
def sweep_rosters():
    for job in silent_uploads(model=RosterImport):
        run_roster_import.apply_async((job.pk,), retry=False)


@shared_task
def sweep_merges():
    merging.move_stragglers()


@shared_task
def sweep_sessions():
    """Forget sessions that have reached a limit, captchas nobody solved in time and codes of days past."""
    SignInSession.objects.filter(expire_date__lte=timezone.now()).delete()
    CaptchaStore.remove_expired()
    VerificationCode.objects.filter(expires_at__lte=timezone.now() - timedelta(days=1)).delete()
