"""The tables of a run, for a terminal and for docs/benchmarks.md alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .bars import BARS, Bar, Results, value
from .figures import Figure
from .scale import Scale

_BOUND = 0.85  # of its core, above which the client may have been the bottleneck
_FULL = 0.97  # of the core that client, broker and database share
_BUSY = 0.1  # of the machine, above which a figure is not to be trusted


@dataclass(frozen=True)
class Row:
    """A line of the table: which value of which measurement, and with how many decimals."""

    label: str
    figure: str
    value: str
    decimals: int = 0


def rows(scale: Scale) -> list[Row]:
    """Return the table's lines."""
    few, many = f"{scale.few:,}", f"{scale.many:,}"
    shared = (
        Row(f"KiB per idle stream, {few} open", "memory", "kib_few", 1),
        Row(f"KiB per idle stream, {many} open", "memory", "kib_many", 1),
        Row("threads, none open", "memory", "threads_none"),
        Row(f"threads, {many} open", "memory", "threads_many"),
        Row("database connections, none open", "memory", "connections_none"),
        Row(f"database connections, {many} open", "memory", "connections_many"),
        Row("streams opened a second", "opens", "per_second"),
        Row("… ms until one is open, p50", "opens", "p50", 1),
        Row(f"publish to client, {scale.rate} a second, ms, p50", "latency", "p50", 2),
        Row("… p95", "latency", "p95", 2),
        Row("… p99", "latency", "p99", 2),
        Row(f"events a second, {scale.at_once} at once", "burst", "per_second"),
        Row("… lost", "burst", "lost"),
        Row(f"{scale.followers:,} followers of one job, ms, first", "fan_out", "first", 1),
        Row("… last", "fan_out", "last", 1),
        Row(
            f"idle CPU, {many} open, heartbeat {scale.idle_heartbeat} s, % of a core",
            *("idle", "percent"),
            decimals=1,
        ),
        Row(f"SIGTERM with {scale.terminated} open: ended cleanly", "sigterm", "clean"),
        Row("… seconds until the process is gone", "sigterm", "seconds", 2),
    )
    return [*shared, *_rows_of_ours(scale)]


def _rows_of_ours(scale: Scale) -> list[Row]:
    kinds = ("progress", "failed", "completed")
    latencies = [
        Row(f"webhook to client, {kind}, ms, {name}", "webhooks", f"{kind}_{name}", 2)
        for kind in kinds
        for name in ("p50", "p95", "p99")
    ]
    return [
        Row(
            "streams opened a second, each with an event missed", "opens_with_replay", "per_second"
        ),
        *latencies,
        Row("progress webhooks a second, with commit", "webhook_burst", "per_second"),
        Row("… lost", "webhook_burst", "lost"),
        Row("events a second, heartbeat 1 s", "burst_with_heartbeat", "per_second"),
        Row("… lost", "burst_with_heartbeat", "lost"),
        Row(f"{scale.returning:,} return at once: SQL queries", "returning", "queries"),
        Row("… seconds until all have what they missed", "returning", "seconds", 2),
        Row(f"2 × {scale.leaving} reset: gauges not back after 5 s", "leaving", "left_over"),
        Row("… threads more than before", "leaving", "threads_left"),
    ]


def figures(results: Results, scale: Scale) -> str:
    """Return the table of all that was measured, with its notes."""
    lines = [
        [row.label, *(_cell(found.get(row.figure), row) for found in results.values())]
        for row in rows(scale)
        if any(row.figure in found for found in results.values())
    ]
    return "\n".join([table(["", *results], lines), "", *_notes(results)])


def bars(results: Results) -> str:
    """Return the table of what is to be reached, by ratios."""
    lines = [_judged(bar, results) for bar in BARS]
    head = ["to reach", "ours", "theirs", "ratio", "bar", ""]
    return table(head, [line for line in lines if line])


def client_limits(results: Results) -> str:
    """Return what the client itself could have done, judged by what it took of its core."""
    shares = [
        (effort.client_share, system, name)
        for system, found in results.items()
        for name, figure in found.items()
        for effort in figure.efforts
    ]
    if not shares:
        return ""
    share, system, name = max(shares)
    sentences = [
        f"The client took at most {share:.0%} of its core ({name} of {system}).",
        *_reach(results, "opens", "streams opened"),
        *_reach(results, "burst", "events"),
    ]
    return " ".join(sentences)


def table(head: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns: the first to the left, the rest right."""
    widths = [max(len(line[column]) for line in (head, *lines)) for column in range(len(head))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    return "\n".join(_line(line, widths) for line in (head, rule, *lines))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = (
        cell.ljust(width) if column == 0 else cell.rjust(width)
        for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return f"| {' | '.join((first, *rest))} |"


def _cell(figure: Figure | None, row: Row) -> str:
    if figure is None or row.value not in figure.values:
        return "–"
    return f"{figure.values[row.value]:,.{row.decimals}f}{_marks(figure)}"


def _marks(figure: Figure) -> str:
    bound = any(effort.client_share > _BOUND for effort in figure.efforts)
    full = any(effort.core_share > _FULL for effort in figure.efforts)
    disturbed = figure.busy_before > _BUSY
    return ("†" if bound else "") + ("‡" if full else "") + ("§" if disturbed else "")


def _notes(results: Results) -> list[str]:
    marks = "".join(_marks(figure) for found in results.values() for figure in found.values())
    notes = [
        f"{system}, {name}: {note}."
        for system, found in results.items()
        for name, figure in found.items()
        for note in dict.fromkeys(figure.notes)
    ]
    if "†" in marks:
        notes.append(f"† client-bound: it took more than {_BOUND:.0%} of its core.")
    if "‡" in marks:
        notes.append(f"‡ the core of client, broker and database was {_FULL:.0%} busy or more.")
    if "§" in marks:
        notes.append(f"§ disturbed: others took more than {_BUSY:.0%} of the machine before it.")
    return [f"- {note}" for note in notes]


def _judged(bar: Bar, results: Results) -> list[str] | None:
    sides = bar.sides(results)
    if sides is None:
        return None
    ours, theirs = sides
    verdict = "pass" if bar.holds(ours, theirs) else "MISS"
    other = [_short(theirs), _short(ours / theirs)] if bar.against else ["", ""]
    return [bar.label, _short(ours), *other, bar.limit(), verdict]


def _short(number: float) -> str:
    return f"{number:,.0f}" if abs(number) >= 100 or number == int(number) else f"{number:.3g}"


def _reach(results: Mapping[str, Mapping[str, Figure]], figure: str, what: str) -> list[str]:
    """Judge by the fastest system: its figure, if the client had taken all of its core."""
    reached = [
        found / max(effort.client_share for effort in results[system][figure].efforts)
        for system in results
        if (found := value(results, system, figure, "per_second"))
    ]
    return [f"All of it would do about {max(reached):,.0f} {what} a second."] if reached else []
