"""The Celery application: worker and beat are started with `-A creditbank`."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "creditbank.settings")

app = Celery("creditbank")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
