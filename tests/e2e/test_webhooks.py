"""A user's webhook, called by the whole system, also after its worker was killed."""

from __future__ import annotations

from typing import Any

import httpx2
import standardwebhooks

from tests import factories
from tests.services import PATIENCE
from tests.store import Store, serving
from tests.streams import eventually

from .system import create_token, running


def test_a_delivery_outlives_the_worker_and_comes_signed(own: dict[str, str]) -> None:
    with serving(Store()) as receiver:
        own["WEBHOOKS_HOSTS"] = receiver.origin
        receiver.answers["/hook"] = (503, {}, b"")
        with running(**own) as system, calling(system.site(), create_token(own)) as client:
            hook = registered(client, f"{receiver.origin}/hook")
            # Noted; what the worker has leased is free again half a minute after its death.
            eventually(lambda: tries(client, hook))
            system.part("celery.* worker").kill()
            system.finish()
        receiver.answers["/hook"] = (204, {}, b"")
        id, tried = receiver.calls[0][2]["webhook-id"], len(receiver.calls)
        with running(**own):
            # Not the only one: each start restores a sample.
            eventually(lambda: id in ids(receiver.calls[tried:]))
    verify = standardwebhooks.Webhook(hook["secret"]).verify
    assert {verify(call[3], call[2])["type"] for call in receiver.calls} == {"completed"}


def ids(calls: list[tuple[str, str, dict[str, str], bytes]]) -> list[str]:
    return [headers["webhook-id"] for _, _, headers, _ in calls]


def calling(site: str, token: str) -> httpx2.Client:
    headers = {"Authorization": f"Bearer {token}"}
    return httpx2.Client(
        base_url=f"{site}/api/v1", headers=headers, trust_env=False, timeout=PATIENCE
    )


def registered(client: httpx2.Client, url: str) -> Any:
    """Register the address, have a photo restored, and return the webhook."""
    body = {"url": url, "event_types": ["completed"]}
    hook = client.post("/webhooks", json=body).raise_for_status().json()
    photo = {"image": ("gran.jpg", factories.picture())}
    client.post("/photos", files=photo, data={"restore": "true"}).raise_for_status()
    return hook


def tries(client: httpx2.Client, hook: Any) -> Any:
    rows = client.get(f"/webhooks/{hook['id']}/deliveries").json()["results"]
    return rows and rows[0]["tries"]
