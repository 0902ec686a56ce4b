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


# What is done where nothing is chosen, by the endpoint's word for it.
_PLAIN = [
    Preset("repair", _("Repair"), _("Scratches, dust, grain and faded tones"), {}),
    Preset("colour", _("Colour"), _("Colours for a black-and-white photo"), {}),
    Preset("enlarge", _("Enlarge"), _("Larger and clearer"), {}),
    Preset("restore", _("Restore"), _("Whatever the restorer in use does by itself"), {}),
]
_COLOUR = Preset("colour", _("Colour"), _("Colours for a black-and-white photo"), {"colour": True})
_REPAIRED = [
    _COLOUR,
    Preset("enlarge-2", _("Enlarge 2×"), _("Repaired, and twice as large"), {"scale": 2}),
    Preset("enlarge-4", _("Enlarge 4×"), _("Repaired, and four times as large"), {"scale": 4}),
    Preset(
        "everything",
        _("Everything"),
        _("Repaired, coloured and twice as large"),
        {"colour": True, "scale": 2},
    ),
]
# Of a restorer of which nobody says that it repairs.
_ENLARGED = [
    _COLOUR,
    Preset("enlarge-2", _("Enlarge 2×"), _("Twice as large"), {"scale": 2}),
    Preset("enlarge-4", _("Enlarge 4×"), _("Four times as large"), {"scale": 4}),
    Preset(
        "everything",
        _("Everything"),
        _("Coloured and twice as large"),
        {"colour": True, "scale": 2},
    ),
]


def offered() -> list[Preset]:
    """Return the presets that the endpoint in use takes: its workflows, where it has such."""
    endpoint = endpoints.current()
    workflow = endpoint.offered().get("workflow")
    if workflow is None:
        return _by_deed(endpoint.deed())
    return [
        Preset(name, label(name), _said(hint), {"workflow": name})
        for name, hint in workflow.labels.items()
    ]


def label(workflow: str) -> str | Promise:
    """Return what people call the workflow."""
    return _said(workflow.replace("-", " ").capitalize())


def _by_deed(deed: str) -> list[Preset]:
    """Return what is done anyway, and then what the endpoint takes besides."""
    plain = next(preset for preset in _PLAIN if preset.name == deed)
    more = _REPAIRED if deed == "repair" else _ENLARGED
    return [plain, *(preset for preset in more if can(preset.options))]


def _said(text: str) -> str | Promise:
    """Return what a workflow's file says, in the reader's language where it is one of ours."""
    return _(text) if text else text


def can(options: dict[str, Any]) -> bool:
    """Tell whether the endpoint in use takes the options, if only for the smallest photo."""
    try:
        endpoints.current().clean(options, width=1, height=1)
    except endpoints.OptionsError:
        return False
    return True
