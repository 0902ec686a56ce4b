"""How long is waited: as the other side asks, in either way of HTTP's, or longer each time."""

from __future__ import annotations

from typing import Any

import pytest

from jobs import waits


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 7 ", 7),
        ("Thu, 26 Nov 2026 12:01:30 GMT", 90),
        ("Thu, 26 Nov 2026 11:00:00 GMT", 0),
        ("Thu, 26 Nov 2026 12:01:30 -0000", 90),
        ("soon", None),
        ("-1", None),
        ("9" * 400, None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_a_number_or_a_date(
    time_machine: Any, header: str | None, seconds: float | None
) -> None:
    time_machine.move_to("2026-11-26T12:00:00Z", tick=False)
    assert waits.asked(header) == seconds


def test_what_is_asked_is_done_within_reason() -> None:
    assert waits.until_next(0, asked=7, longest=5) == 7
    assert waits.until_next(0, asked=86_400, longest=60) == 300


def test_without_being_asked_it_is_longer_each_time() -> None:
    for tries in range(8):
        longest = min(2.0 ** (tries + 1), 60)
        assert longest / 2 <= waits.until_next(tries, asked=None, longest=60) <= longest
