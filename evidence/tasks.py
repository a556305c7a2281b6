"""Tasks take the id of a row and are safe to run twice."""

from celery import shared_task
from django.utils import timezone

from evidence import services


@shared_task(soft_time_limit=110, time_limit=120)  # clamd's time and the child's patience, with some to spare
def inspect_evidence(pk):
    services.inspect_evidence(pk=pk)


@shared_task
def sweep_evidence():
    """Inspect what a lost ring or a killed worker left behind."""
    for pk in services.evidence_to_sweep():
        inspect_evidence.apply_async((pk,), retry=False)


@shared_task
def sweep_bytes():
    """Delete content that no row names any more: removed files, uploads that were cut off. A day sees all of it."""
    services.sweep_bytes(part=timezone.now().hour, parts=24)
