"""The app of photos, jobs and restores."""

from __future__ import annotations

from django.apps import AppConfig


class JobsConfig(AppConfig):
    """The domain: photos, jobs, restores; RunPod; API, pages, admin."""

    name = "jobs"
