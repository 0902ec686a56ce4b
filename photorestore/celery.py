"""The Celery app; its settings are Django's, prefixed CELERY_."""

from __future__ import annotations

import os
import warnings

from celery import Celery
from celery.signals import beat_init, worker_init
from django.core.management.base import BaseCommand, SystemCheckError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "photorestore.settings")

# Tasks come as JSON, ids and nothing else: as root they can do no more than the site itself.
warnings.filterwarnings("ignore", message="You're running the worker with superuser")

app = Celery("photorestore")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["jobs.accounts"])


@worker_init.connect
@beat_init.connect
def check(**kwargs: object) -> None:
    """Run the system checks: Celery does so itself, and goes on whatever they say."""
    try:
        BaseCommand().check()
    except SystemCheckError as error:
        raise SystemExit(str(error)) from error
