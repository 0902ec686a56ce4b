"""What the API answers: the shapes beside the job's snapshot, and pages of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypedDict, TypeVar

from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from django.urls import reverse
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events import log

from .. import streams
from ..models import Job, Photo
from ..snapshots import JobSnapshot, snapshot

M = TypeVar("M", bound=Model)


class PhotoDocument(TypedDict):
    """A photo as clients see it: sizes in pixels and bytes, addresses from the site's root."""

    id: str
    title: str
    format: str
    width: int
    height: int
    bytes: int
    sha256: str
    created_at: datetime
    url: str
    image_url: str
    preview_url: str


class JobDocument(JobSnapshot):
    """A job's snapshot, and where its stream stood before that was read."""

    last_event_id: int


class NewestFirst(CursorPagination):
    """Pages by cursor: nothing is skipped or repeated while rows are added."""

    page_size = 50
    ordering = ("-created_at", "-id")


def photo_document(photo: Photo) -> PhotoDocument:
    """Return the photo as clients see it."""
    return {
        "id": str(photo.pk),
        "title": photo.title,
        "format": photo.format,
        "width": photo.width,
        "height": photo.height,
        "bytes": photo.bytes,
        "sha256": photo.sha256,
        "created_at": photo.created_at,
        "url": reverse("api:photo", args=[photo.pk]),
        "image_url": reverse("api:photo-image", args=[photo.pk]),
        "preview_url": reverse("api:photo-preview", args=[photo.pk]),
    }


def job_document(job: Job) -> JobDocument:
    """Return the job with its stream's number, read first: so nothing is missed in between.

    Raises Http404 once it is deleted.
    """
    last = log.last_seq(streams.job_stream(job.pk))
    job = get_object_or_404(Job.objects.select_related("restore"), pk=job.pk)
    return {**snapshot(job), "last_event_id": last}


def page(
    view: APIView, request: Request, rows: QuerySet[M], document: Callable[[M], Mapping[str, Any]]
) -> Response:
    """Answer with one page of the rows, newest first."""
    paginator = NewestFirst()
    found = paginator.paginate_queryset(rows, request, view) or []
    return paginator.get_paginated_response([document(row) for row in found])
