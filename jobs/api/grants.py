"""Grants: permissions to follow streams of mine, for who can send neither cookie nor header."""

from __future__ import annotations

import math
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, TypedDict
from uuid import UUID

from django.db import transaction
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from events import grants

from .. import streams
from ..idempotency import Wish
from ..models import Job, Scope
from . import wishes
from .forms import Id, StrictForm
from .schema import describe
from .views import ApiView

_MOST_JOBS = 100


class GrantDocument(TypedDict):
    """A grant as its owner gets it, once: good until then, or for so many seconds."""

    token: str
    expires_at: datetime
    expires_in: int
    events_urls: list[str]


class GrantForm(StrictForm):
    """What a grant shall open: the jobs named, or everything of mine."""

    job_ids = serializers.ListField(child=Id(), min_length=1, max_length=_MOST_JOBS, required=False)


class GrantList(ApiView):
    """New grants. They are signed, not kept: there is no list to read."""

    scope = Scope.EVENTS

    @describe("createGrant", {201: GrantDocument}, takes=GrantForm, key=True)
    def post(self, request: Request) -> Response:
        """Grant what was asked for. 201 with the token, which nobody else may see."""
        form = GrantForm(data=request.data)
        form.is_valid(raise_exception=True)
        user: Any = request.user
        job_ids = form.validated_data.get("job_ids")
        names, urls = _everything(user) if job_ids is None else _jobs(user, job_ids)
        moment, _, id = wishes.grant(request, _note).partition(" ")
        now = datetime.fromtimestamp(int(moment), UTC)
        grant = grants.issue(user=user.pk, streams=names, now=now, id=id)
        return Response(_document(grant, urls), status=201, headers={"Cache-Control": "no-store"})


def _note(wish: Wish | None) -> str:
    """Return when the grant is made and its id, of which it can be made again: it is not kept."""
    noted = f"{int(timezone.now().timestamp())} {secrets.token_urlsafe(9)}"
    if wish:
        with transaction.atomic():
            wish.claim(noted)
    return noted


def _everything(user: Any) -> tuple[list[str], list[str]]:
    return [streams.owner_stream(user.pk)], [reverse("events:mine")]


def _jobs(user: Any, job_ids: Sequence[UUID]) -> tuple[list[str], list[str]]:
    """Return the streams of the user's jobs and their addresses; Http404 for any other job."""
    wanted = list(dict.fromkeys(job_ids))
    jobs = Job.objects.of(user).only("pk").in_bulk(wanted)
    if len(jobs) < len(wanted):
        raise Http404
    names = [streams.job_stream(jobs[job_id].pk) for job_id in wanted]
    return names, [reverse("events:one", args=[job_id]) for job_id in wanted]


def _document(grant: grants.IssuedGrant, urls: list[str]) -> GrantDocument:
    left = math.ceil((grant.expires_at - timezone.now()).total_seconds())
    return {
        "token": grant.token,
        "expires_at": grant.expires_at,
        "expires_in": max(left, 0),  # of one that is repeated by its key
        "events_urls": urls,
    }
