"""The app of streams."""

from __future__ import annotations

from django.apps import AppConfig


class EventsConfig(AppConfig):
    """Append-only streams and their relay to browsers; knows nothing of jobs."""

    name = "events"
