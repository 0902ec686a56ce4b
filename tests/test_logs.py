"""What never reaches a log line."""

from __future__ import annotations

import logging
import sys

import pytest

from photorestore.logs import InOneLine, WithoutSecrets


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        (
            "Not Found: /api/v1/webhooks/runpod-completion/s3cret-_",
            "Not Found: /api/v1/webhooks/runpod-completion/…",
        ),
        ("POST /runpod-progress/abc?x=1 HTTP", "POST /runpod-progress/…?x=1 HTTP"),
        ("/photos/1/image?signature=1:2:3", "/photos/1/image?signature=…"),
        ("/events/1?last_event_id=3&token=a.b.c", "/events/1?last_event_id=3&token=…"),
        ("Job 1 was not submitted", "Job 1 was not submitted"),
    ],
)
def test_secrets_are_blanked(message: str, shown: str) -> None:
    record = logging.makeLogRecord({"msg": "%s", "args": (message,)})
    assert WithoutSecrets().filter(record)
    assert record.getMessage() == shown


def test_an_expected_failure_is_one_line() -> None:
    try:
        raise ConnectionError("refused")
    except ConnectionError:
        record = logging.makeLogRecord({"msg": "In task", "exc_info": sys.exc_info()})
    assert InOneLine().filter(record)
    assert logging.Formatter().format(record) == "In task: refused"
