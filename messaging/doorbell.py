"""Ringing a Celery task (by name: services stand below tasks) for a row that was written in the same transaction."""

import logging
import time
from functools import partial

from celery import current_app
from django.db import transaction

logger = logging.getLogger(__name__)

QUIET_SECONDS = 10
_quiet_until = float("-inf")


def _ring(task, pk, countdown):
    """Ring, unless the broker failed a moment ago: one that hangs costs each try its timeout, and a form rings ten."""
    global _quiet_until
    if time.monotonic() < _quiet_until:
        return
    try:
        current_app.send_task(task, (pk,), countdown=countdown, retry=False)
    except Exception:  # whatever the broker's client raises: the row is saved, the sweeper finds it
        _quiet_until = time.monotonic() + QUIET_SECONDS
        logger.warning("broker away, %s left to the sweeper", task)


def ring(task, pk, countdown=None):
    """Ring the task of that name with a row's id once the transaction has committed; no broker, no failure."""
    transaction.on_commit(partial(_ring, task, pk, countdown), robust=True)
