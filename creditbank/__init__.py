"""Settings, URL map and process entry points. Nothing imports this package but its processes."""

from creditbank.celery import app as celery_app

__all__ = ["celery_app"]
