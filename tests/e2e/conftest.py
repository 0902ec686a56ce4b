"""Everything here runs real processes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect, sync_playwright

from tests.services import free_port
from tests.wire import Wires

from .browsers import WITHIN, launched
from .stage import Stage
from .streams.server import Scribe, Server, serving_alone, writing

expect.set_options(timeout=WITHIN)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.e2e)


@pytest.fixture
def own(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a port, a database and a folder of the test's own."""
    return {
        "PORT": str(free_port()),
        "DATABASE_URL": f"sqlite:///{tmp_path / 'db.sqlite3'}",
        "MEDIA_ROOT": str(tmp_path / "media"),
    }


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a Chromium."""
    with sync_playwright() as playwright:
        chromium = launched(playwright)
        if chromium is None:
            if os.environ.get("CI"):
                pytest.fail("CI must have a Chromium.")
            pytest.skip("No Chromium: apt install chromium, or .venv/bin/playwright install.")
        yield chromium
        chromium.close()


@pytest.fixture(autouse=True)
def _no_pages_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Close what a test has opened: pages that go on being live keep the machine busy."""
    yield
    if "browser" in request.fixturenames:
        for context in request.getfixturevalue("browser").contexts:
            context.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Run the site without workers: nothing happens but what a test asks for and reports."""
    with serving_alone(tmp_path_factory.mktemp("alone")) as server:
        yield server


@pytest.fixture(autouse=True)
def _served(request: pytest.FixtureRequest) -> None:
    """Have the module's server run, whatever the test before has left of it."""
    if "server" in request.fixturenames:
        request.getfixturevalue("server").be_there()


@pytest.fixture
def stage(server: Server) -> Stage:
    """Return somebody there with photos in every state."""
    return Stage(server.env, more=0)


@pytest.fixture
def scribe(server: Server) -> Iterator[Scribe]:
    """Return somebody with a job on the module's server."""
    with writing(server) as scribe:
        yield scribe


@pytest.fixture
def wires(server: Server) -> Iterator[Wires]:
    """Return connections to the module's server."""
    wires = Wires(server.address)
    yield wires
    wires.close()
