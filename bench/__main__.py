"""`make bench`: everything that is compared, one after the other, by the same client."""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import psutil

from . import client, document, machine, report, services
from .client import ClientError
from .figures import OF_ALL, OF_OURS, Figure
from .processes import FOLDER, OTHER_CORE, ServerError
from .scale import FULL, QUICK, Scale
from .systems import SYSTEMS, System

Results = dict[str, dict[str, Figure]]
# On a disk even where /tmp is memory, or PostgreSQL would write for nothing.
_STATE = "/var/tmp"  # noqa: S108
_BUSY = 10  # per cent of the machine, above which a figure is not to be trusted


def main(arguments: Sequence[str]) -> int:
    """Measure what the arguments choose, print the tables, return the exit status."""
    chosen = _parsed(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    try:
        _prepare()
        with _services() as running:
            systems = _systems(chosen.only, running)
            results = _measured(systems, chosen.figures, _scale(chosen))
            facts = machine.facts(running)
    except (ClientError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    except KeyboardInterrupt:
        return 130
    _report(results, facts, chosen)
    return 0


def _parsed(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=…", description=__doc__)
    names = [*OF_ALL, *OF_OURS]
    parser.add_argument("--only", type=_some_of(SYSTEMS), default=[*SYSTEMS], metavar="A,B")
    parser.add_argument("--figures", type=_some_of(names), default=names, metavar="A,B")
    parser.add_argument("--quick", action="store_true", help="small numbers, to see that it works")
    parser.add_argument("--repeats", type=int, help="of what is repeated, for its median")
    return parser.parse_args(arguments)


def _some_of(known: Iterable[str]) -> Callable[[str], list[str]]:
    """Return a parser of names by commas."""

    def parse(text: str) -> list[str]:
        names = [name.strip() for name in text.split(",")]
        if unknown := {*names} - {*known}:
            message = f"{', '.join(unknown)} is unknown; there are: {', '.join(known)}"
            raise argparse.ArgumentTypeError(message)
        return names

    return parse


def _scale(chosen: argparse.Namespace) -> Scale:
    scale = QUICK if chosen.quick else FULL
    return replace(scale, repeats=chosen.repeats) if chosen.repeats else scale


def _prepare() -> None:
    """Leave the server its core, allow many sockets, compile the client."""
    if len(os.sched_getaffinity(0)) < 2:
        raise ClientError("Two cores are needed: one for the server, one for everything else.")
    os.sched_setaffinity(0, {OTHER_CORE})
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    FOLDER.mkdir(parents=True, exist_ok=True)
    client.build()


@contextmanager
def _services() -> Iterator[services.Services]:
    with (
        tempfile.TemporaryDirectory(prefix="photorestore-bench-", dir=_STATE) as state,
        services.running(Path(state)) as running,
    ):
        yield running


def _systems(names: Sequence[str], running: services.Services) -> list[System]:
    systems = [SYSTEMS[name](running) for name in names]
    for system in systems:
        if reason := system.missing():
            _say(f"{system.name} is left out: {reason}")
    return [system for system in systems if not system.missing()]


def _measured(systems: Sequence[System], names: Sequence[str], scale: Scale) -> Results:
    """Take each figure of all systems in a row, so that they share the machine's moods."""
    results: Results = {system.name: {} for system in systems}
    for name in names:
        for system in systems:
            if name in OF_ALL or system.name == "ours":
                _measure(system, name, scale, results[system.name])
    return results


def _measure(system: System, name: str, scale: Scale, found: dict[str, Figure]) -> None:
    started, notes = time.monotonic(), _disturbance()
    try:
        found[name] = {**OF_ALL, **OF_OURS}[name](system, scale)
    except ServerError as error:
        _say(f"{system.name}, {name}: {error}")
        return
    found[name].notes += notes
    values = ", ".join(f"{key} {value:,.2f}" for key, value in found[name].values.items())
    _say(f"{system.name}, {name}: {values} ({time.monotonic() - started:.0f} s)")


def _disturbance() -> list[str]:
    """Return a note where something else is at work on this machine."""
    busy = psutil.cpu_percent(interval=0.5)
    return [f"{busy:.0f} % of the machine was busy before it began"] if busy > _BUSY else []


def _report(results: Results, facts: dict[str, str], chosen: argparse.Namespace) -> None:
    scale = _scale(chosen)
    _say("\n" + report.figures(results, scale))
    _say("\n" + report.bars(results))
    _say("\n" + report.client_limits(results))
    kept = {
        system: {name: asdict(figure) for name, figure in found.items()}
        for system, found in results.items()
    }
    path = FOLDER / "results.json"
    path.write_text(json.dumps({"machine": facts, "results": kept}, indent=1, ensure_ascii=False))
    if not chosen.quick and {*chosen.only} == {*SYSTEMS} and {*chosen.figures} == _all_figures():
        _say(f"\nWritten: {document.write(results, facts, scale)}")


def _all_figures() -> set[str]:
    return {*OF_ALL, *OF_OURS}


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
