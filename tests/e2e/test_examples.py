"""The client's examples, as their readers run them, against the whole system."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.services import PATIENCE, STATE, free_port

from .browsers import opened
from .elsewhere import serving_files
from .system import ROOT, create_token, running

CLIENT = ROOT / "client"
EXAMPLES = CLIENT / "examples"
SAMPLE = ROOT / "restorer" / "samples" / "portrait-1961.jpg"


class Elsewhere:
    """The site that the examples speak to, and where their pages may come from."""

    def __init__(self, site: str, token: str, port: int) -> None:
        self.site = site
        self.token = token
        self.port = port

    @property
    def env(self) -> dict[str, str]:
        """What the programs are told."""
        return {"PHOTORESTORE_URL": self.site, "PHOTORESTORE_TOKEN": self.token}


@pytest.fixture(scope="module")
def there() -> Iterator[Elsewhere]:
    """Run the system once for all of these; it lists one other origin."""
    port = free_port()
    env = {
        "PORT": str(free_port()),
        "DATABASE_URL": f"sqlite:///{STATE / 'examples.sqlite3'}",
        "MEDIA_ROOT": str(STATE / "examples"),
        "CORS_ALLOWED_ORIGINS": f"http://127.0.0.1:{port}",
    }
    with running("run", **env) as system:
        yield Elsewhere(system.site(), create_token(env), port)


def fill_in(page: Page, there: Elsewhere) -> None:
    page.get_by_label("Site").fill(there.site)
    page.get_by_label("API token").fill(there.token)


def is_restored(page: Page) -> None:
    expect(page.get_by_alt_text("The restored photo")).to_be_visible()
    page.wait_for_function("document.querySelector('img').naturalWidth > 0")


def run(*command: str, there: Elsewhere) -> subprocess.CompletedProcess[str]:
    env = there.env | {"PATH": "/usr/bin:/bin"}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE)


def program(name: str) -> str:
    """Return where the program is; AssertionError where there is none."""
    found = shutil.which(name)
    assert found, f"These tests need {name}."
    return found


def test_the_page_of_another_origin(browser: Browser, there: Elsewhere) -> None:
    with serving_files(CLIENT, there.port) as origin:
        page = opened(browser)
        page.goto(f"{origin}/examples/page/")
        fill_in(page, there)
        page.get_by_label("Photo").set_input_files(SAMPLE)
        page.get_by_role("button", name="Restore").click()
        is_restored(page)
        expect(page.locator("output")).to_have_text("completed")
        page.context.close()


def test_the_react_page(browser: Browser, there: Elsewhere, tmp_path: Path) -> None:
    example = EXAMPLES / "react"
    assert (example / "node_modules").exists(), (
        "Install it: make client/examples/react/node_modules/made"
    )
    build = [program("npx"), "vite", "build", "--logLevel", "warn", "--outDir", str(tmp_path)]
    subprocess.run(build, cwd=example, check=True, timeout=PATIENCE)
    with serving_files(tmp_path, there.port) as origin:
        page = opened(browser)
        page.goto(origin)
        fill_in(page, there)
        page.get_by_role("button", name="Go on").click()
        streams: list[str] = []
        page.on(
            "request",
            lambda request: streams.append(request.url) if "/events" in request.url else None,
        )
        page.get_by_label("Photo").set_input_files(SAMPLE)
        is_restored(page)
        expect(page.get_by_role("status")).to_have_text("completed ")
        assert len(streams) == 1
        page.context.close()


@pytest.mark.parametrize(
    "command",
    [
        ("node", EXAMPLES / "node" / "restore.js"),
        (sys.executable, EXAMPLES / "python" / "restore.py"),
    ],
    ids=["node", "python"],
)
def test_the_program(command: tuple[str, Path], there: Elsewhere, tmp_path: Path) -> None:
    photo = tmp_path / "old.jpg"
    shutil.copy(SAMPLE, photo)
    name, script = command
    told = run(program(name), str(script), str(photo), there=there)
    assert (told.returncode, told.stderr) == (0, "")
    result = Path(told.stdout.splitlines()[-1])
    assert result.parent == tmp_path
    with Image.open(result) as picture, Image.open(photo) as original:
        assert picture.size == original.size
    nothing = run(program(name), str(script), there=there)
    assert nothing.returncode
    assert "Say which photo" in nothing.stderr
    photo.write_text("Dear diary")
    refused = run(program(name), str(script), str(photo), there=there)
    assert refused.returncode
    assert "not a picture" in refused.stderr
