"""Thumbnails of photos and results, to their owner."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from rest_framework.request import Request

from .. import downloads
from ..models import Restore
from .photos import photo_of
from .schema import describe_picture
from .views import PictureView


class PhotoThumbnail(PictureView):
    """A photo in small."""

    @describe_picture("getPhotoThumbnail")
    def get(self, request: Request, photo_id: UUID, side: int, extension: str) -> HttpResponseBase:
        """Return it as WebP or JPEG; until it is made, the preview."""
        photo = photo_of(request, photo_id)
        return downloads.thumbnail(photo, side=side, extension=extension)


class RestoreThumbnail(PictureView):
    """A result in small."""

    @describe_picture("getRestoreThumbnail")
    def get(
        self, request: Request, restore_id: UUID, side: int, extension: str
    ) -> HttpResponseBase:
        """Return it as WebP or JPEG; until it is made, the preview."""
        restore = get_object_or_404(Restore, pk=restore_id, job__owner_id=request.user.pk)
        return downloads.thumbnail(restore, side=side, extension=extension)
