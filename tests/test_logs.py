"""What never reaches a log line."""

from __future__ import annotations

import logging
import sys
from typing import Any

import pytest
from uvicorn.logging import AccessFormatter

from photorestore.logs import InOneLine, WithoutSecrets, without_secrets

JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiI3In0.c2lnbmF0dXJlLW9m_dGVzdA-x"


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
        ("/image?signature=1/2?3 HTTP", "/image?signature=… HTTP"),
        ("/events?%74oke%6E=abc&x=1", "/events?%74oke%6E=…&x=1"),
        ("/sign-in/?next=/events%3Ftoken%3Dabc", "/sign-in/?next=/events%3Ftoken%3D…"),
        ("/sign-in/?next=runpod-completion%2Fabc", "/sign-in/?next=runpod-completion%2F…"),
        ("{'query_string': b'token=abc'}", "{'query_string': b'token=…'}"),
        (f"The grant {JWT} is bad", "The grant … is bad"),
        (f"{{'token': '{JWT}'}}", "{'token': '…'}"),
        (f"a%3D{JWT.replace('.', '%2E')}, b", "a%3D…, b"),
        (f"unsigned {JWT.rpartition('.')[0]}.", "unsigned …"),
        ("Authorization: Bearer a.b-c_d~e+f/g==", "Authorization: Bearer …"),
        ("{'authorization': b'bearer abc', 'x': 1}", "{'authorization': b'bearer …', 'x': 1}"),
        ("Job 1 was not submitted", "Job 1 was not submitted"),
        ("heyJude.txt of 1.2.3, tokens=3", "heyJude.txt of 1.2.3, tokens=3"),
        ("?last_token=3&token=", "?last_token=3&token="),
    ],
)
def test_secrets_are_blanked(message: str, shown: str) -> None:
    record = logging.makeLogRecord({"msg": "%s", "args": (message,)})
    assert WithoutSecrets().filter(record)
    assert record.getMessage() == shown


def test_what_is_blanked_stays_as_it_is() -> None:
    once = without_secrets(f"Bearer {JWT} ?token={JWT}")
    assert without_secrets(once) == once == "Bearer … ?token=…"


def test_a_hostile_message_is_read_once() -> None:
    # Read again from each of its words, these would outlast the session's time-out.
    for part in ("eyJ", "a.", "token", "%3ftoken", "runpod-completion/", "bearer ", "%"):
        without_secrets(part * 200_000)


@pytest.mark.parametrize(
    ("msg", "args"),
    [
        ("HTTP %(method)s %(path)s", ({"method": "GET", "path": f"/x?token={JWT}"},)),
        ("%s %s", ("GET", f"/x?token={JWT}")),
        ("%s", ({"token": JWT},)),
        ("%d photos", (f"token={JWT}",)),  # a mistake of the caller's
        (f"100 % of {JWT}", ()),
    ],
)
def test_secrets_in_arguments_are_blanked(
    msg: str, args: tuple[Any, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(WithoutSecrets())
    handler.handle(logging.LogRecord("x", logging.INFO, "x.py", 1, msg, args, None))
    shown = capsys.readouterr().err
    assert "eyJ" not in shown
    assert "…" in shown


def test_uvicorn_s_own_format_of_its_access_log_goes_on_working() -> None:
    args = ("127.0.0.1:1", "GET", f"/x?token={JWT}", "1.1", 200)
    record = logging.makeLogRecord({"msg": '%s - "%s %s HTTP/%s" %d', "args": args})
    assert WithoutSecrets().filter(record)
    line = AccessFormatter('"%(request_line)s" %(status_code)s', use_colors=False).format(record)
    assert line == '"GET /x?token=… HTTP/1.1" 200 OK'


def test_secrets_in_a_traceback_are_blanked() -> None:
    try:
        raise ValueError(f"https://photos.example/x?signature=abc and {JWT}")
    except ValueError:
        record = logging.makeLogRecord({"msg": "Broken", "exc_info": sys.exc_info()})
    assert WithoutSecrets().filter(record)
    text = logging.Formatter().format(record)
    assert text.startswith("Broken\nTraceback (most recent call last):")
    assert text.endswith("ValueError: https://photos.example/x?signature=… and …")


def test_a_traceback_that_was_written_before_is_blanked_too() -> None:
    record = logging.makeLogRecord({"msg": "Broken", "exc_text": f"ValueError: {JWT}"})
    assert WithoutSecrets().filter(record)
    assert logging.Formatter().format(record) == "Broken\nValueError: …"


def test_an_expected_failure_is_one_line() -> None:
    try:
        raise ConnectionError("refused")
    except ConnectionError:
        record = logging.makeLogRecord({"msg": "In task", "exc_info": sys.exc_info()})
    assert InOneLine().filter(record)
    assert logging.Formatter().format(record) == "In task: refused"
