"""Calls to addresses that somebody else chose: to public hosts alone, and never for long.

What is checked is what is connected to: a name is looked up once, and its answer judged, for each
request and each redirect.
"""

from __future__ import annotations

from .client import Answer, get, send
from .network import check_where_it_leads
from .rules import FetchError, Rules, Target, check

__all__ = [
    "Answer",
    "FetchError",
    "Rules",
    "Target",
    "check",
    "check_where_it_leads",
    "get",
    "send",
]
