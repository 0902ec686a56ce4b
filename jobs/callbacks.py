"""The addresses that we give to RunPod: made here, recognised here."""

from __future__ import annotations

import secrets
from uuid import UUID

from django.conf import settings
from django.core import signing
from django.urls import reverse

from .models import Attempt, Job, Photo, hash_of

_SIGNER = signing.TimestampSigner(salt="jobs.photo")


def open_attempt(job: Job) -> tuple[Attempt, str]:
    """Write down a new attempt of the job and return it with its token, kept as a hash only."""
    token = secrets.token_urlsafe(32)
    return Attempt.objects.create(job=job, token_hash=hash_of(token)), token


def attempt_of(token: str) -> Attempt | None:
    """Return the attempt that was given the token, if any.

    The look-up is by hash: what its timing tells of the hash tells nothing of the token.
    """
    return Attempt.objects.filter(token_hash=hash_of(token)).order_by().first()


def completion_url(token: str) -> str:
    """Return the absolute address of the attempt's webhook."""
    return settings.PUBLIC_URL + reverse("webhooks:runpod-completion", args=[token])


def progress_url(token: str) -> str:
    """Return the absolute address at which our own worker tells how far it is."""
    return settings.PUBLIC_URL + reverse("webhooks:runpod-progress", args=[token])


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
