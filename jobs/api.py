"""The JSON API: translates, and makes one call."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.urls import reverse
from rest_framework import serializers
from rest_framework.pagination import CursorPagination
from rest_framework.parsers import FormParser, MultiPartParser
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from events import log
from events.problems import Problem

from . import callbacks, endpoints, intake, pictures, streams
from .downloads import PictureResponse
from .models import Job, Photo, Restore
from .snapshots import restore_snapshot, snapshot


class NewestFirst(CursorPagination):
    """Pages by cursor: nothing is skipped or repeated while rows are added."""

    page_size = 50
    ordering = ("-created_at", "-id")


class RestoreField(serializers.Field):
    """`true`, `false` or an object of options, as JSON text where the form is multipart."""

    def to_internal_value(self, data: Any) -> dict[str, Any] | None:
        """Return the options, None for false. Raises ValidationError."""
        try:
            value = json.loads(data) if isinstance(data, str) else data
        except (ValueError, RecursionError):
            value = data
        if isinstance(value, dict):
            return value
        if value is True or value is False:
            return {} if value else None
        raise serializers.ValidationError('Must be true, false or options such as {"scale": 2}.')


class PhotoForm(serializers.Serializer):
    """A new photo."""

    image = serializers.FileField(allow_empty_file=True)
    title = serializers.CharField(max_length=200, required=False, default="", allow_blank=True)
    restore = RestoreField(required=False, default=None)


class JobForm(serializers.Serializer):
    """A new job for a photo of mine."""

    photo_id = serializers.UUIDField()
    options = serializers.DictField(required=False, default=dict)


def photo_document(photo: Photo) -> dict[str, Any]:
    """Return a photo as clients see it: sizes in pixels and bytes, addresses from the root."""
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


def job_document(job: Job) -> dict[str, Any]:
    """Return the job's snapshot and where its stream stands, read first: so nothing is missed."""
    last = log.last_seq(streams.job_stream(job))
    job.refresh_from_db()
    return {**snapshot(job), "last_event_id": last}


def _photo_of(request: Request, photo_id: UUID) -> Photo:
    return get_object_or_404(Photo, pk=photo_id, owner_id=request.user.pk)


def _job_of(request: Request, job_id: UUID) -> Job:
    jobs: QuerySet[Job] = Job.objects.of(request.user).select_related("photo", "restore")
    return get_object_or_404(jobs, pk=job_id)


def _page(view: APIView, request: Request, rows: QuerySet[Any], document: Any) -> Response:
    paginator = NewestFirst()
    page = paginator.paginate_queryset(rows, request, view) or []
    return paginator.get_paginated_response([document(row) for row in page])


class PhotoList(APIView):
    """My photos, and new ones."""

    parser_classes = (MultiPartParser, FormParser)

    def get(self, request: Request) -> Response:
        """List my photos, newest first."""
        return _page(self, request, Photo.objects.filter(owner_id=request.user.pk), photo_document)

    def post(self, request: Request) -> Response:
        """Keep a photo; restore it at once if asked to. 201 with photo, job and events_url."""
        form = PhotoForm(data=request.data)
        form.is_valid(raise_exception=True)
        given = form.validated_data
        try:
            job = intake.upload(
                owner=request.user,
                file=given["image"],
                title=given["title"],
                options=given["restore"],
            )
        except pictures.PictureError as error:
            status = 413 if error.code == "file_too_large" else 400
            raise Problem(status, error.code, error.message) from error
        except endpoints.OptionsError as error:
            raise Problem(400, "bad_options", str(error)) from error
        return Response(_created(job), status=201)


def _created(job: Job) -> dict[str, Any]:
    document = job_document(job)
    return {
        "photo": photo_document(job.photo),
        "job": document,
        "events_url": document["events_url"],
    }


class PhotoDetail(APIView):
    """One photo of mine."""

    def get(self, request: Request, photo_id: UUID) -> Response:
        """Return the photo with its jobs, newest first."""
        photo = _photo_of(request, photo_id)
        jobs = photo.jobs.select_related("restore")
        return Response({**photo_document(photo), "jobs": [snapshot(job) for job in jobs]})


class PhotoImage(APIView):
    """The photo's picture, to its owner or to who holds its signed address."""

    permission_classes = (AllowAny,)

    def get(self, request: Request, photo_id: UUID) -> HttpResponseBase:
        """Return the bytes: upright, without metadata."""
        if callbacks.is_signed(photo_id, request.query_params.get("signature", "")):
            photo = get_object_or_404(Photo, pk=photo_id)
        else:
            if not request.user.is_authenticated:
                self.permission_denied(request)
            photo = _photo_of(request, photo_id)
        return PictureResponse(photo.image, name=photo.title or "photo")


class PhotoPreview(APIView):
    """The photo at screen size."""

    def get(self, request: Request, photo_id: UUID) -> HttpResponseBase:
        """Return a JPEG."""
        return PictureResponse(_photo_of(request, photo_id).preview, name="preview")


class JobList(APIView):
    """My jobs, and new ones."""

    def get(self, request: Request) -> Response:
        """List the snapshots of my jobs, newest first."""
        jobs = Job.objects.of(request.user).select_related("photo", "restore")
        return _page(self, request, jobs, snapshot)

    def post(self, request: Request) -> Response:
        """Restore a photo of mine as a new job. 202 with the snapshot."""
        form = JobForm(data=request.data)
        form.is_valid(raise_exception=True)
        photo = _photo_of(request, form.validated_data["photo_id"])
        try:
            job = intake.request_new_job(photo=photo, options=form.validated_data["options"])
        except endpoints.OptionsError as error:
            raise Problem(400, "bad_options", str(error)) from error
        return Response(job_document(job), status=202)


class JobDetail(APIView):
    """One job of mine."""

    def get(self, request: Request, job_id: UUID) -> Response:
        """Return its snapshot, with the number of its stream's newest event."""
        return Response(job_document(_job_of(request, job_id)))


class JobRestore(APIView):
    """The start of a job that was created with its photo."""

    def post(self, request: Request, job_id: UUID) -> Response:
        """Start it: 202; 200 when it is under way; 409 when it is finished."""
        job = _job_of(request, job_id)
        try:
            started = intake.request_restore(job=job)
        except intake.AlreadyFinishedError as error:
            again = reverse("api:jobs")
            detail = f"This job is finished. POST its photo_id to {again} for a new one."
            raise Problem(409, "already_finished", detail, photo_id=str(job.photo_id)) from error
        return Response(job_document(job), status=202 if started else 200)


def _restore_of(request: Request, restore_id: UUID) -> Restore:
    restores = Restore.objects.filter(job__photo__owner_id=request.user.pk)
    return get_object_or_404(restores.select_related("job__photo"), pk=restore_id)


class RestoreDetail(APIView):
    """One result of mine."""

    def get(self, request: Request, restore_id: UUID) -> Response:
        """Return the result, what made it, and its job's id."""
        restore = _restore_of(request, restore_id)
        return Response(
            {
                **restore_snapshot(restore),
                "job_id": str(restore.job_id),
                "model": restore.model,
                "stages": restore.stages,
            }
        )


class RestoreImage(APIView):
    """The result's picture."""

    def get(self, request: Request, restore_id: UUID) -> HttpResponseBase:
        """Return the bytes, under the photo's name."""
        restore = _restore_of(request, restore_id)
        title = restore.job.photo.title or "photo"
        return PictureResponse(restore.image, name=f"{title}-restored")


class RestorePreview(APIView):
    """The result at screen size."""

    def get(self, request: Request, restore_id: UUID) -> HttpResponseBase:
        """Return a JPEG."""
        return PictureResponse(_restore_of(request, restore_id).preview, name="restored")
