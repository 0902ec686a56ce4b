"""Photos, the jobs that restore them, and what came of it."""

from __future__ import annotations

import hashlib
import secrets
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from events import rows

_LAST_USED_GAP = timedelta(minutes=5)


class Photo(models.Model):
    """An original as uploaded, with the two pictures made of it that may leave this site."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="photos")
    title = models.CharField(max_length=200, blank=True)
    # The bytes that came, never handed out: they may hold a place, a name, a second picture.
    original = models.FileField(upload_to="originals", max_length=200)
    # The whole picture, upright, with its colour profile and without its metadata.
    image = models.FileField(upload_to="images", max_length=200)
    # The same at screen size, as a JPEG, which every browser shows.
    preview = models.FileField(upload_to="previews", max_length=200)
    format = models.CharField(max_length=10, help_text="Pillow's word for the original's format.")
    width = models.PositiveIntegerField(help_text="Pixels, upright.")
    height = models.PositiveIntegerField(help_text="Pixels, upright.")
    bytes = models.PositiveBigIntegerField(help_text="Size of the original.")
    sha256 = models.CharField(max_length=64, help_text="Of the original's bytes.")
    has_thumbnails = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["owner", "-created_at", "-id"], name="photo_of_owner"),
            models.Index(fields=["owner", "sha256"], name="photo_by_content"),
            models.Index(
                fields=["created_at"],
                condition=Q(has_thumbnails=False),
                name="photo_without_thumbnails",
            ),
        ]

    def __str__(self) -> str:
        return self.title or str(self.id)


class Status(models.TextChoices):
    """Where a job stands. Its order is ORDER; there is no way back."""

    CREATED = "created"
    PENDING = "pending"
    QUEUED = "queued"
    PROCESSING = "processing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"
    TIMED_OUT = "timed_out"


FINAL = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED, Status.TIMED_OUT})
ORDER = {status: min(step, 4) for step, status in enumerate(Status)}
# What may change with a job's status.
_MOVED = (
    *("status", "progress", "stage", "progress_told_at", "progress_is_untold"),
    *("error_code", "error_message", "error_retryable", "delay_ms", "execution_ms"),
    *("requested_at", "queued_at", "started_at", "heard_at", "finished_at"),
)
# Where a job notes since when it has stood there; of the final ones in finished_at.
_MOMENTS = {
    Status.PENDING: "requested_at",
    Status.QUEUED: "queued_at",
    Status.PROCESSING: "started_at",
}
WAITING = [Status.PENDING, Status.QUEUED]
ON_HOLD = "on hold"  # the stage of a pending job that RunPod does not take for now


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

    def stranded(self, *, now: datetime) -> Self:
        """Return the jobs under way that RunPod is not at, and nothing was done about lately."""
        since = now - timedelta(seconds=settings.RUNPOD_SILENCE)
        believed = Attempt.objects.believed(now=now).filter(job=OuterRef("pk"))
        return self.under_way().filter(~Exists(believed), heard_at__lt=since)

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
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="jobs")
    options = models.JSONField(default=dict, blank=True)
    # Of its photo's jobs, the one that the photo is shown with.
    is_newest = models.BooleanField(default=True)
    status = models.CharField(max_length=10, choices=Status, default=Status.CREATED)
    progress = models.PositiveSmallIntegerField(
        default=0, help_text="Per cent, as the worker says."
    )
    stage = models.CharField(max_length=40, blank=True)
    # While it waits: how many are before it, at most, as was last told (jobs.places).
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

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["status", "heard_at"], name="job_by_silence"),
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
        """Whether it was asked for and is not begun."""
        return self.status in WAITING

    def advance(self, to: Status, *, now: datetime) -> bool:
        """Move forward to the status; False, and nothing changed, where that is no move.

        The caller holds the row's lock. Only a move may write a Restore or an event, so that a
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


class Circuit(models.Model):
    """The one row that says whether RunPod takes jobs at all, for every process to read."""

    code = models.CharField(max_length=40, blank=True)
    reason = models.CharField(max_length=300, blank=True, help_text="For who runs the site.")
    # When RunPod first refused everything; null while it takes jobs.
    opened_at = models.DateTimeField(null=True, blank=True)
    # When the next job is let through, to see whether it goes again.
    probe_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "RunPod circuit"
        verbose_name_plural = "RunPod circuit"

    def __str__(self) -> str:
        return self.reason if self.opened_at else "RunPod takes jobs."


class Fetch(models.Model):
    """A result of which RunPod told the address: the row lasts until the picture is here, or lost.

    So nobody's death in the middle costs it, and a repeated report starts no second one.
    """

    attempt = models.OneToOneField(Attempt, models.CASCADE, primary_key=True)
    # Empty where our own worker has left it with us.
    url = models.TextField(blank=True, help_text="A secret: it may be signed.")
    # What the worker told beside it, for the Restore.
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)
    # When it is tried next; while somebody is at it, when they are taken for dead.
    due_at = models.DateTimeField(db_index=True)
    tries = models.PositiveSmallIntegerField(default=0)

    class Meta:
        verbose_name_plural = "fetches"

    def __str__(self) -> str:
        return f"fetch of {self.attempt_id}"


class Restore(models.Model):
    """The result of a completed job."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.OneToOneField(Job, models.CASCADE, related_name="restore")
    image = models.FileField(upload_to="restores", max_length=200)
    preview = models.FileField(upload_to="previews", max_length=200)
    format = models.CharField(max_length=10)
    width = models.PositiveIntegerField(help_text="Pixels.")
    height = models.PositiveIntegerField(help_text="Pixels.")
    bytes = models.PositiveBigIntegerField()
    model = models.CharField(max_length=100, blank=True, help_text="What the worker calls itself.")
    # What each stage of the worker did and how long it took, as the worker tells it.
    stages = models.JSONField(default=list, blank=True)
    # What went wrong all the same, in the worker's words.
    warnings = models.JSONField(default=list, blank=True)
    has_thumbnails = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)
    # Of a photo's results, the one chosen last is the one that is shown; a new one is, at first.
    chosen_at = models.DateTimeField(default=timezone.now)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [
            models.Index(
                fields=["created_at"],
                condition=Q(has_thumbnails=False),
                name="restore_without_thumbnails",
            ),
        ]

    def __str__(self) -> str:
        return str(self.id)


class Share(models.Model):
    """A link by which anybody may look at a photo, until it expires or is taken back.

    The id is random and never shown: the link has it signed, so that whoever reads the table
    learns no link.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    photo = models.OneToOneField(Photo, models.CASCADE, related_name="share")
    password = models.CharField(max_length=200, blank=True, help_text="Hashed; empty: none.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    # How often, and when last, a wrong password was given.
    wrong_passwords = models.PositiveIntegerField(default=0)
    wrong_password_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"until {self.expires_at:%Y-%m-%d}"


def hash_of(token: str) -> str:
    """Return the hash under which a token is kept. It is random and long: no salt is needed."""
    return hashlib.sha256(token.encode()).hexdigest()


class Scope(models.TextChoices):
    """What an API token is good for."""

    READ = "read", _("Read: photos, jobs, results")
    RESTORE = "restore", _("Restore: upload, start, delete")
    EVENTS = "events", _("Events: streams, grants, webhooks")


class ApiTokenQuerySet(models.QuerySet["ApiToken"]):
    """API tokens, by whether they open anything and when they last did."""

    def valid(self, *, now: datetime) -> Self:
        """Return those that have not expired, of accounts that are not switched off."""
        unexpired = Q(expires_at=None) | Q(expires_at__gt=now)
        return self.filter(unexpired, user__is_active=True)

    def note_use(self, tokens: Iterable[ApiToken], *, now: datetime) -> None:
        """Note that the tokens were used; not at every use, which would be a write a call."""
        since = now - _LAST_USED_GAP
        stale = [token.pk for token in tokens if (token.last_used_at or since) <= since]
        if stale:
            self.filter(pk__in=stale).update(last_used_at=now)


class ApiToken(models.Model):
    """A user's key to the API, for `Authorization: Bearer`; only its hash is kept."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="api_tokens")
    name = models.CharField(max_length=100, blank=True)
    token_hash = models.CharField(max_length=64, unique=True)
    scopes = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    # Within _LAST_USED_GAP.
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects = ApiTokenQuerySet.as_manager()

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.name or f"token {self.pk}"

    @property
    def scope_labels(self) -> list[str]:
        """What it is good for, in words."""
        return [str(Scope(scope).label) for scope in self.scopes]

    @classmethod
    def make(
        cls,
        *,
        user: Any,
        name: str = "",
        scopes: Sequence[str] | None = None,
        expires_at: datetime | None = None,
    ) -> str:
        """Make a token for the user and return it: the only time that anybody sees it."""
        token = f"pr_{secrets.token_urlsafe(32)}"
        cls.objects.create(
            user=user,
            name=name,
            token_hash=hash_of(token),
            scopes=[*(Scope.values if scopes is None else scopes)],
            expires_at=expires_at,
        )
        return token


class IdempotencyKey(models.Model):
    """What a client calls a wish, and what came of it: the wish is not granted twice."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    key_hash = models.CharField(max_length=64)
    # Of all that was asked for: another wish needs another key.
    request_hash = models.CharField(max_length=64)
    subject = models.CharField(max_length=40, help_text="The id of what was made.")
    created_at = models.DateTimeField(db_index=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "key_hash"], name="idempotency_key_is_unique"),
        ]

    def __str__(self) -> str:
        return f"key {self.pk}"


class Allowance(models.Model):
    """How often somebody may still try something: each try moves the time on by its price."""

    # Made of what is tried and who tries, which are not kept.
    key = models.CharField(max_length=64, primary_key=True)
    # In the past: nothing is spent.
    spent_until = models.DateTimeField(db_index=True)

    def __str__(self) -> str:
        return f"spent until {self.spent_until}"


class Closing(models.Model):
    """An account that its owner has left. What it has is deleted bit by bit, and it last."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, models.CASCADE, primary_key=True, related_name="+"
    )
    created_at = models.DateTimeField(auto_now_add=True)
    # Until when a worker has it to itself.
    leased_until = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"account {self.pk}"


class Webhook(models.Model):
    """An address that its owner wants called when something happens to their jobs."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    event_types = models.JSONField(default=list)
    # Not as a hash: it signs. The one before signs, too, until its receivers have the new one.
    secret = models.CharField(max_length=100)
    previous_secret = models.CharField(max_length=100, blank=True)
    previous_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # Since when nothing is sent, and why: "off" by its owner, "gone" as its address has said.
    disabled_at = models.DateTimeField(null=True, blank=True)
    disabled_reason = models.CharField(max_length=10, blank=True)
    # Until when a worker has it to itself.
    leased_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]

    def __str__(self) -> str:
        return self.url


class DeliveryStatus(models.TextChoices):
    """What became of a delivery."""

    PENDING = "pending", _("Pending")
    DELIVERED = "delivered", _("Delivered")
    FAILED = "failed", _("Failed")


class Delivery(models.Model):
    """One event on its way to one webhook, written in the transaction of the event."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries")
    type = models.CharField(max_length=20)
    # Whose event it is: all of a job's go when it is deleted.
    subject = models.UUIDField(db_index=True)
    body = models.TextField()
    status = models.CharField(max_length=10, choices=DeliveryStatus, default=DeliveryStatus.PENDING)
    # Since it was made, or sent again by hand.
    tries = models.PositiveSmallIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True, blank=True)
    # Each try: when, the status answered or the error, and how many milliseconds it took.
    log = models.JSONField(default=list, blank=True)
    created_at = models.DateTimeField()

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        verbose_name_plural = "deliveries"
        indexes: ClassVar = [
            models.Index(
                fields=["next_try_at"], condition=Q(status="pending"), name="delivery_due"
            ),
            models.Index(fields=["webhook", "-created_at", "-id"], name="delivery_of_webhook"),
            models.Index(fields=["created_at"], name="delivery_by_age"),
        ]

    def __str__(self) -> str:
        return f"{self.id} {self.type} {self.status}"
