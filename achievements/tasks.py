"""Tasks take the id of a row and are safe to run twice."""

from functools import partial

from celery import shared_task

from accounts.importers.uploads import run_upload
from accounts.services.uploads import silent_uploads
from achievements.importers.achievements import import_achievements
from achievements.importers.catalogue import import_catalogue
from achievements.models import AchievementImport, CatalogueImport
from achievements.services import drafts


@shared_task(soft_time_limit=240, time_limit=250)
def run_achievement_import(pk):
    """Run the dry run or the import that a job waits for: 50,000 rows take longer than other tasks may.

    When the broker delivers it again meanwhile, the job is claimed already.
    """
    run_upload(model=AchievementImport, pk=pk, import_file=import_achievements)


@shared_task
def sweep_achievement_imports():
    for job in silent_uploads(model=AchievementImport):
        run_achievement_import.apply_async((job.pk,), retry=False)


@shared_task
def run_catalogue_import(pk):
    """Run the dry run or the import that a job waits for, as the person who uploaded the file."""
    if job := CatalogueImport.objects.filter(pk=pk).select_related("uploaded_by").first():
        run_upload(model=CatalogueImport, pk=pk, import_file=partial(_import_of, job))


def _import_of(job, *, institution, **options):
    return import_catalogue(by=job.uploaded_by, name=f" {job.name}", **options)


@shared_task
def sweep_catalogue_imports():
    for job in silent_uploads(model=CatalogueImport):
        run_catalogue_import.apply_async((job.pk,), retry=False)


@shared_task
def sweep_drafts():
    """Let drafts go that nobody has saved for long."""
    drafts.discard_expired()
