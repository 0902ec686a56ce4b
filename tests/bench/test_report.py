"""The verdicts are what the project is held to; they must be right."""

from __future__ import annotations

import pytest

from bench import report
from bench.bars import Bar
from bench.client import Effort
from bench.figures import Figure
from bench.scale import FULL

RESULTS = {
    "ours": {"memory": Figure({"kib": 10.0}), "idle": Figure({"percent": 5.0})},
    "other": {"memory": Figure({"kib": 40.0})},
}


@pytest.mark.parametrize(
    ("bar", "verdict"),
    [
        (Bar("", "memory", "kib", at_most=0.25, against="other"), True),
        (Bar("", "memory", "kib", at_most=0.24, against="other"), False),
        (Bar("", "memory", "kib", at_least=0.25, against="other"), True),
        (Bar("", "memory", "kib", at_least=0.26, against="other"), False),
        (Bar("", "idle", "percent", at_most=5), True),
        (Bar("", "idle", "percent", at_most=4.9), False),
        (
            Bar("", "idle", "percent", at_most=0.125, against="other", other=("memory", "kib")),
            True,
        ),
    ],
)
def test_a_bar_is_a_number_or_a_multiple_of_another_system(bar: Bar, verdict: bool) -> None:
    sides = bar.sides(RESULTS)
    assert sides is not None
    assert bar.holds(*sides) is verdict


def test_what_was_not_measured_is_not_judged() -> None:
    bar = Bar("", "idle", "percent", at_most=1, against="other")
    assert bar.sides(RESULTS) is None


def test_a_figure_for_which_the_client_had_no_time_left_is_marked() -> None:
    fast = Figure({"per_second": 1000.0}, [Effort(client_share=0.9, core_share=0.9)])
    table = report.figures({"ours": {"opens": fast}}, FULL)
    assert "1,000†" in table
    assert "client-bound" in table
