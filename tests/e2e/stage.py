"""Photos in every state, for whoever looks at all pages: tests and screenshots."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

from playwright.sync_api import Browser, Page, Route

from .browsers import opened
from .scenes import SCENES
from .system import ROOT

_SCRIPT = """
import json
from tests.e2e import stage_rows
print(json.dumps(stage_rows.make(MORE)))
"""


class Stage:
    """Somebody with photos in every state, somebody without, and all that they may see."""

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
        return repr(self.path(f"photo-{name}").split("/")[2])

    def path(self, name: str) -> str:
        """Return the path of the scene."""
        path = SCENES[name].path
        return path if path.startswith("/") else str(self._made["paths"][path])

    def session(self) -> str:
        """Return the key of the session of who has the photos."""
        return str(self._made["sessions"]["full"])

    def show(self, browser: Browser, site: str, name: str, **options: Any) -> Page:
        """Return a page that shows the scene."""
        scene = SCENES[name]
        page = self.visitor(browser, site, who=scene.who, **options)
        for path, html in self._made["errors"].items():
            page.route(f"**{path}", _answering(html))
        page.goto(self.path(name), wait_until="load")
        assert not (scene.who and "/sign-in/" in page.url)
        if scene.act:
            scene.act(page)
        return page

    def follow(self, page: Page, name: str) -> None:
        """Have the visitor's page show the scene, until it follows its stream."""
        with page.expect_response(re.compile("/api/v1/events")):
            page.goto(self.path(name))

    def visitor(self, browser: Browser, site: str, *, who: str = "full", **options: Any) -> Page:
        """Return a page of who has the photos, of who has none ("empty"), or of nobody ("")."""
        page = opened(browser, base_url=site, **options)
        if who:
            key = self._made["sessions"][who]
            page.context.add_cookies([{"name": "sessionid", "value": key, "url": site}])
        return page


def _answering(html: str) -> Any:
    """Return what answers with a page that no address of a site in good health has."""

    def answer(route: Route) -> None:
        route.fulfill(body=html, content_type="text/html; charset=utf-8")

    return answer
