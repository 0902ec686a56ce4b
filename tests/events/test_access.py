"""Who may follow, by what they show of themselves, and until when."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx2
import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from events import grants
from events.metrics import counters
from jobs import deletion
from jobs.models import ApiToken, Job, Photo
from jobs.streams import job_stream, owner_stream
from tests import factories
from tests.streams import append, bearer, calling, eventually, following, path, refused, take
from tests.wire import Wires

from .inside import held

MINE = "/api/v1/events"


def granted(user: User, *jobs: Job, age: float = 0) -> str:
    """Return a grant for the jobs, or for everything, that was issued some seconds ago."""
    names = [job_stream(job.pk) for job in jobs] or [owner_stream(user.pk)]
    issued_at = timezone.now() - timedelta(seconds=age)
    return grants.issue(user=user.pk, streams=names, now=issued_at).token


def cookie(user: User) -> dict[str, str]:
    """Return the header of a browser that the user has signed in with."""
    browser = Client()
    browser.force_login(user)
    return {"Cookie": f"sessionid={browser.cookies['sessionid'].value}"}


@pytest.fixture
def anybody(server: str) -> Any:
    """Return a client that shows nothing of itself."""
    with calling(server) as client:
        yield client


def test_a_grant_opens_its_job_s_stream(anybody: httpx2.Client, job: Job) -> None:
    append(job)
    with following(anybody, f"{path(job)}?token={granted(job.owner, job)}") as events:
        assert take(events, 1) == [("1", "progress")]


def test_a_grant_for_everything_opens_every_stream_of_its_user(
    anybody: httpx2.Client, job: Job
) -> None:
    append(job)
    token = granted(job.owner)
    with following(anybody, f"{path(job)}?token={token}") as events:
        assert take(events, 1) == [("1", "progress")]
    with following(anybody, f"{MINE}?token={token}"):
        assert held().streams == {owner_stream(job.owner_id): 1}


def test_a_grant_opens_nothing_else(anybody: httpx2.Client, job: Job) -> None:
    other = factories.job(job.owner)
    theirs = factories.job(factories.user("eve"))
    for url, token in [
        (path(other), granted(job.owner, job)),
        (MINE, granted(job.owner, job)),
        (path(theirs), granted(job.owner)),
        # What nobody would sign: a user's grant for the stream of another.
        (path(theirs), granted(job.owner, theirs)),
    ]:
        assert refused(anybody, f"{url}?token={token}", 404).json()["code"] == "not_found"


@pytest.mark.parametrize(
    "spoil",
    [
        lambda token: token[:-1],
        lambda token: token.replace(".", "", 1),
        lambda token: "x" * 10_000,
        lambda token: "%00%ff",
        lambda token: token + "%20",
    ],
)
def test_what_is_no_grant_of_ours_is_refused(
    anybody: httpx2.Client, job: Job, spoil: Callable[[str], str]
) -> None:
    answer = refused(anybody, f"{path(job)}?token={spoil(granted(job.owner))}", 401)
    assert answer.json()["code"] == "authentication_failed"
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_grant_by_another_key_or_of_another_time_is_refused(
    anybody: httpx2.Client, job: Job, settings: Any
) -> None:
    late = granted(job.owner, job, age=settings.EVENTS_GRANT_LIFETIME)
    settings.EVENTS_GRANT_KEYS = "other:" + "x" * 40
    forged = granted(job.owner, job)
    settings.EVENTS_GRANT_KEYS = ""
    for token in (late, forged):
        answer = refused(anybody, f"{path(job)}?token={token}", 401)
        assert answer.headers["www-authenticate"] == "Bearer"


def test_a_grant_that_expires_ends_its_stream_and_does_not_open_another(
    anybody: httpx2.Client, job: Job, settings: Any
) -> None:
    count = counters.closed["expired"]
    append(job)
    for seconds in (2, 8, 32):  # a machine may be too busy to open it before it expires
        age = settings.EVENTS_GRANT_LIFETIME - seconds
        url = f"{path(job)}?token={granted(job.owner, job, age=age)}"
        with anybody.stream("GET", url) as answer:
            text = answer.read()
        if answer.status_code == 200:
            break
    assert text.startswith(b"retry: 3000\n\nid: 1\n")
    assert text.count(b"retry: ") == 1
    eventually(lambda: counters.closed["expired"] == count + 1)
    refused(anybody, url, 401)


@pytest.fixture
def shown(job: Job) -> dict[str, Callable[[str], tuple[str, dict[str, str]]]]:
    """Return, by kind, how the job's owner asks for an address."""
    session, token, grant = cookie(job.owner), bearer(job), granted(job.owner)
    return {
        "session": lambda url: (url, session),
        "token": lambda url: (url, token),
        "grant": lambda url: (f"{url}?token={grant}", {}),
    }


def is_closed(job: Job) -> None:
    User.objects.filter(pk=job.owner_id).update(is_active=False)


def is_gone(job: Job) -> None:
    job.owner.delete()


def signs_out(job: Job) -> None:
    Session.objects.all().delete()


def is_away_for_too_long(job: Job) -> None:
    Session.objects.update(expire_date=timezone.now())


def has_another_password(job: Job) -> None:
    owner = job.owner
    owner.set_password("another")
    owner.save()


def has_no_token_any_more(job: Job) -> None:
    ApiToken.objects.filter(user=job.owner).delete()


def has_no_photo_any_more(job: Job) -> None:
    Photo.objects.filter(pk=job.photo_id).delete()


def is_another_s(job: Job) -> None:
    eve = factories.user("eve")
    Photo.objects.filter(pk=job.photo_id).update(owner=eve)
    Job.objects.filter(pk=job.pk).update(owner=eve)


ALL = {"session", "token", "grant"}


@pytest.mark.parametrize(
    ("happens", "job_s", "mine"),
    [
        (is_closed, ALL, ALL),
        (is_gone, ALL, ALL),
        (signs_out, {"session"}, {"session"}),
        (is_away_for_too_long, {"session"}, {"session"}),
        (has_another_password, {"session"}, {"session"}),
        (has_no_token_any_more, {"token"}, {"token"}),
        (has_no_photo_any_more, ALL, set()),
        (is_another_s, ALL, set()),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_who_may_follow_no_longer_is_cut_off_and_nobody_else(
    wires: Wires,
    job: Job,
    shown: dict[str, Callable[[str], tuple[str, dict[str, str]]]],
    settings: Any,
    happens: Callable[[Job], None],
    job_s: set[str],
    mine: set[str],
) -> None:
    settings.EVENTS_RECHECK = 0.1
    other = factories.job(factories.user("bob"))
    bob = wires.open(path(other), bearer(other))
    opened = {
        (kind, url): wires.open(*ask(url))
        for kind, ask in shown.items()
        for url in (path(job), MINE)
    }
    for wire in (bob, *opened.values()):
        wire.read_to(b"retry: 3000\n\n")
    count = counters.closed["revoked"]
    happens(job)
    lost = {(kind, path(job)) for kind in job_s} | {(kind, MINE) for kind in mine}
    for each in lost:
        assert opened[each].read_all().count(b"retry: ") == 1
    eventually(lambda: counters.closed["revoked"] == count + len(lost))
    assert held().open == 1 + len(opened) - len(lost)
    append(other)
    bob.read_to(b"id: 1\n")


def test_who_missed_that_a_photo_was_deleted_is_told_so_before_the_end(
    wires: Wires, job: Job, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EVENTS_RECHECK, settings.EVENTS_CATCH_UP = 0.1, 3600
    wire = wires.open(path(job), bearer(job))
    append(job)
    wire.read_to(b"id: 1\n")
    monkeypatch.setattr("events.messages.GROUP", "nobody")  # as with a broker that is down
    for _ in range(2):
        append(job)
    deletion.delete(photo=job.photo)
    assert b"\nid: 4\nevent: deleted\n" in wire.read_all()
    assert wire.ids == [1, 4]
