"""runpod-workers/worker-comfyui 4 and 5: a workflow to fill in, the photo within the request.

https://github.com/runpod-workers/worker-comfyui: AGPL, so it is called, and nothing of it is here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.utils.translation import gettext_noop

from ..models import Photo
from . import inputs, outputs, workflows
from . import options as choices
from .base import Addresses, InputError, Result


def offered() -> Mapping[str, choices.Option]:
    """Return what may be chosen: the workflow, and the options of each."""
    known = _workflows()
    options = {"workflow": _choice(known)}
    for workflow in reversed(known.values()):
        options |= workflow.options
    return options


def deed() -> str:
    """Return what it does with a photo for which nothing was chosen: the workflows say so."""
    return "restore"


def _choice(known: Mapping[str, workflows.Workflow]) -> choices.Option:
    labels = {name: workflow.about for name, workflow in known.items()}
    return choices.Option(default=next(iter(known)), choices=tuple(known), labels=labels)


def clean(options: dict[str, Any], *, width: int, height: int) -> dict[str, Any]:
    """Return the options completed, with the workflow's name. Raises OptionsError."""
    known, rest = _workflows(), dict(options)
    choice = _choice(known)
    name = choice.clean("workflow", rest.pop("workflow", choice.default))
    chosen = choices.completed(rest, known[name].options, width=width, height=height)
    return {"workflow": name, **chosen}


def build(options: dict[str, Any], addresses: Addresses, photo: Photo) -> dict[str, Any]:
    """Return worker-comfyui's `input`. Raises InputError."""
    known = _workflows()
    workflow = known.get(options.get("workflow", next(iter(known))))
    if workflow is None:
        message = gettext_noop("What was chosen for this photo is not offered any more.")
        raise InputError("workflow_gone", message)
    image, extension = inputs.base64_of(photo)
    # A worker keeps what it was sent, and gives it to whoever names it: no name comes twice.
    unique = uuid4().hex
    name = f"{unique}.{extension}"
    graph = workflow.filled(**{**options, "photo": name, "prefix": unique})
    return {"workflow": graph, "images": [{"name": name, "image": image}]}


def read(output: Any) -> Result:
    """Return the last picture: workflows save what they end with last. Raises OutputError."""
    return outputs.read(output, last=True)


def _workflows() -> dict[str, workflows.Workflow]:
    return workflows.load(settings.RUNPOD_COMFYUI_WORKFLOWS)
