"""The pages' forms."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from . import endpoints, presets
from .models import Scope, Status
from .outgoing.rules import EVENT_TYPES

# What people call the options that we know of; others have the name they are given.
_LABELS: dict[Any, str | Promise] = {
    "scale": _("Size"),
    "strength": _("Strength"),
    "megapixels": _("Megapixels"),
    "prompt": _("What it shows"),
    "seed": _("Seed"),
    "colour": _("Colour"),
}
_SCALES: dict[Any, str | Promise] = {
    1: _("Same size"),
    2: _("Twice as large"),
    4: _("Four times as large"),
}
_ANSWERS: dict[Any, str | Promise] = {True: _("Yes"), False: _("No")}
# What pages call the states that a webhook is told of.
_EVENTS: dict[str, Promise] = {
    "queued": _("Waiting for its turn"),
    "processing": _("Restoring"),
    "completed": _("Restored"),
    "failed": _("Could not be restored"),
    "cancelled": _("Cancelled"),
    "timed_out": _("Took too long"),
    "deleted": _("Deleted"),
}


def _presets() -> Iterator[tuple[str, str | Promise]]:
    return ((preset.name, preset.label) for preset in presets.offered())


def _label(name: str) -> str | Promise:
    return _LABELS.get(name, name.replace("_", " ").capitalize())


def _field(name: str, option: endpoints.Option) -> forms.Field:
    """Return a field for an option; left empty, the preset decides."""
    kept: dict[str, Any] = {"label": _label(name), "required": False}
    if option.choices or isinstance(option.default, bool):
        return _choice(option, _labels(name, option), **kept)
    if isinstance(option.default, str):
        most = int(option.maximum) if isfinite(option.maximum) else None
        return forms.CharField(empty_value=None, max_length=most, **kept)
    if isinstance(option.default, int):
        least, most = (int(bound) for bound in (option.minimum, option.maximum))
        return forms.IntegerField(min_value=least, max_value=most, **kept)
    return forms.FloatField(min_value=option.minimum, max_value=option.maximum, **kept)


def _choice(
    option: endpoints.Option, labels: Mapping[Any, str | Promise], **kept: Any
) -> forms.Field:
    by_text = {str(value): value for value in option.choices or (True, False)}
    shown = [(text, labels.get(value, text)) for text, value in by_text.items()]
    return forms.TypedChoiceField(
        choices=[("", _("As chosen above")), *shown],
        coerce=by_text.__getitem__,
        empty_value=None,
        **kept,
    )


def _labels(name: str, option: endpoints.Option) -> Mapping[Any, str | Promise]:
    """Return what people call the choices that are known; 1 is true, so each kind by itself."""
    if not option.choices:
        return _ANSWERS
    return option.labels or (_SCALES if name == "scale" else {})


class OptionsForm(forms.Form):
    """What shall be done with a photo: a preset, and details in place of the preset's.

    The details are what the endpoint in use offers.
    """

    preset = forms.ChoiceField(
        label=_("What shall be done"),
        choices=_presets,
        widget=forms.RadioSelect,
        required=False,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._offered = dict(endpoints.current().offered())
        self._offered.pop("workflow", None)  # the presets choose it
        for name, option in self._offered.items():
            self.fields[name] = _field(name, option)

    @property
    def details(self) -> list[forms.BoundField]:
        """Return the fields beside the presets."""
        return [self[name] for name in self.fields if name != "preset"]

    def options(self) -> dict[str, Any]:
        """Return the chosen options."""
        by_name = {preset.name: preset.options for preset in presets.offered()}
        details = {name: self.cleaned_data.get(name) for name in self._offered}
        chosen = {name: value for name, value in details.items() if value is not None}
        return {**by_name.get(self.cleaned_data["preset"], {}), **chosen}


def described(options: Mapping[str, Any]) -> list[str]:
    """Return what was chosen, in the words of the form and about its order: databases keep none."""
    known = ["workflow", *_LABELS]
    rest = sorted(options.keys() - set(known))
    return [_described(name, options[name]) for name in [*known, *rest] if name in options]


def _described(name: str, value: Any) -> str:
    if name == "workflow":
        return str(presets.label(value))
    if name == "scale":
        return str(_SCALES.get(value, value))
    said = _ANSWERS[value] if isinstance(value, bool) else value
    return f"{_label(name)}: {said}"


class UploadForm(OptionsForm):
    """Photos and what shall be done with them. The files themselves are the view's."""

    title = forms.CharField(
        label=_("Title, for a single photo"), max_length=200, required=False, strip=True
    )


class TokenForm(forms.Form):
    """A new API token: what it is for, what it opens, and for how long."""

    name = forms.CharField(label=_("What it is for"), max_length=100)
    scopes = forms.MultipleChoiceField(
        label=_("What it opens"), choices=Scope.choices, widget=forms.CheckboxSelectMultiple
    )
    days = forms.ChoiceField(
        label=_("How long"),
        choices=[
            ("30", _("30 days")),
            ("90", _("90 days")),
            ("365", _("A year")),
        ],
        initial="90",
    )


class WebhookForm(forms.Form):
    """A new webhook: an address, and what it shall be told."""

    url = forms.CharField(
        label=_("Address"),
        max_length=500,
        help_text=_("It begins with https:// and is reached from the internet."),
        widget=forms.URLInput(attrs={"autocomplete": "off"}),
    )
    event_types = forms.MultipleChoiceField(
        label=_("Events"),
        choices=[(type, _EVENTS[type]) for type in EVENT_TYPES],
        initial=[Status.COMPLETED.value, Status.FAILED.value],
        widget=forms.CheckboxSelectMultiple,
    )
