"""Sessions as Django keeps them (SESSION_ENGINE), but for keys that no database would take."""

from __future__ import annotations

from django.contrib.sessions.backends import db

_SHORTEST = 8  # characters, as in Django


class SessionStore(db.SessionStore):
    """Takes what is no key for none, so that a cookie with anything in it is nobody's."""

    def _validate_session_key(self, key: str | None) -> bool:
        return bool(key and is_key(key))


def is_key(text: str) -> bool:
    """Tell whether it may be a key: PostgreSQL takes no NUL, which a cookie can spell."""
    return len(text) >= _SHORTEST and text.isascii() and text.isalnum()
