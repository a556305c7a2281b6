"""Tasks take the id of a row and are safe to run twice."""

from functools import partial

from celery import shared_task

from accounts.importers.uploads import run_upload
from accounts.services.uploads import silent_uploads
from conversion.importers.rules import import_rules
from conversion.models import RuleImport
from conversion.services.roots import seal_days


@shared_task
def seal_ledger():
    """Make and export the daily roots that are due."""
    seal_days()


@shared_task(soft_time_limit=240, time_limit=250)
def run_rule_import(pk):
    """Run the dry run or the import that a job waits for, as the person who uploaded the file."""
    if job := RuleImport.objects.filter(pk=pk).select_related("uploaded_by").first():
        named = partial(import_rules, by=job.uploaded_by, name=f" {job.name}")
        run_upload(model=RuleImport, pk=pk, import_file=named)


@shared_task
def sweep_rule_imports():
    for job in silent_uploads(model=RuleImport):
        run_rule_import.apply_async((job.pk,), retry=False)
