"""Options by what people want of them; only what the endpoint in use can do is offered."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from . import endpoints


class Preset(NamedTuple):
    """A choice by a name that people understand."""

    name: str
    label: str | Promise
    hint: str | Promise
    options: dict[str, Any]


PRESETS = [
    Preset("repair", _("Repair"), _("Scratches, dust, grain and faded tones"), {}),
    Preset("colour", _("Colour"), _("Colours for a black-and-white photo"), {"colour": True}),
    Preset("enlarge-2", _("Enlarge 2×"), _("Repaired, and twice as large"), {"scale": 2}),
    Preset("enlarge-4", _("Enlarge 4×"), _("Repaired, and four times as large"), {"scale": 4}),
    Preset(
        "everything",
        _("Everything"),
        _("Repaired, coloured and twice as large"),
        {"colour": True, "scale": 2},
    ),
]


def offered() -> list[Preset]:
    """Return the presets that the endpoint in use takes: its workflows, where it has such."""
    workflow = endpoints.current().offered().get("workflow")
    if workflow is None:
        return [preset for preset in PRESETS if can(preset.options)]
    return [
        Preset(name, name.replace("-", " ").capitalize(), hint, {"workflow": name})
        for name, hint in workflow.labels.items()
    ]


def can(options: dict[str, Any]) -> bool:
    """Tell whether the endpoint in use takes the options, if only for the smallest photo."""
    try:
        endpoints.current().clean(options, width=1, height=1)
    except endpoints.OptionsError:
        return False
    return True
