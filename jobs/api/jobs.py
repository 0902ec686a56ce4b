"""Jobs: mine, new ones, their start."""

from __future__ import annotations

from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from events.problems import Problem

from .. import endpoints, intake
from ..models import Job, Photo
from .documents import job_document, job_documents, page
from .photos import photo_of
from .views import ApiView


class JobForm(serializers.Serializer):
    """A new job for a photo of mine."""

    photo_id = serializers.UUIDField()
    options = serializers.DictField(required=False, default=dict)


def _job_of(request: Request, job_id: UUID) -> Job:
    jobs: QuerySet[Job] = Job.objects.of(request.user)
    return get_object_or_404(jobs, pk=job_id)


class JobList(ApiView):
    """My jobs, and new ones."""

    def get(self, request: Request) -> Response:
        """List the snapshots of my jobs, newest first."""
        # Their ids; what they are is read after their streams' numbers.
        jobs: QuerySet[Job] = Job.objects.of(request.user).only("created_at")
        return page(self, request, jobs, job_documents)

    def post(self, request: Request) -> Response:
        """Restore a photo of mine as a new job. 202 with the snapshot."""
        form = JobForm(data=request.data)
        form.is_valid(raise_exception=True)
        photo = photo_of(request, form.validated_data["photo_id"])
        try:
            job = intake.request_new_job(photo=photo, options=form.validated_data["options"])
        except endpoints.OptionsError as error:
            raise Problem(400, "bad_options", str(error)) from error
        except Photo.DoesNotExist as error:
            raise Http404 from error
        return Response(job_document(job), status=202)


class JobDetail(ApiView):
    """One job of mine."""

    def get(self, request: Request, job_id: UUID) -> Response:
        """Return its snapshot, with the number of its stream's newest event."""
        return Response(job_document(_job_of(request, job_id)))


class JobRestore(ApiView):
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
        except Job.DoesNotExist as error:
            raise Http404 from error
        return Response(job_document(job), status=202 if started else 200)
