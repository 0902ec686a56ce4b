"""What the person at the terminal sees of the processes that run for them."""

from __future__ import annotations

import os
import re
import signal
from collections import deque
from pathlib import Path
from typing import IO, Any

from honcho.printer import Printer

_STOPPED = re.compile(r"(\w+) stopped \(rc=(-?\d+)\)")
# Remarks that say nothing while all is well: the manager's, and Valkey's on kernel settings.
_CHATTER = re.compile(r"\w+ started \(pid=|sending SIG\w+ to |.*WARNING Memory overcommit")
_KEPT = 40  # lines of hidden output that are shown when something goes wrong


class Console(Printer):  # type: ignore[misc]
    """Prints the processes' lines with their names; with `only`, one process's lines and bare.

    Remembers which process ended first, since that is why the others were stopped.
    """

    def __init__(self, output: IO[str], *, only: str | None = None) -> None:
        super().__init__(output, prefix=only is None)
        self._only = only
        self._hidden: deque[Any] = deque(maxlen=_KEPT)
        self._ended: tuple[str, int] | None = None
        self._asked = False

    def write(self, message: Any) -> None:
        """Print, or keep for later, a message of the manager's."""
        text = (
            message.data if isinstance(message.data, str) else message.data.decode(errors="replace")
        )
        if message.name == "system":
            self._note(text)
        elif self._asked or self._ended:
            # What stopping processes say of each other's absence is no news.
            return
        if _CHATTER.match(text):
            return
        if self._only and message.name != self._only:
            self._hidden.append(message)
        else:
            self._print(message)

    def _print(self, message: Any) -> None:
        """Print; where nobody is left to see it (a closed terminal, a pipe's end), stop all."""
        try:
            super().write(message)
        except OSError:
            self.output = Path(os.devnull).open("w")  # noqa: SIM115 - to the end
            os.kill(os.getpid(), signal.SIGTERM)

    def _note(self, text: str) -> None:
        self._asked = self._asked or " received" in text
        if self._ended is None and (found := _STOPPED.match(text)):
            self._ended = found[1], int(found[2])

    def close(self) -> None:
        """Say why everything was stopped, unless somebody asked for it or it was the aim."""
        if self._asked or self._ended is None:
            return
        name, status = self._ended
        if name == self._only:
            return
        for message in self._hidden:
            self._print(message)
        self.output.write(f"{name} {_how(status)}, so everything was stopped.\n")
        self.output.flush()


def _how(status: int) -> str:
    if status < 0:
        return f"was killed by {signal.Signals(-status).name}"
    return f"ended with status {status}"
