"""Tasks take the id of a row and are safe to run twice."""

from celery import shared_task

from accounts.importers.uploads import run_upload
from accounts.services.uploads import silent_uploads
from achievements.importers.achievements import import_achievements
from achievements.models import AchievementImport


@shared_task
def run_achievement_import(pk):
    """Run the dry run or the import that a job waits for."""
    run_upload(model=AchievementImport, pk=pk, import_file=import_achievements)


@shared_task
def sweep_achievement_imports():
    for job in silent_uploads(model=AchievementImport):
        run_achievement_import.apply_async((job.pk,), retry=False)
