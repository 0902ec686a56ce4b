"""ComfyUI's workflows as files: a graph in API format, and the names of what we set in it.

`bind` maps a name to [node, field]; `photo` is required, `prefix` and `seed` are set if they are
there, all others are options, described under `options`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self

from ..base import SettingError
from ..options import SEED, Option

SHIPPED = Path(__file__).parent
_OURS = ("photo", "prefix", "seed")  # what is bound and is no option of the file's


@dataclass(frozen=True)
class Workflow:
    """A graph with the places of what we set, and what may be chosen."""

    name: str
    about: str
    graph: dict[str, Any]
    bind: dict[str, tuple[str, str]]
    options: dict[str, Option]
    # What stands in the graph for an option's choices, where that is something else.
    values: dict[str, dict[str, Any]]

    @classmethod
    def parse(cls, name: str, document: Any) -> Self:
        """Return the workflow that the document describes. Raises SettingError."""
        try:
            graph, bind = document["graph"], document["bind"]
            described = dict(document.get("options", {}))
            bound = {key: (str(node), str(field)) for key, (node, field) in bind.items()}
            options = {key: _option(fields) for key, fields in described.items()}
            values = {key: _values(it) for key, it in described.items() if "values" in it}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            message = (
                f"Workflow {name}: it is not {{graph, bind, options}} as it should be ({error!r})."
            )
            raise SettingError(message) from error
        _check(name, graph, bound, options)
        if "seed" in bound:
            options["seed"] = SEED
        return cls(name, str(document.get("about", "")), graph, bound, options, values)

    def filled(self, **set: Any) -> dict[str, Any]:
        """Return a copy of the graph with what is bound set; options have their defaults."""
        graph = copy.deepcopy(self.graph)
        known = {name: option.default for name, option in self.options.items()} | set
        for name, (node, field) in self.bind.items():
            if name in known:
                value = known[name]
                graph[node]["inputs"][field] = self.values.get(name, {}).get(str(value), value)
        return graph


def _option(fields: Mapping[str, Any]) -> Option:
    option = Option(
        default=fields["default"],
        choices=tuple(fields.get("choices", ())),
        minimum=float(fields.get("minimum", "-inf")),
        maximum=float(fields.get("maximum", "inf")),
    )
    option.clean("default", option.default)
    return option


def _values(fields: Mapping[str, Any]) -> dict[str, Any]:
    return dict(zip(map(str, fields["choices"]), fields["values"], strict=True))


def _check(
    name: str,
    graph: Any,
    bind: Mapping[str, tuple[str, str]],
    options: Mapping[str, Option],
) -> None:
    """Raise SettingError unless all that we set has its place, and each place its name."""
    if "photo" not in bind:
        raise SettingError(f"Workflow {name}: nothing is bound to photo.")
    if unlike := set(bind) - set(_OURS) ^ set(options):
        names = ", ".join(sorted(unlike))
        raise SettingError(f"Workflow {name}: not both in bind and in options: {names}.")
    for key, (node, field) in bind.items():
        inputs, place = _inputs(graph, node), f"{node}.{field}"
        if inputs is None or field not in inputs:
            raise SettingError(f"Workflow {name}: {key} is bound to {place}, which is not there.")
        if isinstance(inputs[field], list):  # [node, slot]
            raise SettingError(f"Workflow {name}: {key} would overwrite the link at {place}.")


def _inputs(graph: Any, node: str) -> dict[str, Any] | None:
    found = graph.get(node) if isinstance(graph, dict) else None
    inputs = found.get("inputs") if isinstance(found, dict) else None
    return inputs if isinstance(inputs, dict) else None


def load(names: Sequence[str]) -> dict[str, Workflow]:
    """Return the workflows by their names, in that order: ours, or files by their paths.

    Raises SettingError.
    """
    return _load(tuple(name.strip() for name in names if name.strip()))


@cache
def _load(names: tuple[str, ...]) -> dict[str, Workflow]:
    if not names:
        raise SettingError("RUNPOD_COMFYUI_WORKFLOWS names none.")
    paths = [Path(name) if _is_path(name) else SHIPPED / f"{name}.json" for name in names]
    return {path.stem: Workflow.parse(path.stem, _document(path)) for path in paths}


def _is_path(name: str) -> bool:
    return "/" in name or name.endswith(".json")


def _document(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError, RecursionError) as error:
        shipped = ", ".join(sorted(found.stem for found in SHIPPED.glob("*.json")))
        message = f"{path} cannot be read as JSON ({error}). Ours are: {shipped}."
        raise SettingError(message) from error
