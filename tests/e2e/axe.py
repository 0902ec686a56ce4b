"""Whether everybody can use a page: WCAG 2.2 AA, in light and in dark."""

from __future__ import annotations

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

_STANDARD = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]


def violations(page: Page, *, also: tuple[str, ...] = ("best-practice",)) -> list[str]:
    """Return what axe finds wrong with the page as it is, in both colour schemes."""
    options = {"runOnly": [*_STANDARD, *also], "resultTypes": ["violations"]}
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        results = Axe().run(page, options=options).response["violations"]
        found += [
            f"{scheme} {page.url}: {each['id']}: {node['html']}"
            for each in results
            for node in each["nodes"]
        ]
    page.emulate_media(color_scheme="null")
    return found
