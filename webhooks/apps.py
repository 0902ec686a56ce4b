"""The app of webhooks."""

from __future__ import annotations

from django.apps import AppConfig


class WebhooksConfig(AppConfig):
    """What the outside tells us: RunPod's completion and our worker's progress."""

    name = "webhooks"
