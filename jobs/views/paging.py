"""Pages by cursor: nothing is skipped or repeated while photos come and go."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from rest_framework.exceptions import NotFound
from rest_framework.pagination import CursorPagination
from rest_framework.request import Request

from ..models import Job


@dataclass(frozen=True)
class Page:
    """Some of the rows, and the queries of the pages before and after them."""

    rows: list[Job]
    newer: str | None
    older: str | None


class _Paginator(CursorPagination):
    page_size = 48
    ordering = ("-created_at", "-id")


def page_of(rows: QuerySet[Job], request: HttpRequest) -> Page:
    """Return the page that the request asks for. Raises Http404 for a cursor that is none."""
    paginator = _Paginator()
    try:
        found = paginator.paginate_queryset(rows, Request(request)) or []
    except (NotFound, ValidationError, OverflowError) as error:
        raise Http404 from error
    newer, older = paginator.get_previous_link(), paginator.get_next_link()
    return Page(found, _query(newer), _query(older))


def _query(link: str | None) -> str | None:
    return f"?{urlsplit(link).query}" if link else None
