"""What promises.md asks of every task (Queue, faults, recovery)."""

import pytest

from creditbank.celery import app


@pytest.fixture
def tasks():
    """Every task of the portal by name, those loaded that nobody has imported yet."""
    app.loader.import_default_modules()
    return {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}


def test_every_task_ends_before_half_the_visibility_timeout(tasks):
    """Else the broker hands it to a second worker while the first is still at it."""
    half = app.conf.broker_transport_options["visibility_timeout"] / 2
    limits = {name: task.time_limit or app.conf.task_time_limit for name, task in tasks.items()}
    assert "achievements.tasks.run_achievement_import" in limits
    assert {name: limit for name, limit in limits.items() if limit >= half} == {}


def test_tasks_are_acknowledged_late_and_one_at_a_time(tasks):
    assert tasks
    assert all(task.acks_late and task.reject_on_worker_lost for task in tasks.values())
    assert app.conf.worker_prefetch_multiplier == 1
