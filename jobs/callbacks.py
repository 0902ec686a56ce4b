"""The addresses that we give to RunPod: made here, recognised here."""

from __future__ import annotations

import secrets
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils.crypto import constant_time_compare

from events import rows

from .models import Attempt, Job, Photo, hash_of

_BY_HASH = rows.Lookup(
    lambda it: Attempt.objects.filter(token_hash=it).told_if_only().with_known_job().order_by(),
    "token_hash",
    example="-",
)
_NOT_ENDED = rows.Lookup(
    lambda pk: Attempt.objects.filter(pk=pk, ended_at=None).with_known_job().order_by(),
    "id",
    example=-1,
)
_SIGNER = signing.TimestampSigner(salt="jobs.photo")
_PROGRESS = signing.Signer(salt="jobs.progress")
_UPLOAD = signing.Signer(salt="jobs.upload")


def open_attempt(job: Job) -> tuple[Attempt, str]:
    """Write down a new attempt of the job and return it with its token, kept as a hash only."""
    token = secrets.token_urlsafe(32)
    return Attempt.objects.create(job=job, token_hash=hash_of(token)), token


def attempt_of(token: str) -> Attempt | None:
    """Return the attempt that was given the token, if any.

    The look-up is by hash: what its timing tells of the hash tells nothing of the token.
    """
    hash = hash_of(token)
    attempt = _BY_HASH.first(hash)
    # A database's idea of equal may be wider than ours, such as letters of either case.
    return attempt if attempt and constant_time_compare(attempt.token_hash, hash) else None


def reporting_id_of(token: str) -> int | None:
    """Return the id of the attempt whose worker was given the signed token; None if it is not ours.

    Whether there is one any more is not asked.
    """
    try:
        return int(_PROGRESS.unsign(token))
    except signing.BadSignature:
        return None


def reporting_attempt_of(token: str) -> Attempt | None:
    """Return the attempt whose worker was given the signed token, unless it has ended."""
    pk = reporting_id_of(token)
    return None if pk is None else _NOT_ENDED.first(pk)


def completion_url(token: str) -> str:
    """Return the absolute address of the attempt's webhook."""
    return settings.PUBLIC_URL + reverse("webhooks:runpod-completion", args=[token])


def progress_url(attempt: Attempt) -> str:
    """Return the absolute address at which our own worker tells how far the attempt is."""
    path = reverse("webhooks:runpod-progress", args=[progress_token(attempt)])
    return settings.PUBLIC_URL + path


def progress_token(attempt: Attempt) -> str:
    """Return what that address ends with.

    It is not the webhook's: a worker, and who reads its logs, cannot complete a job.
    """
    return _PROGRESS.sign(str(attempt.pk))


def upload_url(attempt: Attempt) -> str:
    """Return an absolute address at which our own worker may leave the attempt's picture.

    What is secret of it is in its query, which the worker drops before it tells where that is.
    """
    path = reverse("webhooks:runpod-upload", args=[attempt.pk])
    return f"{settings.PUBLIC_URL}{path}?signature={_UPLOAD.signature(str(attempt.pk))}"


def uploading_attempt_of(attempt_id: int, signature: str) -> Attempt | None:
    """Return the attempt if the signature is ours, for it, and it has not ended."""
    if not constant_time_compare(signature, _UPLOAD.signature(str(attempt_id))):
        return None
    return Attempt.objects.filter(pk=attempt_id, ended_at=None).order_by().first()


def photo_url(photo: Photo) -> str:
    """Return an absolute address of the photo that works without an account, for RUNPOD_TTL."""
    path = reverse("api:photo-image", args=[photo.pk])
    return f"{settings.PUBLIC_URL}{path}?signature={_SIGNER.sign(str(photo.pk))}"


def is_signed(photo_id: UUID, signature: str) -> bool:
    """Tell whether the signature is ours, for this photo, and not expired."""
    try:
        return _SIGNER.unsign(signature, max_age=settings.RUNPOD_TTL) == str(photo_id)
    except signing.BadSignature:
        return False
