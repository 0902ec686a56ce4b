"""A broker that is there and says nothing: it may delay an event, and nothing else."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from channels.layers import channel_layers
from django.db import transaction
from django.urls import reverse

from events import log
from jobs import callbacks
from jobs.models import ApiToken, Status
from tests import factories
from tests.services import PATIENCE


@pytest.fixture
def mute(settings: Any) -> Iterator[None]:
    """Let the layer speak to a port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as silence:
        layers = settings.CHANNEL_LAYERS["default"]
        address = f"redis://127.0.0.1:{silence.getsockname()[1]}/0"
        host = layers["CONFIG"]["hosts"][0] | {"address": address}
        settings.CHANNEL_LAYERS = {"default": layers | {"CONFIG": {"hosts": [host]}}}
        channel_layers.backends.clear()
        yield
    channel_layers.backends.clear()


@pytest.mark.django_db(transaction=True)
def test_an_event_is_kept_and_nobody_waits_for_the_broker(mute: None) -> None:
    with transaction.atomic():
        log.append("a", type="progress", data={})
    assert log.last_seq("a") == 1


def test_a_stream_has_its_events_from_the_log(mute: None, server: str, settings: Any) -> None:
    settings.EVENTS_CATCH_UP = 0.1
    job = factories.job()
    headers = {"Authorization": f"Bearer {ApiToken.make(user=job.photo.owner)}"}

    def append(final: bool) -> None:
        with transaction.atomic():
            log.append(f"job.{job.pk}", type="progress", data={}, final=final)

    append(final=False)
    url = f"{server}/api/v1/events/{job.pk}"
    with httpx2.stream("GET", url, headers=headers, timeout=PATIENCE, trust_env=False) as answer:
        events = (event.id for event in httpx2.EventSource(answer) if event.data)
        assert next(events) == "1"
        append(final=True)
        assert list(events) == ["2"]


def test_what_this_process_commits_reaches_its_streams_without_a_broker(
    mute: None, server: str, settings: Any
) -> None:
    settings.EVENTS_CATCH_UP = 3600
    job = factories.job(status=Status.PROCESSING)
    attempt, _ = callbacks.open_attempt(job)
    headers = {"Authorization": f"Bearer {ApiToken.make(user=job.photo.owner)}"}
    url = f"{server}/api/v1/events/{job.pk}"
    with httpx2.stream("GET", url, headers=headers, timeout=PATIENCE, trust_env=False) as answer:
        events = (event.event for event in httpx2.EventSource(answer) if event.data)
        told = server + reverse(
            "webhooks:runpod-progress", args=[callbacks.progress_token(attempt)]
        )
        body = {"progress": 0.5, "stage": "tone"}
        assert httpx2.post(told, json=body, timeout=PATIENCE, trust_env=False).status_code == 200
        assert next(events) == "progress"


def test_sites_that_share_a_broker_do_not_hear_each_other() -> None:
    config = "photorestore.settings.CHANNEL_LAYERS['default']['CONFIG']"
    told = [
        subprocess.run(
            [sys.executable, "-c", f"import photorestore.settings; print({config}['prefix'])"],
            env=os.environ | {"SECRET_KEY": key},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for key in ("one", "one", "other")
    ]
    assert told[0] == told[1] != told[2]
