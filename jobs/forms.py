"""The pages' forms."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

SCALES = [("1", _("Same size")), ("2", _("Twice as large")), ("4", _("Four times as large"))]


class UploadForm(forms.Form):
    """A photo and how large its restored picture shall be."""

    image = forms.FileField(
        label=_("Photo"),
        allow_empty_file=True,
        widget=forms.FileInput(attrs={"accept": "image/*,.heic,.heif,.avif,.tif,.tiff"}),
    )
    title = forms.CharField(label=_("Title (optional)"), max_length=200, required=False)
    scale = forms.ChoiceField(label=_("Size"), choices=SCALES, required=False)

    def options(self) -> dict[str, Any]:
        """Return the chosen options."""
        return {"scale": int(self.cleaned_data["scale"] or 1)}


class AgainForm(forms.Form):
    """How large the picture shall be this time."""

    scale = forms.ChoiceField(label=_("Size"), choices=SCALES)

    def options(self) -> dict[str, Any]:
        """Return the chosen options."""
        return {"scale": int(self.cleaned_data["scale"])}
