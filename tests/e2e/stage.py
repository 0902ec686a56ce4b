"""Photos in every state, for whoever looks at all pages: tests and screenshots."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from playwright.sync_api import Browser, Page

from .system import ROOT

PASSWORD = "a shoebox of photos"
_SCRIPT = """
import json
from pathlib import Path
from tests.e2e import stage_rows
print(json.dumps(stage_rows.make(MORE)))
"""


class Stage:
    """Somebody with photos in every state, somebody without, and the addresses of it all."""

    PUBLIC = frozenset({"sign-in", "sign-up", "shared", "shared-locked", "not-found"})

    def __init__(self, env: Mapping[str, str], *, more: int = 4) -> None:
        """Make it on the site of that environment, with so many finished photos besides."""
        self._env = dict(env)
        made = self._run(_SCRIPT.replace("MORE", str(more)))
        self._made: dict[str, Any] = json.loads(made.splitlines()[-1])

    def _run(self, script: str) -> str:
        command = [sys.executable, "manage.py", "shell", "-v", "0", "-c", script]
        return subprocess.run(
            command, cwd=ROOT, env=self._env, capture_output=True, text=True, check=True
        ).stdout

    def report(self, name: str, status: str) -> None:
        """Have RunPod say so of the named photo's newest job."""
        self._run(
            f"from tests.e2e import stage_rows; stage_rows.report({self._id(name)}, '{status}')"
        )

    def ask_again(self, name: str) -> None:
        """Have the named photo's owner ask for another result."""
        self._run(f"from tests.e2e import stage_rows; stage_rows.ask_again({self._id(name)})")

    def tell_places(self) -> None:
        """Have those who wait told how many are before them."""
        self._run("from jobs import places; places.tell()")

    def _id(self, name: str) -> str:
        return repr(self.pages()[f"photo-{name}"].split("/")[2])

    def pages(self) -> dict[str, str]:
        """Return the path of each page by its name."""
        fixed = {
            "photos": "/",
            "failed-photos": "/?state=failed",
            "sign-in": "/accounts/sign-in/",
            "sign-up": "/accounts/sign-up/",
            "not-found": "/nowhere/",
        }
        return {**fixed, **self._made["paths"]}

    def session(self) -> str:
        """Return the key of the session of who has the photos."""
        return str(self._made["sessions"]["full"])

    def visitor(
        self,
        browser: Browser,
        site: str,
        *,
        anonymous: bool = False,
        empty: bool = False,
        **options: Any,
    ) -> Page:
        """Return a page of who has the photos, of who has none, or of nobody."""
        context = browser.new_context(base_url=site, **options)
        if not anonymous:
            key = self._made["sessions"]["empty" if empty else "full"]
            context.add_cookies([{"name": "sessionid", "value": key, "url": site}])
        return context.new_page()
