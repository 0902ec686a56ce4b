"""Jobs: mine, new ones, their start."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import Http404
from django.shortcuts import get_object_or_404
from django.urls import reverse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from events.problems import Problem

from .. import endpoints, intake, withdrawal
from ..idempotency import Wish
from ..models import Job, Photo
from . import wishes
from .documents import (
    JobDocument,
    JobPage,
    followed_page,
    job_document,
    job_documents,
    job_response,
)
from .filters import JobFilters, filters
from .forms import Id, StrictForm
from .photos import photo_of
from .schema import describe
from .views import ApiView


class JobForm(StrictForm):
    """A new job for a photo of mine."""

    photo_id = Id()
    options = serializers.DictField(required=False, default=dict)


def _job_of(request: Request, job_id: UUID) -> Job:
    jobs: QuerySet[Job] = Job.objects.of(request.user)
    return get_object_or_404(jobs, pk=job_id)


class JobList(ApiView):
    """My jobs, and new ones."""

    @describe("listJobs", {200: JobPage}, filters=JobFilters)
    def get(self, request: Request) -> Response:
        """List the snapshots of my jobs, newest first."""
        # Their ids; what they are is read after their streams' numbers.
        found = filters(JobFilters, request)
        jobs = found.of(Job.objects.of(request.user).only("created_at"))
        return followed_page(self, request, jobs, job_documents, limit=found.limit_of_page)

    @describe("createJob", {202: JobDocument}, takes=JobForm, key=True)
    def post(self, request: Request) -> Response:
        """Restore a photo of mine as a new job. 202 with the snapshot."""
        form = JobForm(data=request.data)
        form.is_valid(raise_exception=True)
        id = wishes.grant(request, lambda wish: _made(request, wish, **form.validated_data))
        return job_response(job_document(_job_of(request, UUID(id))), status=202)


def _made(request: Request, wish: Wish | None, *, photo_id: UUID, options: dict[str, Any]) -> UUID:
    photo = photo_of(request, photo_id)
    try:
        return intake.request_new_job(photo=photo, options=options, wish=wish).pk
    except endpoints.OptionsError as error:
        raise Problem(400, "bad_options", str(error)) from error
    except Photo.DoesNotExist as error:
        raise Http404 from error


class JobDetail(ApiView):
    """One job of mine."""

    @describe("getJob", {200: JobDocument})
    def get(self, request: Request, job_id: UUID) -> Response:
        """Return its snapshot, with the number of its stream's newest event."""
        return job_response(job_document(_job_of(request, job_id)))


class JobRestore(ApiView):
    """The start of a job that was created with its photo."""

    @describe("startJob", {200: JobDocument, 202: JobDocument})
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
        return job_response(job_document(job), status=202 if started else 200)


class JobCancel(ApiView):
    """The end of a job that is not wanted any more."""

    @describe("cancelJob", {202: JobDocument})
    def post(self, request: Request, job_id: UUID) -> Response:
        """Cancel it: 202, also when it is cancelled already; 409 when it has ended otherwise."""
        job = _job_of(request, job_id)
        try:
            withdrawal.cancel(job=job)
        except withdrawal.TooLateError as error:
            detail = f"It is too late to cancel this job: it is {job.status}."
            raise Problem(409, "too_late", detail) from error
        except Job.DoesNotExist as error:
            raise Http404 from error
        return job_response(job_document(job), status=202)
