"""`make bench`: everything that is compared, one after the other, by the same client."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace

import psutil

from . import document, machine, report
from .client import ClientError
from .figures import OF_ALL, OF_OURS, Figure
from .processes import FOLDER, ServerError
from .scale import FULL, QUICK, Scale
from .services import Services
from .setup import prepared, say
from .systems import SYSTEMS, System

Results = dict[str, dict[str, Figure]]


def main(arguments: Sequence[str]) -> int:
    """Measure what the arguments choose, print the tables, return the exit status."""
    chosen = _parsed(arguments)
    try:
        with prepared() as running:
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


def _systems(names: Sequence[str], running: Services) -> list[System]:
    systems = [SYSTEMS[name](running) for name in names]
    for system in systems:
        if reason := system.missing():
            say(f"{system.name} is left out: {reason}")
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
    started, busy = time.monotonic(), psutil.cpu_percent(interval=0.5) / 100
    try:
        found[name] = {**OF_ALL, **OF_OURS}[name](system, scale)
    except ServerError as error:
        say(f"{system.name}, {name}: {error}")
        return
    found[name].busy_before = busy
    values = ", ".join(f"{key} {value:,.2f}" for key, value in found[name].values.items())
    say(f"{system.name}, {name}: {values} ({time.monotonic() - started:.0f} s)")


def _report(results: Results, facts: dict[str, str], chosen: argparse.Namespace) -> None:
    scale = _scale(chosen)
    say("\n" + report.figures(results, scale))
    say("\n" + report.bars(results))
    say("\n" + report.client_limits(results))
    kept = {
        system: {name: asdict(figure) for name, figure in found.items()}
        for system, found in results.items()
    }
    path = FOLDER / "results.json"
    path.write_text(json.dumps({"machine": facts, "results": kept}, indent=1, ensure_ascii=False))
    if not chosen.quick and {*chosen.only} == {*SYSTEMS} and {*chosen.figures} == _all_figures():
        say(f"\nWritten: {document.write(results, facts, scale)}")


def _all_figures() -> set[str]:
    return {*OF_ALL, *OF_OURS}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
