"""Restores: mine, and their pictures."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from .. import names
from ..downloads import PictureResponse
from ..models import Restore
from ..snapshots import RestoreSnapshot, restore_snapshot
from .images import picture
from .schema import describe, describe_picture
from .views import ApiView, PictureView


def _restore_of(request: Request, restore_id: UUID) -> Restore:
    restores = Restore.objects.filter(job__owner_id=request.user.pk)
    return get_object_or_404(restores.select_related("job__photo"), pk=restore_id)


class RestoreDocument(RestoreSnapshot):
    """A result, its job, and what the worker tells of each of its stages."""

    job_id: str
    model: str
    stages: list[dict[str, Any]]


class RestoreDetail(ApiView):
    """One result of mine."""

    @describe("getRestore", {200: RestoreDocument})
    def get(self, request: Request, restore_id: UUID) -> Response:
        """Return the result, what made it, and its job's id."""
        restore = _restore_of(request, restore_id)
        document: RestoreDocument = {
            **restore_snapshot(restore),
            "job_id": str(restore.job_id),
            "model": restore.model,
            "stages": restore.stages,
        }
        return Response(document)


class RestoreImage(PictureView):
    """The result's picture."""

    @describe_picture("getRestoreImage", formats=True)
    def get(self, request: Request, restore_id: UUID) -> HttpResponseBase:
        """Return the bytes, under the photo's name."""
        restore = _restore_of(request, restore_id)
        return picture(request, restore, name=names.restored(restore.job.photo))


class RestorePreview(PictureView):
    """The result at screen size."""

    @describe_picture("getRestorePreview")
    def get(self, request: Request, restore_id: UUID) -> HttpResponseBase:
        """Return a JPEG."""
        return PictureResponse(_restore_of(request, restore_id).preview, name="restored")
