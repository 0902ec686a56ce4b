"""A worker that is killed in the middle of a submit: nothing is lost, and nothing done twice."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from tests import factories
from tests.cloud import Cloud
from tests.services import PATIENCE
from tests.streams import eventually

from .system import create_token, manage, running

USER = "from django.contrib.auth.models import User; User.objects.create_user('demo')"


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    server = Cloud()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.gate.set()
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def client_of(env: dict[str, str]) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {create_token(env)}"}
    site = f"http://127.0.0.1:{env['PORT']}"
    with httpx2.Client(base_url=site, headers=headers, timeout=PATIENCE, trust_env=False) as client:
        yield client


def webhook(cloud: Cloud, number: int) -> str:
    """Return the address that the number-th submit gave."""
    bodies = [json.loads(body) for _, path, _, body in cloud.calls if path.endswith("/run")]
    return str(bodies[number]["webhook"])


def completed(id: str) -> dict[str, Any]:
    picture = base64.b64encode(factories.picture("PNG")).decode()
    return {"id": id, "status": "COMPLETED", "output": {"image_base64": picture}}


def killed_in_the_middle(env: dict[str, str], cloud: Cloud) -> dict[str, Any]:
    """Have a photo submitted, kill the worker while it waits for RunPod, and return the job."""
    cloud.gate.clear()
    with running("run", **env) as system:
        system.site()
        manage(env, "shell", "-v0", "-c", USER)
        with client_of(env) as client:
            form = {"files": {"image": factories.picture()}, "data": {"restore": "true"}}
            job = client.post("/api/v1/photos", **form).json()["job"]  # type: ignore[arg-type]
        eventually(lambda: bool(cloud.asked("run")))
        system.part("celery.* worker").kill()
        system.finish()
    cloud.gate.set()
    return dict(job)


def settings(cloud: Cloud, silence: int) -> dict[str, str]:
    return {
        "RUNPOD_BASE_URL": cloud.url,
        "RUNPOD_API_KEY": "k",
        "RUNPOD_ENDPOINT_ID": "e",
        "RUNPOD_SILENCE": str(silence),
    }


def test_what_runpod_had_taken_is_adopted_by_its_webhook(own: dict[str, str], cloud: Cloud) -> None:
    env = own | settings(cloud, silence=600)
    job = killed_in_the_middle(env, cloud)
    with running("run", **env) as system, client_of(env) as client:
        system.site()
        assert client.get(job["url"]).json()["status"] == "pending"
        assert client.post(webhook(cloud, 0), json=completed("first-u1")).status_code == 200
        assert client.get(job["url"]).json()["status"] == "completed"
    assert len(cloud.asked("run")) == 1


def test_what_runpod_had_not_taken_is_submitted_again(own: dict[str, str], cloud: Cloud) -> None:
    # Short from now on only: a slow worker would ask again before it is killed.
    job = killed_in_the_middle(own | settings(cloud, silence=600), cloud)
    env = own | settings(cloud, silence=3)
    with running("run", **env) as system, client_of(env) as client:
        system.site()
        eventually(lambda: client.get(job["url"]).json()["status"] == "queued")
        assert len(cloud.asked("run")) == 2
        assert client.post(webhook(cloud, 1), json=completed("eaebd6e7-u1")).status_code == 200
        # It had taken the first all the same: that changes nothing any more.
        assert client.post(webhook(cloud, 0), json=completed("first-u1")).status_code == 200
        found = client.get(job["url"]).json()
    assert (found["status"], found["last_event_id"]) == ("completed", 2)
