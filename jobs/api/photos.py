"""Photos: mine, new ones, their pictures."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from events.problems import Problem

from .. import callbacks, deletion, endpoints, intake, names, pictures
from ..authentication import IsPermitted
from ..downloads import PictureResponse
from ..idempotency import Wish
from ..models import Job, Photo
from . import wishes
from .documents import (
    PhotoPage,
    PhotoWithJobs,
    UploadDocument,
    followed_at,
    followed_page,
    job_document,
    job_documents,
    photo_document,
    photo_documents,
)
from .filters import PhotoFilters, filters
from .forms import refuse_repeated
from .images import picture
from .parsing import LONGEST, FormParser, json_of
from .schema import describe, describe_picture
from .views import ApiView, PictureView


@extend_schema_field({})  # which options there are is known later (schema.hooks)
class RestoreField(serializers.Field):
    """`true`, `false` or an object of options: JSON text, as a form sends what is no text.

    Or a file of it: a FormData of JavaScript has no other way to say that a part is JSON.
    """

    def to_internal_value(self, data: Any) -> dict[str, Any] | None:
        """Return the options, None for false. Raises ValidationError."""
        text = data.read(LONGEST) if isinstance(data, UploadedFile) else str(data)
        try:
            # Clients that are generated for Python write True and False.
            value = json_of(text.lower() if text in ("True", "False") else text)
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

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return what was given. Raises ValidationError for what was given more than once."""
        refuse_repeated(self.initial_data, self.fields)
        return attrs


def photo_of(request: Request, photo_id: UUID) -> Photo:
    """Return the caller's photo of that id; Http404 for what is not theirs."""
    return get_object_or_404(Photo, pk=photo_id, owner_id=request.user.pk)


class PhotoList(ApiView):
    """My photos, and new ones."""

    parser_classes = (FormParser,)

    @describe("listPhotos", {200: PhotoPage}, filters=PhotoFilters)
    def get(self, request: Request) -> Response:
        """List my photos, newest first."""
        found = filters(PhotoFilters, request)
        photos = found.of(Photo.objects.filter(owner_id=request.user.pk))
        return followed_page(self, request, photos, photo_documents, limit=found.limit_of_page)

    @describe("upload", {201: UploadDocument}, takes=PhotoForm, key=True)
    def post(self, request: Request) -> Response:
        """Keep a photo; restore it at once if asked to. 201 with photo, job and events_url."""
        form = PhotoForm(data=request.data)
        form.is_valid(raise_exception=True)
        id = wishes.grant(request, lambda wish: _kept(request, form.validated_data, wish))
        return _created(get_object_or_404(Job, pk=id, owner_id=request.user.pk))


def _kept(request: Request, given: dict[str, Any], wish: Wish | None) -> UUID:
    try:
        return intake.upload(
            owner=request.user,
            file=given["image"],
            title=given["title"],
            options=given["restore"],
            wish=wish,
        ).pk
    except pictures.PictureError as error:
        status = 413 if error.code == "file_too_large" else 400
        raise Problem(status, error.code, error.message) from error
    except endpoints.OptionsError as error:
        raise Problem(400, "bad_options", str(error)) from error


def _created(job: Job) -> Response:
    document = job_document(job)
    photo, url = photo_document(job.photo), document["events_url"]
    headers = {"Location": photo["url"], **followed_at(url)}
    return Response(
        {"photo": photo, "job": document, "events_url": url}, status=201, headers=headers
    )


class PhotoDetail(ApiView):
    """One photo of mine."""

    @describe("getPhoto", {200: PhotoWithJobs})
    def get(self, request: Request, photo_id: UUID) -> Response:
        """Return the photo with its jobs, newest first."""
        photo = photo_of(request, photo_id)
        jobs = job_documents(Job.objects.filter(photo=photo).only("pk"))
        return Response({**photo_document(photo), "jobs": jobs})

    @describe("deletePhoto", {204: None})
    def delete(self, request: Request, photo_id: UUID) -> Response:
        """Delete it with its jobs, results, files and events: 204."""
        if not deletion.delete(photo=photo_of(request, photo_id)):
            raise Http404
        return Response(status=204)


class PhotoImage(PictureView):
    """The photo's picture, to its owner or to who holds its signed address."""

    permission_classes = (AllowAny,)

    @describe_picture("getPhotoImage", formats=True)
    def get(self, request: Request, photo_id: UUID) -> HttpResponseBase:
        """Return the bytes: upright, without metadata."""
        if callbacks.is_signed(photo_id, request.query_params.get("signature", "")):
            photo = get_object_or_404(Photo, pk=photo_id)
            return PictureResponse(photo.image, name=names.original(photo))
        if not IsPermitted().has_permission(request, self):
            self.permission_denied(request)
        photo = photo_of(request, photo_id)
        return picture(request, photo, name=names.original(photo))


class PhotoPreview(PictureView):
    """The photo at screen size."""

    @describe_picture("getPhotoPreview")
    def get(self, request: Request, photo_id: UUID) -> HttpResponseBase:
        """Return a JPEG."""
        return PictureResponse(photo_of(request, photo_id).preview, name="preview")
