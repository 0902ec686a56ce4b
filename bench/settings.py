"""The real settings; a run may set those of the streams by variables of their own names."""

from __future__ import annotations

import os

from photorestore.settings import *  # noqa: F403

globals().update(
    {name: float(value) for name, value in os.environ.items() if name.startswith("EVENTS_")}
)
