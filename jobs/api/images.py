"""Whole pictures, in the format that they have or in the one asked for."""

from __future__ import annotations

from rest_framework.request import Request

from events.problems import Problem

from .. import conversions, pictures
from ..downloads import PictureResponse
from ..models import Photo, Restore


def picture(request: Request, of: Photo | Restore, *, name: str) -> PictureResponse:
    """Return the picture, in another format if `?format=` says so. Raises Problem 400."""
    format = request.query_params.get("format")
    if format is None:
        return PictureResponse(of.image, name=name)
    if format not in pictures.CONVERSIONS:
        known = ", ".join(pictures.CONVERSIONS)
        raise Problem(400, "bad_format", f"format must be one of {known}.")
    try:
        return PictureResponse(conversions.opened(of, format), name=name)
    except pictures.PictureError as error:
        raise Problem(400, error.code, error.message) from error
