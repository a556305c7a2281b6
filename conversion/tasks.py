"""Tasks take the id of a row and are safe to run twice."""

from celery import shared_task

from conversion.services.roots import seal_days


@shared_task
def seal_ledger():
    """Make and export the daily roots that are due."""
    seal_days()
