"""The JSON API: translates, and makes one call."""

from __future__ import annotations
