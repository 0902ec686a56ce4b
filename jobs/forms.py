"""The pages' forms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from . import presets
from .models import Scope, Status
from .outgoing.rules import EVENT_TYPES

_SCALES = [(1, _("Same size")), (2, _("Twice as large")), (4, _("Four times as large"))]


def _presets() -> Iterator[tuple[str, str | Promise]]:
    return ((preset.name, preset.label) for preset in presets.offered())


def _scales() -> Iterator[tuple[str, str | Promise]]:
    yield "", _("As chosen above")
    yield from ((str(n), label) for n, label in _SCALES if presets.can({"scale": n}))


class OptionsForm(forms.Form):
    """What shall be done with a photo: a preset, and details in place of the preset's."""

    preset = forms.ChoiceField(
        label=_("What shall be done"),
        choices=_presets,
        widget=forms.RadioSelect,
        required=False,
    )
    scale = forms.ChoiceField(label=_("Size"), choices=_scales, required=False)

    def options(self) -> dict[str, Any]:
        """Return the chosen options."""
        by_name = {preset.name: preset.options for preset in presets.offered()}
        chosen = by_name.get(self.cleaned_data["preset"], {})
        scale = self.cleaned_data["scale"]
        return {**chosen, "scale": int(scale)} if scale else chosen


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
        choices=[(type, type) for type in EVENT_TYPES],
        initial=[Status.COMPLETED.value, Status.FAILED.value],
        widget=forms.CheckboxSelectMultiple,
    )
