"""The one exception whose text is meant for the person who sent the photo."""

from __future__ import annotations


class RestoreError(Exception):
    """The photo cannot be restored; str() is one sentence a person understands."""
