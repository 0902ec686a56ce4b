"""Jobs, which only move forward."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q

from events import rows

from .photos import Photo
from .statuses import FINAL, ON_HOLD, ORDER, WAITING, Status
from .webhooks import Webhook

# What may change with a job's status.
_MOVED = (
    *("status", "ahead", "progress", "stage", "progress_told_at", "progress_is_untold"),
    *("error_code", "error_message", "error_retryable", "delay_ms", "execution_ms"),
    *("requested_at", "queued_at", "started_at", "heard_at", "finished_at"),
)
# Where a job notes since when it has stood there; of the final ones in finished_at.
_MOMENTS = {
    Status.PENDING: "requested_at",
    Status.QUEUED: "queued_at",
    Status.PROCESSING: "started_at",
}


class JobQuerySet(models.QuerySet["Job"]):
    """Jobs, filtered by what happens to them next."""

    def told_if_watched(self) -> Self:
        """Return them, each with whether its owner has webhooks that are on."""
        webhooks = Webhook.objects.filter(owner=OuterRef("owner"), disabled_at=None)
        return self.annotate(is_watched=Exists(webhooks))

    def of(self, user: Any) -> Self:
        """Return the jobs of the user's photos."""
        return self.filter(owner=user)

    def ahead_of(self, job: Job) -> Self:
        """Return whosever jobs RunPod will turn to before this one, as far as we know."""
        if job.requested_at is None:
            return self.none()
        return self.waiting().filter(requested_at__lt=job.requested_at)

    def waiting(self) -> Self:
        """Return the jobs that were asked for and are not begun."""
        return self.filter(status__in=WAITING)

    def newest(self) -> Self:
        """Return each photo's newest job."""
        return self.filter(is_newest=True)

    def under_way(self) -> Self:
        """Return the jobs that were asked for and are not finished."""
        return self.filter(status__in=[Status.PENDING, Status.QUEUED, Status.PROCESSING])

    def on_hold(self) -> Self:
        """Return the jobs that wait because RunPod does not take them for now."""
        return self.filter(status=Status.PENDING, stage=ON_HOLD)

    def release(self, *, now: datetime) -> int:
        """Have the reconciler submit them at once, and return how many they are."""
        return self.update(heard_at=now - timedelta(seconds=settings.RUNPOD_SILENCE + 1))


class Job(models.Model):
    """One request to restore one photo with given options. It only moves forward."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    photo = models.ForeignKey(Photo, models.CASCADE, related_name="jobs")
    # The photo's, noted here so that who may follow and whom to tell is known without a join.
    # Indexes below begin with it.
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, related_name="jobs", db_index=False
    )
    options = models.JSONField(default=dict, blank=True)
    # Of its photo's jobs, the one that the photo is shown with.
    is_newest = models.BooleanField(default=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.CREATED)
    progress = models.PositiveSmallIntegerField(
        default=0, help_text="Per cent, as the worker says."
    )
    stage = models.CharField(max_length=40, blank=True)
    # While it waits: how many are before it, as was last told; null is many (jobs.places).
    ahead = models.PositiveSmallIntegerField(null=True, blank=True)
    # When its progress was last told, and whether there is newer that was held back since.
    progress_told_at = models.DateTimeField(null=True, blank=True)
    progress_is_untold = models.BooleanField(default=False)
    error_code = models.CharField(max_length=40, blank=True)
    error_message = models.CharField(max_length=500, blank=True)
    error_retryable = models.BooleanField(default=False)
    delay_ms = models.PositiveBigIntegerField(null=True, blank=True, help_text="RunPod: in queue.")
    execution_ms = models.PositiveBigIntegerField(
        null=True, blank=True, help_text="RunPod: running."
    )
    created_at = models.DateTimeField(auto_now_add=True)
    requested_at = models.DateTimeField(null=True, blank=True)
    queued_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(null=True, blank=True)
    # When we last did something about it, or learned of it.
    heard_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    objects = JobQuerySet.as_manager()
    # Whether its owner has webhooks that are on; True also where that was not asked for.
    is_watched = True
    # Of the row, where that was asked for (events.rows.Version).
    version = ""

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [
            # Few of the rows. When a job was heard of stays out: an index makes each note of that,
            # two a second of every worker, a new entry in all of them.
            models.Index(
                fields=["status"],
                condition=Q(status__in=[Status.PENDING, Status.QUEUED, Status.PROCESSING]),
                name="job_under_way",
            ),
            models.Index(fields=["owner", "-created_at", "-id"], name="job_of_owner"),
            # The pages of somebody's photos: all, and those in some states.
            models.Index(
                fields=["owner", "-created_at", "-id"],
                condition=Q(is_newest=True),
                name="newest_job_of_owner",
            ),
            models.Index(
                fields=["owner", "status", "-created_at", "-id"],
                condition=Q(is_newest=True),
                name="newest_job_by_status",
            ),
        ]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(status__in=sorted(FINAL), finished_at__isnull=False)
                | (~Q(status__in=sorted(FINAL)) & Q(finished_at__isnull=True)),
                name="job_finished_at_says_final",
            ),
            models.CheckConstraint(
                condition=Q(status__in=Status.values), name="job_status_is_known"
            ),
            models.CheckConstraint(condition=Q(progress__lte=100), name="job_progress_is_per_cent"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.status}"

    @property
    def is_final(self) -> bool:
        """Whether nothing will happen to it any more."""
        return self.status in FINAL

    @property
    def waits(self) -> bool:
        """Whether it has a turn to wait for: it is not begun, and not on hold."""
        return self.status in WAITING and self.stage != ON_HOLD

    def advance(self, to: Status, *, now: datetime) -> bool:
        """Move forward to the status; False, and nothing changed, where that is no move.

        The caller holds the row's lock, or writes only if the row is of the version that it read
        (jobs.lifecycle). Only a move may write a Restore or an event, so that a
        late, repeated or overtaken report does nothing twice. The caller has `moved()` made.
        """
        if ORDER[to] <= ORDER[Status(self.status)]:
            return False
        self.status = to
        self.heard_at = now
        if self.stage == ON_HOLD:
            self.stage = ""
        if to in _MOMENTS:
            setattr(self, _MOMENTS[to], now)
        if self.is_final:
            self.finished_at = now
            self.progress_is_untold = False  # the end tells more
        return True

    def moved(self) -> rows.Change:
        """Return what writes all that may change with a job's status."""
        return rows.update(self, *_MOVED)
