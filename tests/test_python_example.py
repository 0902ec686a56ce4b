"""The Python example follows a job through what a server says on its way down and up again."""

from __future__ import annotations

import importlib.util
from types import ModuleType

import httpx
import pytest
from django.conf import settings

EXAMPLE = settings.BASE_DIR / "client" / "examples" / "python" / "restore.py"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    spec = importlib.util.spec_from_file_location("example", EXAMPLE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "PAUSE", 0)
    return module


def stream(text: str) -> httpx.Response:
    return httpx.Response(200, headers={"Content-Type": "text/event-stream"}, text=text)


def test_it_comes_back_while_the_server_is_away(example: ModuleType) -> None:
    answers = [
        httpx.Response(502, html="<h1>Bad Gateway</h1>"),
        stream("retry: 1\n\nid: 1\nevent: queued\ndata: {}\n\n"),
        httpx.Response(503, json={"code": "server_full"}),
        stream("id: 2\nevent: completed\ndata: {}\n\n"),
        httpx.Response(204),
    ]
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.headers["Last-Event-ID"])
        return answers[len(asked) - 1]

    client = httpx.Client(base_url="http://site", transport=httpx.MockTransport(answer))
    assert [event.event for event in example.events(client, "/events/1")] == ["queued", "completed"]
    assert asked == ["", "", "1", "1", "2"]


def test_what_is_refused_ends_it(example: ModuleType) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(404))
    client = httpx.Client(base_url="http://site", transport=transport)
    with pytest.raises(httpx.HTTPStatusError):
        list(example.events(client, "/events/1"))
