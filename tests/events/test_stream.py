"""The stream as a client sees it, over a real server and a real Valkey."""

from __future__ import annotations

import json
from typing import Any

import httpx2
import pytest
from channels.layers import get_channel_layer

from events.metrics import counters
from jobs.models import Job
from tests import factories
from tests.services import PATIENCE
from tests.streams import append, append_many, following, path, take


def test_the_first_bytes_and_the_headers_are_those_of_a_stream(
    client: httpx2.Client, job: Job
) -> None:
    with client.stream("GET", path(job)) as response:
        assert response.headers["content-type"] == "text/event-stream"
        assert response.headers["cache-control"] == "no-cache, no-transform"
        assert response.headers["x-accel-buffering"] == "no"
        assert next(response.iter_bytes()) == b"retry: 3000\n\n"


def test_what_the_log_has_is_replayed_then_what_happens_is_live(
    client: httpx2.Client, job: Job
) -> None:
    append(job, stage="one")
    with following(client, path(job)) as events:
        assert take(events, 1) == [("1", "progress")]
        append(job, stage="two")
        assert take(events, 1) == [("2", "progress")]


def test_a_return_with_the_last_id_gets_what_follows_it(client: httpx2.Client, job: Job) -> None:
    for _ in range(3):
        append(job)
    with following(client, path(job), last="2") as events:
        assert take(events, 1) == [("3", "progress")]
    with following(client, f"{path(job)}?last_event_id=1") as events:
        assert take(events, 2) == [("2", "progress"), ("3", "progress")]


def test_the_final_event_closes_the_stream_and_a_return_gets_204(
    client: httpx2.Client, job: Job
) -> None:
    append(job)
    with following(client, path(job)) as events:
        append(job, "completed", final=True)
        assert [(event.id, event.event) for event in events][-1] == ("2", "completed")
    assert client.get(path(job), headers={"Last-Event-ID": "2"}).status_code == 204


def test_a_message_that_the_layer_loses_is_made_good_by_the_log(
    client: httpx2.Client, job: Job, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EVENTS_CATCH_UP = 0.05
    with following(client, path(job)) as events:
        append(job)
        assert take(events, 1) == [("1", "progress")]
        with monkeypatch.context() as patch:
            patch.setattr(
                "events.messages.GROUP", "nobody"
            )  # the message goes where nobody listens
            append(job)
        assert take(events, 1) == [("2", "progress")]


def test_what_the_layer_lost_is_counted(
    client: httpx2.Client, job: Job, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.EVENTS_CATCH_UP = 0.05
    with following(client, path(job)) as events:
        # Only now: the server that begins to listen later would do so there, too.
        monkeypatch.setattr("events.messages.GROUP", "nobody")
        count = counters.caught_up
        append_many(job, 3)
        assert len(take(events, 3)) == 3
        assert counters.caught_up == count + 3


def test_a_burst_beyond_the_buffer_arrives_whole_and_in_order(
    client: httpx2.Client, job: Job, settings: Any
) -> None:
    settings.EVENTS_BUFFER = 3
    with following(client, path(job)) as events:
        for _ in range(40):
            append(job)
        assert [id for id, _ in take(events, 40)] == [str(number) for number in range(1, 41)]


def test_messages_of_other_streams_and_repeats_are_not_sent(
    client: httpx2.Client, job: Job
) -> None:
    other = factories.job(job.photo.owner)
    with following(client, path(job)) as events:
        append(job)
        append(other)
        append(job)
        assert take(events, 2) == [("1", "progress"), ("2", "progress")]


def test_a_quiet_stream_has_heartbeats(client: httpx2.Client, job: Job, settings: Any) -> None:
    settings.EVENTS_HEARTBEAT = 0.05
    with client.stream("GET", path(job)) as response:
        chunks = response.iter_bytes()
        assert next(chunks) == b"retry: 3000\n\n"
        assert next(chunks) == b": heartbeat\n\n"


def test_a_stream_ends_after_its_lifetime_and_asks_to_come_back(
    client: httpx2.Client, job: Job, settings: Any
) -> None:
    settings.EVENTS_LIFETIME = settings.EVENTS_HEARTBEAT = 0.05
    with client.stream("GET", path(job)) as response:
        text = response.read().decode()
    assert text.count("retry: ") == 2
    assert text.endswith("\n\n")


def test_all_my_jobs_are_in_one_stream(client: httpx2.Client, job: Job) -> None:
    attempt, _ = factories.attempt(job)
    from jobs import lifecycle

    with following(client, "/api/v1/events") as events:
        lifecycle.apply_report(attempt=attempt, report=factories.report("IN_QUEUE"))
        event = next(events)
    assert event.event == "queued"
    assert json.loads(event.data)["job_id"] == str(job.pk)


def test_an_id_of_another_log_is_answered_by_a_reset(client: httpx2.Client, job: Job) -> None:
    append(job)
    with following(client, path(job), last="99") as events:
        assert take(events, 1) == [("1", "reset")]
        append(job)
        assert take(events, 1) == [("2", "progress")]


def test_a_last_event_id_that_is_no_number_is_a_clear_error(
    client: httpx2.Client, job: Job
) -> None:
    answer = client.get(path(job), headers={"Last-Event-ID": "abc"})
    assert (answer.status_code, answer.json()["code"]) == (400, "bad_last_event_id")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_stream_is_only_read(client: httpx2.Client, job: Job) -> None:
    answer = client.post(path(job))
    assert (answer.status_code, answer.json()["code"]) == (405, "method_not_allowed")


def test_a_reset_of_a_stream_that_has_ended_ends_too(client: httpx2.Client, job: Job) -> None:
    append(job, "completed", final=True)
    with following(client, path(job), last="99") as events:
        assert [(event.id, event.event) for event in events] == [("1", "reset")]


def test_nobody_follows_without_saying_who_they_are(server: str, job: Job) -> None:
    answer = httpx2.get(server + path(job), trust_env=False, timeout=PATIENCE)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"


def test_a_wrong_token_is_refused(server: str, job: Job) -> None:
    headers = {"Authorization": "Bearer wrong"}
    assert (
        httpx2.get(
            server + path(job), headers=headers, trust_env=False, timeout=PATIENCE
        ).status_code
        == 401
    )


def test_another_person_s_job_does_not_exist(client: httpx2.Client, server: str, job: Job) -> None:
    theirs = factories.job(factories.user("eve"))
    unknown = job.pk.__class__(int=1)
    assert client.get(path(theirs)).status_code == 404
    assert client.get(f"/api/v1/events/{unknown}").status_code == 404


def test_a_session_may_follow_too(server: str, job: Job) -> None:
    from django.test import Client

    browser = Client()
    browser.force_login(job.photo.owner)
    cookies = {"sessionid": browser.cookies["sessionid"].value}
    append(job)
    with (
        httpx2.Client(
            base_url=server, cookies=cookies, trust_env=False, timeout=PATIENCE
        ) as client,
        following(client, path(job)) as events,
    ):
        assert take(events, 1) == [("1", "progress")]


def test_no_time_out_of_redis_py_s_ends_an_idle_subscription() -> None:
    layer: Any = get_channel_layer()
    assert layer._kwargs["hosts"][0]["socket_timeout"] is None
