"""A result that has to be fetched, and a worker that is killed while it does so."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx2
import pytest

from tests import factories
from tests.cloud import Cloud
from tests.store import Store, serving

from .system import ROOT, clean_environment, create_token, running

USER = "from django.contrib.auth.models import User; User.objects.create_user('demo')"
RESULT = factories.picture("PNG", size=(20, 10))


@pytest.fixture
def cloud() -> Iterator[Cloud]:
    server = Cloud()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def store() -> Iterator[Store]:
    with serving(Store()) as server:
        yield server


def wait(condition: Callable[[], Any], *, within: float) -> Any:
    until = time.monotonic() + within
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.1)
    raise AssertionError("It never came.")


def submitted(cloud: Cloud) -> Any:
    bodies = [body for _, path, _, body in cloud.calls if path.endswith("/run")]
    return json.loads(bodies[0]) if bodies else None


def test_a_worker_killed_while_it_fetches_loses_nothing(
    own: dict[str, str], cloud: Cloud, store: Store
) -> None:
    env = own | {
        "RUNPOD_BASE_URL": cloud.url,
        "RUNPOD_API_KEY": "k",
        "RUNPOD_ENDPOINT_ID": "e",
        "RUNPOD_RESULT_HOSTS": store.origin,
        "RUNPOD_RESULT_TIMEOUT": "20",
    }
    site = f"http://127.0.0.1:{env['PORT']}"
    with running("run", **env) as system:
        system.site()
        command = [sys.executable, "manage.py", "shell", "-v0", "-c", USER]
        subprocess.run(command, cwd=ROOT, env=clean_environment() | env, check=True)
        authorization = {"Authorization": f"Bearer {create_token(env)}"}
        client = httpx2.Client(headers=authorization, timeout=60)
        files, data = {"image": factories.picture()}, {"restore": "true"}
        job = client.post(f"{site}/api/v1/photos", files=files, data=data).json()["job"]
        webhook = wait(lambda: submitted(cloud), within=30)["webhook"]
        output = {"image_url": f"{store.origin}/trickle"}
        report = {"id": "eaebd6e7-u1", "status": "COMPLETED", "output": output}
        assert client.post(webhook, json=report).status_code == 200
        wait(lambda: store.calls, within=30)
        system.part("celery.* worker").kill()
        system.finish(within=60)
    store.answers["/trickle"] = (200, {}, RESULT)
    with running("run", **env) as system:
        system.site()

        def completed() -> Any:
            found = client.get(site + job["url"]).json()
            assert found["status"] in ("processing", "completed")
            return found["restore"]

        # The lease of who was killed: the time for a fetch, and the margin.
        assert wait(completed, within=120)["width"] == 20
    assert [path for _, path, _, _ in store.calls] == ["/trickle"] * 2
    assert len(cloud.asked("run")) == 1
    client.close()
