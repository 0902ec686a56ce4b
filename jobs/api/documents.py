"""What the API answers: the shapes beside the job's snapshot, and pages of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, TypedDict, TypeVar

from django.db.models import Model, QuerySet
from django.http import Http404
from django.urls import reverse
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events import log
from events.problems import Problem

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


class PhotoWithJobs(PhotoDocument):
    """A photo and all jobs of it, newest first."""

    jobs: list[JobDocument]


class UploadDocument(TypedDict):
    """A new photo, its first job, and where to follow that."""

    photo: PhotoDocument
    job: JobDocument
    events_url: str


class PageDocument(TypedDict):
    """A page of a list: the addresses of those before and after it are whole."""

    next: str | None
    previous: str | None


class FollowedPage(PageDocument):
    """A page, and the stream by which to follow all of the list."""

    events_url: str
    last_event_id: int


class PhotoPage(FollowedPage):
    """A page of photos."""

    results: list[PhotoDocument]


class JobPage(FollowedPage):
    """A page of jobs."""

    results: list[JobDocument]


class NewestFirst(CursorPagination):
    """Pages by cursor: nothing is skipped or repeated while rows are added."""

    ordering = ("-created_at", "-id")

    def decode_cursor(self, request: Request) -> Any:
        """Return the place that the cursor names. Raises Problem 400 for one made up."""
        try:
            cursor = super().decode_cursor(request)
            if cursor and cursor.position is not None:
                # Databases differ in what they make of a time that is none.
                datetime.fromisoformat(str(cursor.position)).astimezone(UTC)
        except (NotFound, ValueError, OverflowError) as error:
            detail = "cursor must be that of a page's `next` or `previous`."
            raise Problem(400, "bad_cursor", detail) from error
        return cursor


def photo_documents(photos: Iterable[Photo]) -> list[PhotoDocument]:
    """Return the photos as clients see them."""
    return [photo_document(photo) for photo in photos]


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
    """Return the job as clients see it, read anew. Raises Http404 once it is deleted."""
    documents = job_documents([job])
    if not documents:
        raise Http404
    return documents[0]


def job_documents(jobs: Iterable[Job]) -> list[JobDocument]:
    """Return the jobs as clients see them, read anew, without those that are deleted by now."""
    return [{**snapshot(job), "last_event_id": last} for job, last in streams.read(jobs)]


def job_response(document: JobDocument, *, status: int = 200) -> Response:
    """Answer with a job, and say in the header, too, from where to follow it."""
    return Response(document, status, headers=followed_at(document["events_url"]))


def followed_at(url: str) -> dict[str, str]:
    """Return the header that names the stream of what is answered with (RFC 8288)."""
    return {"Link": f'<{url}>; rel="events"'}


def page(
    view: APIView,
    request: Request,
    rows: QuerySet[M],
    documents: Callable[[Iterable[M]], Iterable[Mapping[str, Any]]],
    *,
    limit: int,
) -> Response:
    """Answer with one page of the rows, newest first."""
    paginator = NewestFirst()
    paginator.page_size = limit
    found = paginator.paginate_queryset(rows, request, view) or []
    return paginator.get_paginated_response(documents(found))


def followed_page(
    view: APIView,
    request: Request,
    rows: QuerySet[M],
    documents: Callable[[Iterable[M]], Iterable[Mapping[str, Any]]],
    *,
    limit: int,
) -> Response:
    """Answer with one page of the rows, and with the stream to follow them all by.

    Where that stood is read first, as with each job.
    """
    user: Any = request.user
    last, url = log.last_seq(streams.owner_stream(user.pk)), reverse("events:mine")
    answer = page(view, request, rows, documents, limit=limit)
    answer.data |= {"events_url": url, "last_event_id": last}
    answer.headers["Link"] = followed_at(url)["Link"]
    return answer
