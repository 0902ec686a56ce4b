"""Attempts: what RunPod was asked to run for a job, and what it says of that."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from events import rows

from .jobs import Job
from .webhooks import Webhook


class AttemptQuerySet(models.QuerySet["Attempt"]):
    """Attempts, by what RunPod may be doing about them."""

    def taken(self) -> Self:
        """Return those that RunPod has accepted and, as far as we know, not ended or forgotten."""
        return self.filter(runpod_job_id__isnull=False, ended_at=None, lost_at=None)

    def believed(self, *, now: datetime) -> Self:
        """Return those of which something may come.

        RunPod has taken them, or they are too young to have told their id, or their picture is
        being fetched.
        """
        since = now - timedelta(seconds=settings.RUNPOD_SILENCE)
        known = Q(runpod_job_id__isnull=False) | Q(created_at__gt=since)
        return self.filter(known & Q(ended_at=None, lost_at=None) | Q(fetch__isnull=False))

    def told_if_only(self) -> Self:
        """Return them, each with whether its job has no other."""
        others = Attempt.objects.filter(job=OuterRef("job")).exclude(pk=OuterRef("pk"))
        return self.annotate(is_only=~Exists(others))

    def with_known_job(self) -> Self:
        """Return them, each with its job as `known_job` has it."""
        webhooks = Webhook.objects.filter(owner=OuterRef("job__owner"), disabled_at=None)
        return self.select_related("job").annotate(
            is_watched=Exists(webhooks), version=rows.Version("job__status")
        )


class Attempt(models.Model):
    """One /run of a job. Its token, of which only the hash is kept, is who calls us back."""

    job = models.ForeignKey(Job, models.CASCADE, related_name="attempts")
    token_hash = models.CharField(max_length=64, unique=True)
    # RunPod's text; null until the answer to /run, or the first webhook, has told it.
    runpod_job_id = models.CharField(max_length=100, unique=True, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    runpod_status = models.CharField(max_length=100, blank=True, help_text="RunPod's last word.")
    execution_ms = models.PositiveBigIntegerField(null=True, blank=True)
    # When RunPod last said anything of it, and when that was last something else than before.
    heard_at = models.DateTimeField(null=True, blank=True)
    moved_at = models.DateTimeField(null=True, blank=True)
    # When the reconciler asks RunPod next how it stands.
    look_at = models.DateTimeField(default=timezone.now)
    # When its last word was taken in, after which its token is good for nothing new.
    ended_at = models.DateTimeField(null=True, blank=True)
    # When we gave it up: RunPod does not know it (any more), or its worker hangs.
    lost_at = models.DateTimeField(null=True, blank=True)

    objects = AttemptQuerySet.as_manager()
    # Whether its job has no other, where that was asked for; False says nothing.
    is_only = False
    # What `with_known_job` reads of its job; True and nothing where that was not asked for.
    is_watched, version = True, ""

    class Meta:
        ordering: ClassVar = ["id"]
        indexes: ClassVar = [
            # Few of the rows: those that RunPod is at.
            models.Index(
                fields=["look_at"],
                condition=Q(ended_at=None, lost_at=None, runpod_job_id__isnull=False),
                name="attempt_by_look",
            ),
        ]

    def __str__(self) -> str:
        return self.runpod_job_id or f"attempt {self.pk}"

    @property
    def known_job(self) -> Job | None:
        """The job, if it may be changed as it was read with this attempt: by its version.

        Not one that is watched: what its owner's webhooks are told are rows of their own.
        """
        if self.is_watched or not self.version:
            return None
        self.job.is_watched, self.job.version = False, self.version
        return self.job

    def hear(self, status: str, execution_ms: int | None, *, ends: bool) -> None:
        """Note what RunPod says of it, up to its last word, with which it `ends`."""
        now = timezone.now()
        says = {"runpod_status": status, "execution_ms": execution_ms, "heard_at": now}
        if (status, execution_ms) != (self.runpod_status, self.execution_ms):
            says["moved_at"] = now
        if ends:
            says["ended_at"] = now
        for field, value in says.items():
            setattr(self, field, value)
        # No row: it has ended already, or the photo was deleted meanwhile.
        Attempt.objects.filter(pk=self.pk, ended_at=None).update(**says)

    def rename(self, runpod_job_id: str) -> bool:
        """Take another id for RunPod's, and what was said under the old one for nothing.

        False if it is another attempt's.
        """
        if Attempt.objects.filter(runpod_job_id=runpod_job_id).exists():
            return False
        self.runpod_job_id, self.ended_at = runpod_job_id, None
        self.save(update_fields=["runpod_job_id", "ended_at"])
        return True

    def lose(self) -> bool:
        """Give it up, so that the job may be submitted again; False if that is done already."""
        now = timezone.now()
        rows = Attempt.objects.filter(pk=self.pk, ended_at=None, lost_at=None)
        return bool(rows.update(lost_at=now))
