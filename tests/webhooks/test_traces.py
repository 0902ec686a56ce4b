"""What is kept of a call has nothing in it that is secret or a person's."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as some

from tests import factories
from webhooks import traces

TOKEN = "rT5xJ2-token"
JSON = some.recursive(
    some.none() | some.booleans() | some.integers() | some.floats() | some.text(),
    lambda inner: some.lists(inner) | some.dictionaries(some.text(), inner),
)


def test_a_report_is_kept_without_photo_result_token_and_addresses() -> None:
    picture = base64.b64encode(factories.picture()).decode()
    body = {
        "id": "a-u1",
        "status": "FAILED",
        "delayTime": 12,
        "error": f"GET https://photos.example/p?signature=abc failed, see {TOKEN}",
        "input": {"image": picture},
        "output": {"images": [{"data": picture, "type": "base64"}], "seed": 7},
        "webhook": f"https://photos.example/{TOKEN}",
    }
    assert traces.report_of(body, token=TOKEN) == {
        "id": "a-u1",
        "status": "FAILED",
        "delayTime": 12,
        "error": "GET https://photos.example/… failed, see …",
        "output": {
            "images": [{"data": f"… ({len(picture)} characters)", "type": "base64"}],
            "seed": 7,
        },
    }


def test_headers_are_kept_without_what_may_be_secret() -> None:
    headers = {
        "User-Agent": "RunPod",
        "Authorization": "Bearer x",
        "Cookie": "sessionid=x",
        "X-Api-Key": "x",
        "X-Forwarded-Uri": f"/api/v1/webhooks/runpod-completion/{TOKEN}",
        "Referer": "https://photos.example/?signature=x",
    }
    assert traces.headers_of(headers, token=TOKEN) == {
        "User-Agent": "RunPod",
        "X-Forwarded-Uri": "/api/v1/webhooks/runpod-completion/…",
        "Referer": "https://photos.example/…",
    }


@pytest.mark.parametrize("body", [[{"a": "b" * 61}] * 100, "x" * 5000, {"a": {"b": {"c": {}}}}])
def test_what_is_long_or_deep_is_cut(body: Any) -> None:
    assert len(json.dumps(traces.report_of(body, token=TOKEN))) < 1500


def test_a_word_of_megabytes_in_place_of_a_sentence_is_cut_at_once() -> None:
    kept = traces.report_of({"error": "x" * 4_000_000}, token=TOKEN)
    assert kept == {"error": "x" * 500}


@given(JSON)
def test_whatever_comes_can_be_kept(body: Any) -> None:
    kept = json.dumps(traces.report_of(body, token=TOKEN), allow_nan=False)
    # PostgreSQL takes no such character; a backslash that is written out is another matter.
    assert "\\u0000" not in kept.replace("\\\\", "")


@given(some.dictionaries(some.text(), JSON), some.text())
def test_the_token_is_nowhere_in_it(body: dict[str, Any], text: str) -> None:
    body["error"] = text + TOKEN
    body[TOKEN] = [TOKEN]
    assert TOKEN not in json.dumps(traces.report_of(body, token=TOKEN))
