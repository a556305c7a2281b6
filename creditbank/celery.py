"""The Celery application: worker and beat are started with `-A creditbank`."""

import logging
import os

from celery import Celery
from celery.signals import setup_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "creditbank.settings")

app = Celery("creditbank")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect
def keep_our_logging(loglevel, **kwargs):
    """Celery would add handlers of its own to those of the settings; only `--loglevel` is its to say."""
    logging.getLogger("celery").setLevel(loglevel)
