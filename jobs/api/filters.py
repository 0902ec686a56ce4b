"""Which rows a list has: by state and time, and how many a page."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db.models import Exists, Model, OuterRef, QuerySet
from django.http import QueryDict
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.serializers import ListField

from ..models import Delivery, DeliveryStatus, Job, Photo, Status
from .forms import StrictForm, one_of, refuse_repeated

F = TypeVar("F", bound="PageFilters")
M = TypeVar("M", bound=Model)


class Moment(serializers.DateTimeField):
    """A time; without a zone it is UTC."""

    default_error_messages = {
        "invalid": "Must be a time such as 2026-11-24T15:26:49Z or 2026-11-24T17:26:49%2B02:00: in "
        "an address, + is written %2B."
    }


class PageFilters(StrictForm):
    """What every list takes."""

    cursor = serializers.CharField(required=False, help_text="From `next` or `previous`.")
    limit = serializers.IntegerField(
        min_value=1, max_value=100, default=50, help_text="Rows of a page."
    )
    created_after = Moment(required=False, help_text="This moment excluded.")
    created_before = Moment(required=False, help_text="This moment excluded.")

    @property
    def limit_of_page(self) -> int:
        """How many rows a page has."""
        return int(self.validated_data["limit"])

    def by_time(self, rows: QuerySet[M]) -> QuerySet[M]:
        """Return those of the rows that were made when the filters say."""
        return _within(rows, self.validated_data, "created")


class JobFilters(PageFilters):
    """Jobs by status, photo and time."""

    status = serializers.ListField(
        child=one_of(Status.values),
        required=False,
        help_text="One of these; named several times, any of them.",
    )
    photo_id = serializers.UUIDField(required=False, help_text="Of this photo.")
    finished_after = Moment(required=False, help_text="This moment excluded.")
    finished_before = Moment(required=False, help_text="This moment excluded.")

    def of(self, jobs: QuerySet[Job]) -> QuerySet[Job]:
        """Return those of the jobs that the filters name."""
        given = self.validated_data
        if statuses := given.get("status"):
            jobs = jobs.filter(status__in=statuses)
        if photo_id := given.get("photo_id"):
            jobs = jobs.filter(photo=photo_id)
        return _within(self.by_time(jobs), given, "finished")


class PhotoFilters(PageFilters):
    """Photos by the status of their newest job, and by time."""

    status = serializers.ListField(
        child=one_of(Status.values),
        required=False,
        help_text="The newest job's; named several times, any of them.",
    )

    def of(self, photos: QuerySet[Photo]) -> QuerySet[Photo]:
        """Return those of the photos that the filters name."""
        if statuses := self.validated_data.get("status"):
            newest = Job.objects.newest().filter(photo=OuterRef("pk"), status__in=statuses)
            photos = photos.filter(Exists(newest))
        return self.by_time(photos)


class DeliveryFilters(PageFilters):
    """Deliveries by status and time."""

    status = serializers.ListField(
        child=one_of(DeliveryStatus.values),
        required=False,
        help_text="One of these; named several times, any of them.",
    )

    def of(self, deliveries: QuerySet[Delivery]) -> QuerySet[Delivery]:
        """Return those of the deliveries that the filters name."""
        if statuses := self.validated_data.get("status"):
            deliveries = deliveries.filter(status__in=statuses)
        return self.by_time(deliveries)


def filters(kind: type[F], request: Request) -> F:
    """Return the filters that the address has. Raises ValidationError."""
    found = kind(data=_plain(kind(), request.query_params))
    found.is_valid(raise_exception=True)
    return found


def _plain(form: serializers.Serializer, query: QueryDict) -> dict[str, Any]:
    """Return the query as JSON would have it: else DRF takes an empty text for none at all.

    Raises ValidationError for what is no list and given several times.
    """
    lists = {name for name, field in form.fields.items() if isinstance(field, ListField)}
    refuse_repeated(query, (name for name in query if name not in lists))
    return {name: query.getlist(name) if name in lists else query[name] for name in query}


def _within(rows: QuerySet[M], given: dict[str, Any], what: str) -> QuerySet[M]:
    if after := given.get(f"{what}_after"):
        rows = rows.filter(**{f"{what}_at__gt": after})
    if before := given.get(f"{what}_before"):
        rows = rows.filter(**{f"{what}_at__lt": before})
    return rows
