"""What promises.md asks of every task (Queue, faults, recovery)."""

from creditbank.celery import app


def test_every_task_ends_before_half_the_visibility_timeout():
    """Else the broker hands it to a second worker while the first is still at it."""
    app.loader.import_default_modules()
    half = app.conf.broker_transport_options["visibility_timeout"] / 2
    limits = {name: task.time_limit or app.conf.task_time_limit for name, task in app.tasks.items()}
    assert "achievements.tasks.run_achievement_import" in limits
    assert {name: limit for name, limit in limits.items() if limit >= half} == {}


def test_tasks_are_acknowledged_late_and_one_at_a_time():
    own = [task for name, task in app.tasks.items() if not name.startswith("celery.")]
    assert own
    assert all(task.acks_late and task.reject_on_worker_lost for task in own)
    assert app.conf.worker_prefetch_multiplier == 1
