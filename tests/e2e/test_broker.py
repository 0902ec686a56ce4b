"""A broker that comes and goes: nothing is lost, and what waits is done when it is back."""

from __future__ import annotations

import httpx2
import redis

from tests.services import PATIENCE, free_port, start_valkey

from .system import ROOT, create_token, running


def test_with_the_broker_down_an_upload_is_kept_and_its_event_comes_from_the_log(
    own: dict[str, str],
) -> None:
    port = free_port()
    with running(**own, REDIS_URL=start_valkey(port)) as system:
        site = system.site()
        headers = {"Authorization": f"Bearer {create_token(own)}"}
        with httpx2.Client(
            base_url=site, headers=headers, trust_env=False, timeout=PATIENCE
        ) as api:
            with redis.Redis(port=port) as valkey:
                valkey.shutdown()
            photo = (ROOT / "restorer/samples/rocket.jpg").read_bytes()
            form = {"files": {"image": ("a.jpg", photo)}, "data": {"restore": "true"}}
            answer = api.post("/api/v1/photos", timeout=30, **form)  # type: ignore[arg-type]
            assert answer.status_code == 201
            assert answer.json()["job"]["status"] == "pending"
            start_valkey(port)
            with api.stream("GET", answer.json()["events_url"], timeout=240) as stream:
                events = [event.event for event in httpx2.EventSource(stream) if event.data]
    # While it waits, how many are before it is told as progress.
    assert next(event for event in events if event != "progress") == "queued"
    assert events[-1] == "completed"
