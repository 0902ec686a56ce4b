"""One client's place in the relay."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TypedDict

from django.conf import settings


class Message(TypedDict):
    """An event on its way through the channel layer; `data` is the JSON text to send."""

    type: str
    stream: str
    seq: int
    event: str
    data: str
    final: bool


class Follower:
    """What waits for one client, in bounded number, and what that client has seen."""

    def __init__(self, *, seen: int) -> None:
        self.seen = seen
        self._messages: deque[Message] = deque()
        self._behind = False
        self._wake = asyncio.Event()

    def offer(self, message: Message) -> None:
        """Queue a message; one too many, and the client reads the log instead."""
        if len(self._messages) >= settings.EVENTS_BUFFER:
            self.fall_behind()
        else:
            self._messages.append(message)
            self._wake.set()

    def fall_behind(self) -> None:
        """Drop what waits and send the client to the log."""
        self._messages.clear()
        self._behind = True
        self._wake.set()

    async def wait(self, *, within: float) -> bool:
        """Wait until there is something to do; False after `within` seconds of quiet."""
        try:
            async with asyncio.timeout(within):
                await self._wake.wait()
        except TimeoutError:
            return False
        return True

    def take(self) -> tuple[list[Message], bool]:
        """Return the messages that are next in line, and whether the log must be read."""
        messages, behind = list(self._messages), self._behind
        self._messages.clear()
        self._behind = False
        self._wake.clear()
        due: list[Message] = []
        for message in messages:
            expected = self.seen + len(due) + 1
            if message["seq"] == expected:
                due.append(message)
            elif message["seq"] > expected:
                behind = True
        return due, behind
