"""What goes from the log, when, and that whoever reads it is told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from django.utils import timezone

from events import log, pruning, tasks
from events.models import Event, Stream
from tests.together import together

NOW = timezone.now()
OLD = NOW - timedelta(days=7, seconds=1)
YOUNG = NOW - timedelta(days=6, hours=23)


def append(stream: str, type: str = "progress", count: int = 1, **fields: Any) -> None:
    """Append so many events; `created_at` is when."""
    created_at = fields.pop("created_at", NOW)
    new = [Event(stream_id=stream, type=type, data="{}", **fields) for _ in range(count)]
    with transaction.atomic():
        log.append_all(new)
    written = Event.objects.filter(stream=stream, seq__in=[event.seq for event in new])
    written.update(created_at=created_at)


def seqs(stream: str) -> list[int]:
    return list(Event.objects.filter(stream=stream).values_list("seq", flat=True))


def pruned(stream: str) -> int:
    return Stream.objects.get(name=stream).pruned_seq


@pytest.mark.django_db
def test_old_events_go_but_for_the_last_of_each_stream() -> None:
    append("a", count=50, created_at=OLD)
    append("b", count=20, created_at=OLD)
    assert pruning.prune(now=NOW) == 30
    assert (seqs("a"), pruned("a")) == (list(range(31, 51)), 30)
    assert (seqs("b"), pruned("b")) == (list(range(1, 21)), 0)
    assert pruning.prune(now=NOW) == 0


@pytest.mark.django_db
def test_young_events_stay_however_many() -> None:
    append("a", count=5, created_at=OLD)
    append("a", count=45, created_at=YOUNG)
    assert pruning.prune(now=NOW) == 5
    assert (seqs("a"), pruned("a")) == (list(range(6, 51)), 5)


@pytest.mark.django_db
def test_how_long_and_how_many_are_settings(settings: Any) -> None:
    settings.EVENTS_KEEP_DAYS, settings.EVENTS_KEEP_LAST = 6, 1
    append("a", count=5, created_at=YOUNG)
    assert pruning.prune(now=NOW) == 4
    assert (seqs("a"), pruned("a")) == ([5], 4)


@pytest.mark.django_db
def test_numbers_go_on_after_pruning() -> None:
    append("a", count=50, created_at=OLD)
    pruning.prune(now=NOW)
    append("a")
    assert seqs("a")[-1] == 51


@pytest.mark.django_db
def test_more_than_a_batch_goes_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "_BATCH", 3)
    for name in "abcde":
        append(name, count=28, created_at=OLD)
    append("z", "completed", subject="one", final=True)
    append("z", count=8, subject="one", transient=True)
    assert pruning.prune(now=NOW) == 5 * 8 + 8
    assert [(len(seqs(name)), pruned(name)) for name in "abcde"] == [(20, 8)] * 5
    assert seqs("z") == [1]


@pytest.mark.django_db
def test_what_is_superseded_goes_at_once_and_nobody_misses_it() -> None:
    for stream in ("a", "owner"):
        append(stream, "queued", subject="one")
        append(stream, count=3, subject="one", transient=True)
        append(stream, "completed", subject="one", final=stream == "a")
    assert pruning.prune(now=NOW) == 6
    assert (seqs("a"), pruned("a")) == ([1, 5], 0)
    assert (seqs("owner"), pruned("owner")) == ([1, 5], 0)


@pytest.mark.django_db
def test_progress_of_what_still_runs_stays() -> None:
    append("a", count=3, subject="one", transient=True)
    append("b", subject="two", final=True)
    append("c", count=3, transient=True)  # about nothing
    append("d", final=True)  # neither
    assert pruning.prune(now=NOW) == 0


@pytest.mark.django_db
def test_a_stream_whose_subject_was_deleted_goes_a_day_later() -> None:
    append("a", "completed", final=True)
    append("a", "deleted", final=True)
    append("b", "deleted", final=True, created_at=NOW - timedelta(hours=23))
    append("owner", "deleted", created_at=NOW - timedelta(days=2))
    append("again", "deleted", final=True, created_at=NOW - timedelta(days=2))
    append("again")
    assert pruning.prune(now=NOW + timedelta(hours=23)) == 1
    assert set(Stream.objects.values_list("name", flat=True)) == {"a", "again", "owner"}
    assert pruning.prune(now=NOW + timedelta(hours=25)) == 2
    assert set(Stream.objects.values_list("name", flat=True)) == {"again", "owner"}


@pytest.mark.django_db
def test_the_task_prunes_as_of_now() -> None:
    append("a", count=50, created_at=OLD)
    tasks.prune_log.apply()
    assert pruned("a") == 30


@pytest.mark.django_db
def test_a_quiet_log_is_asked_and_not_written(django_assert_num_queries: Any) -> None:
    append("many", count=30)
    append("few", count=20, created_at=OLD)
    append("one", count=30, subject="one", transient=True, created_at=OLD)
    append("one", "completed", subject="one", final=True, created_at=OLD)
    assert pruning.prune(now=NOW) == 30
    with django_assert_num_queries(1 + 1 + 3):  # old, gone, superseded with its transaction
        pruning.prune(now=NOW)


@pytest.mark.django_db(transaction=True)
def test_several_may_prune_at_once_beside_writers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pruning, "_BATCH", 7)
    names = [f"s{number}" for number in range(6)]
    for name in names:
        append(name, count=60, created_at=OLD)
        append(name, count=10, subject=name, transient=True)
        append(name, "completed", subject=name, final=True)
    deleted: list[int] = []

    def prune() -> None:
        deleted.append(pruning.prune(now=NOW))

    def write() -> None:
        for name in names * 3:
            append(name)

    together(prune, write, prune, write, prune)
    prune()
    assert sum(deleted) == len(names) * (47 + 10)
    for name in names:
        assert (seqs(name), pruned(name)) == ([*range(48, 61), *range(71, 78)], 47)
