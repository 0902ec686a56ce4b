"""The project as an app: for its system checks."""

from __future__ import annotations

from django.apps import AppConfig


class PhotoRestoreConfig(AppConfig):
    """Registers the checks."""

    name = "photorestore"

    def ready(self) -> None:
        """Import what registers itself."""
        from . import checks  # noqa: F401 - Django's own way
