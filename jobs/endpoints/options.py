"""What may be chosen: each kind of worker offers some of it, and refuses the rest by a sentence."""

from __future__ import annotations

import math
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils.translation import gettext as _

from .base import OptionsError

SCALES = (1, 2, 4)
LARGEST_SEED = 2**53 - 1  # the largest whole number that JavaScript keeps


@dataclass(frozen=True)
class Option:
    """Something to choose: one of `choices`, or what is like `default` and within the bounds.

    A number from `minimum` to `maximum`, a text of up to `maximum` characters, true or false.
    """

    default: Any
    choices: tuple[Any, ...] = ()
    minimum: float = -math.inf
    maximum: float = math.inf
    # What a choice does, in words for people.
    labels: Mapping[Any, str] = field(default_factory=dict)

    def clean(self, name: str, value: Any) -> Any:
        """Return the value. Raises OptionsError, which says what is allowed."""
        if self.choices:
            # As their types are: 1 is not true.
            if any(type(value) is type(choice) and value == choice for choice in self.choices):
                return value
        elif self._is_alike(value) and self.minimum <= _size(value) <= self.maximum:
            return value
        raise OptionsError(f"{name} must be {self.allowed}.")

    def _is_alike(self, value: Any) -> bool:
        if isinstance(self.default, float):
            return type(value) in (int, float) and math.isfinite(value)
        return type(value) is type(self.default)

    @property
    def allowed(self) -> str:
        """What may be chosen, in words."""
        if self.choices:
            *others, last = map(str, self.choices)
            return f"{', '.join(others)} or {last}" if others else last
        if isinstance(self.default, bool):
            return "true or false"
        if isinstance(self.default, str):
            return f"a text of up to {self.maximum:g} characters"
        kind = "whole number" if isinstance(self.default, int) else "number"
        return f"a {kind} from {_number(self.minimum)} to {_number(self.maximum)}"


def _size(value: Any) -> float:
    return len(value) if isinstance(value, str) else value


def _number(bound: float) -> str:
    return str(int(bound)) if math.isfinite(bound) and bound == int(bound) else str(bound)


SCALE = Option(default=1, choices=SCALES)
COLOUR = Option(default=False)
SEED = Option(default=0, minimum=0, maximum=LARGEST_SEED)


def completed(
    options: Mapping[str, Any], offered: Mapping[str, Option], *, width: int, height: int
) -> dict[str, Any]:
    """Return the options for a photo of that many pixels, with all that is offered.

    What was not chosen is the default; a seed is drawn, and kept with the job, so that a result can
    be made again. Raises OptionsError.
    """
    chosen = _cleaned(options, offered)
    if "scale" in chosen:
        _refuse_beyond_limit(chosen["scale"], width=width, height=height)
    if "seed" in offered and "seed" not in options:
        chosen["seed"] = secrets.randbelow(LARGEST_SEED + 1)
    return chosen


def _cleaned(options: Mapping[str, Any], offered: Mapping[str, Option]) -> dict[str, Any]:
    if unknown := sorted(set(options) - set(offered)):
        known = f"Known: {', '.join(offered)}." if offered else "There are none."
        raise OptionsError(f"Unknown option: {', '.join(unknown)}. {known}")
    return {
        name: option.clean(name, options[name]) if name in options else option.default
        for name, option in offered.items()
    }


def _refuse_beyond_limit(scale: int, *, width: int, height: int) -> None:
    """Raise OptionsError where so many pixels, enlarged so, would be too many."""
    if width * height * scale**2 > settings.PHOTOS_MAX_PIXELS:
        megapixels = settings.PHOTOS_MAX_PIXELS // 1_000_000
        raise OptionsError(
            _("Enlarged %(scale)s times, the photo would have more than %(megapixels)s megapixels.")
            % {"scale": scale, "megapixels": megapixels}
        )
