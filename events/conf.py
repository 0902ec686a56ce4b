"""Django's settings, each looked up once."""

from __future__ import annotations

from typing import Any

from django.conf import settings as _settings
from django.core.signals import setting_changed
from django.dispatch import receiver


class _Settings:
    """Keeps what was read: Django's own take half a microsecond, and an open stream reads a dozen.

    Raises AttributeError for what is no setting.
    """

    def __getattr__(self, name: str) -> Any:
        value = self.__dict__[name] = getattr(_settings, name)
        return value


settings = _Settings()


@receiver(setting_changed)
def _forget(*, setting: str, **kwargs: Any) -> None:
    """Read it anew: a test has changed it."""
    settings.__dict__.pop(setting, None)
