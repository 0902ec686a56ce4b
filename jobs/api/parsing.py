"""Bodies of the API's calls."""

from __future__ import annotations

import io
from typing import IO, Any

from rest_framework import parsers

from events.problems import Problem

_LONGEST = 256 * 1024  # bytes; a hundred ids are four thousand


class JSONParser(parsers.JSONParser):
    """JSON, up to a length: DRF would take any into memory."""

    def parse(self, stream: IO[bytes], *args: Any, **kwargs: Any) -> Any:
        """Return the document. Raises ParseError or Problem 413."""
        body = stream.read(_LONGEST + 1)
        if len(body) > _LONGEST:
            raise Problem(413, "too_large", f"JSON may have up to {_LONGEST // 1024} KB.")
        return super().parse(io.BytesIO(body), *args, **kwargs)
