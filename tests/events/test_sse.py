"""The bytes of text/event-stream."""

from __future__ import annotations

import pytest

from events import sse


def test_a_frame_is_exactly_these_bytes() -> None:
    data = '{"name":"Zoë"}'
    expected = b'id: 7\nevent: progress\ndata: {"name":"Zo\xc3\xab"}\n\n'
    assert sse.frame(id=7, event="progress", data=data) == expected


def test_retry_is_in_milliseconds() -> None:
    assert sse.retry(1500) == b"retry: 1500\n\n"


@pytest.mark.parametrize(
    ("header", "parameter", "seen"),
    [
        (None, None, None),
        ("", "", None),
        ("0", None, 0),
        ("3", None, 3),
        (None, "4", 4),
        ("3", "4", 3),
    ],
)
def test_the_header_wins_over_the_parameter(
    header: str | None, parameter: str | None, seen: int | None
) -> None:
    assert sse.last_event_id(header, parameter) == seen


@pytest.mark.parametrize("value", ["-1", "1.5", "abc", "٣", "9" * 19, " 1", "1\n"])
def test_what_is_not_a_number_of_ours_is_refused(value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        sse.last_event_id(value, None)
    with pytest.raises(ValueError, match=r"."):
        sse.last_event_id("3", value)
