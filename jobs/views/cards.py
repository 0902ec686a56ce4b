"""Photos as the grid shows them: a picture, a state."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from .. import pictures
from ..models import Job, Photo, Restore


@dataclass(frozen=True)
class Card:
    """A photo with its newest job and the result that is shown, if there is one."""

    photo: Photo
    job: Job
    restore: Restore | None

    @property
    def title(self) -> str:
        """Return what it is called."""
        return self.photo.title or _("Untitled photo")

    @property
    def picture(self) -> Photo | Restore:
        """Return what is seen: the result, else the photo."""
        return self.restore or self.photo

    @property
    def thumbnails(self) -> str:
        """Return the address that each thumbnail's begins with."""
        if self.restore:
            return f"{reverse('api:restore', args=[self.restore.pk])}/thumbnails/"
        return f"{reverse('api:photo', args=[self.photo.pk])}/thumbnails/"

    @property
    def widths(self) -> list[tuple[int, int]]:
        """Return each thumbnail's side and how many pixels wide it is; none twice."""
        size = self.picture.width, self.picture.height
        widths = {pictures.scaled(*size, side)[0]: side for side in reversed(pictures.SIDES)}
        return sorted((side, width) for width, side in widths.items())


def cards(jobs: Sequence[Job]) -> list[Card]:
    """Return the cards of the jobs' photos, which the jobs have with them, in two queries."""
    restores = shown([job.photo_id for job in jobs])
    return [Card(job.photo, job, restores.get(job.photo_id)) for job in jobs]


def shown(photo_ids: Iterable[object]) -> dict[object, Restore]:
    """Return the result of each photo that was chosen last."""
    results = Restore.objects.filter(job__photo__in=list(photo_ids)).select_related("job")
    return {restore.job.photo_id: restore for restore in results.order_by("chosen_at", "pk")}


def newest_jobs(user: object) -> QuerySet[Job]:
    """Return the newest job of each of the user's photos, the photo with it."""
    return Job.objects.of(user).newest().select_related("photo")
