"""Whether everybody can use a page: WCAG 2.2 AA and axe's best practices, in light and in dark."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_OPTIONS = {"runOnly": _TAGS, "resultTypes": ["violations"]}


def violations(page: Page) -> list[str]:
    """Return what axe finds wrong with the page as it is, in both colour schemes."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        results = Axe().run(page, options=_OPTIONS).response["violations"]
        found += [
            f"{scheme} {page.url}: {each['id']}: {node['html']}"
            for each in results
            for node in each["nodes"]
        ]
    page.emulate_media(color_scheme=None)
    return found
