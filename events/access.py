"""Who may follow what: the words for it. The answers are the site's (EVENTS_AUTHORITY)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Protocol, cast

from .conf import settings
from .grants import Grant
from .requests import Request


@dataclass(frozen=True, slots=True)
class Session:
    """Somebody known by a session, named by its key."""

    key: str


@dataclass(frozen=True, slots=True)
class Token:
    """Somebody known by an API token, of which this is the hash."""

    hash: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody wants to follow the thing of that id, or with None everything of theirs.

    The id is a UUID's text: whole crowds are compared by it.
    """

    who: Session | Token | Grant
    id: str | None

    def narrowed(self, stream: str) -> Ask:
        """Return what is enough to ask again: a grant may name a hundred streams more."""
        if isinstance(self.who, Grant) and len(self.who.streams) > 1:
            return replace(self, who=replace(self.who, streams=(stream,)))
        return self


@dataclass(frozen=True, slots=True)
class Access:
    """They may: this is the stream, and this is whose streams it counts among."""

    stream: str
    user: int


class Authority(Protocol):
    """What the module that EVENTS_AUTHORITY names has to offer."""

    def ask_of(self, request: Request, id: str | None) -> Ask:
        """Read the request, and nothing else. Raises an APIException for what it does not show."""

    def answer(self, asks: Sequence[Ask]) -> list[Access | Exception]:
        """Answer many at once, in few queries; an APIException or Http404 where they may not."""


def authority() -> Authority:
    """Return the site's authority."""
    return cast("Authority", import_module(settings.EVENTS_AUTHORITY))


def until_of(ask: Ask) -> float | None:
    """Return when the permission ends by itself, in seconds since the epoch; None for never."""
    return ask.who.until if isinstance(ask.who, Grant) else None


def question(request: Request, id: str | None) -> Ask:
    """Return what the request asks for."""
    return authority().ask_of(request, id)
