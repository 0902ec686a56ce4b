"""The JavaScript client in Chromium, on a page of another origin that knows its user by grants."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx2
import jwt
import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page

from events import grants
from jobs.streams import job_stream
from tests.services import PATIENCE
from tests.streams import eventually

from .browsers import opened
from .elsewhere import serving_files
from .streams import database as databases
from .streams.server import Scribe, Server, serving
from .system import ROOT

KEYS = "test:a-key-of-thirty-two-bytes-at-least"
SOON = timedelta(seconds=15)
FOLLOW = """async ({ site, job, tokens, transport }) => {
  const { createClient } = await import("/src/index.js");
  const { eventSource } = await import("/src/eventsource.js");
  const told = { events: [], connections: [], renewed: 0 };
  const getToken = ({ expired }) => {
    if (expired) told.renewed += 1;
    return told.renewed ? tokens[1] : tokens[0];
  };
  const options = { baseUrl: site, getToken, ...(transport && { transport: eventSource }) };
  createClient(options).subscribe(job, {
    onEvent: ({ type, id }) => told.events.push(`${id} ${type}`),
    onConnection: (connection) => told.connections.push(connection),
  });
  window.told = told;
}"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Run the site, which lists no other origin."""
    with serving(databases.new("client"), tmp_path, EVENTS_GRANT_KEYS=KEYS) as server:
        yield server


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    """Open a page of another origin, which has the client's files."""
    with serving_files(ROOT / "client") as origin:
        page = opened(browser)
        page.goto(f"{origin}/src/")
        yield page
        page.close()


def granted(server: Server, scribe: Scribe) -> str:
    """Return a grant for the job, as another site's server asks for it."""
    url, body = f"{server.address}/api/v1/events/token", {"job_ids": scribe.jobs}
    answer = httpx2.post(url, json=body, headers=scribe.bearer, timeout=PATIENCE)
    return str(answer.json()["token"])


def ending(grant: str, job: str, settings: Any) -> str:
    """Return a grant like that one which has most of its hour behind it."""
    settings.EVENTS_GRANT_KEYS = KEYS
    user = int(jwt.decode(grant, options={"verify_signature": False})["sub"])
    hour = timedelta(seconds=settings.EVENTS_GRANT_LIFETIME)
    return grants.issue(
        user=user, streams=[job_stream(UUID(job))], now=timezone.now() - hour + SOON
    ).token


def test_an_expired_grant_and_a_restart_cost_no_event(
    server: Server, scribe: Scribe, page: Page, settings: Any
) -> None:
    (job,) = scribe.jobs
    grant = granted(server, scribe)
    tokens = [ending(grant, job, settings), grant]
    page.evaluate(FOLLOW, {"site": server.address, "job": job, "tokens": tokens})

    def told(what: str) -> Any:
        return page.evaluate(f"told.{what}")

    count = len([scribe.append(job) for _ in range(3)])
    eventually(lambda: len(told("events")) == count)
    # In turn: at the same time they might be one break.
    eventually(lambda: told("renewed") == 1)
    count += len([scribe.append(job) for _ in range(3)])
    eventually(lambda: len(told("events")) == count)
    server.stop()
    count += len([scribe.append(job) for _ in range(3)])
    server.start()
    eventually(lambda: len(told("events")) == count)
    count += len([scribe.append(job) for _ in range(3)])
    scribe.append(job, "completed", final=True)
    eventually(lambda: told("connections")[-1] == "closed")
    expected = [f"{number} progress" for number in range(1, count + 1)]
    assert told("events") == [*expected, f"{count + 1} completed"]
    assert told("connections").count("reconnecting") >= 2
    assert told("renewed") == 1


def test_the_browser_s_own_eventsource_follows_by_a_grant(
    server: Server, scribe: Scribe, page: Page
) -> None:
    (job,) = scribe.jobs
    tokens = [granted(server, scribe)] * 2
    wish = {"site": server.address, "job": job, "tokens": tokens, "transport": True}
    page.evaluate(FOLLOW, wish)
    scribe.append(job)
    eventually(lambda: page.evaluate("told.events") == ["1 progress"])
    server.stop()
    scribe.append(job)
    server.start()
    scribe.append(job, "completed", final=True)
    eventually(lambda: page.evaluate("told.connections.at(-1)") == "closed")
    assert page.evaluate("told.events") == ["1 progress", "2 progress", "3 completed"]
