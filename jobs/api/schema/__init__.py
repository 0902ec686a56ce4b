"""The API described: OpenAPI 3.1, of the views, their forms, and the shapes of their answers."""

from __future__ import annotations

from .describing import describe, describe_picture

__all__ = ["describe", "describe_picture"]
