"""Bodies that nobody thought of: answered by 2xx or 4xx, and a job only moves forward."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from jobs.endpoints import KINDS
from jobs.models import FINAL, ORDER, Job, Restore, Status
from tests import factories

WORDS = ["IN_QUEUE", "IN_PROGRESS", "RUNNING", "COMPLETED", "FAILED", "CANCELLED", "TIMED_OUT"]
PICTURE = base64.b64encode(factories.picture("PNG", size=(4, 4))).decode()
# With NUL and halves of surrogate pairs, which JSON can carry and databases refuse.
TEXTS = st.text(st.characters(exclude_categories=()), max_size=40)
LIKELY = st.sampled_from(
    [
        PICTURE,
        f"data:image/png;base64,{PICTURE}",
        PICTURE[:40],
        PICTURE[:-8],
        "https://cdn.example/x.png",
        "http://127.0.0.1:6379/",
        "simulated_uploaded/x.png",
        '{"error_message": "CUDA out of memory"}',
        "executionTimeout exceeded",
        "error",
    ]
)
KEYS = st.sampled_from(
    [
        "image",
        "images",
        "image_base64",
        "output",
        "result",
        "message",
        "status",
        "error",
        "errors",
        "details",
        "data",
        "type",
        "filename",
        "image_url",
        "url",
        "success",
        "model",
        "stages",
        "progress",
    ]
)
NUMBERS = st.integers() | st.integers(10**18, 10**400) | st.floats()
SCALARS = st.none() | st.booleans() | NUMBERS | TEXTS | LIKELY
JSON = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS | TEXTS, inner, max_size=4),
    max_leaves=12,
)
BODIES = st.fixed_dictionaries(
    {
        "id": st.sampled_from(["runpod-1", "runpod-2"]) | JSON,
        "status": st.sampled_from([*WORDS, "RETRIED", "completed"]) | JSON,
    },
    optional=dict.fromkeys(
        ("output", "error", "delayTime", "executionTime", "input", "webhook", "workerId"), JSON
    ),
)
ANY = (
    BODIES.map(lambda body: json.dumps(body).encode())
    | JSON.map(lambda body: json.dumps(body).encode())
    | st.binary(max_size=200)
)


@pytest.mark.django_db
@pytest.mark.parametrize("kind", sorted(KINDS))
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=ANY, before=st.sampled_from([Status.PENDING, Status.QUEUED, Status.PROCESSING]))
@example(
    body=json.dumps(
        {
            "id": "runpod-1",
            "status": "COMPLETED",
            "output": {
                "image": PICTURE,
                "model": "\0\ud800",
                "stages": [{"a": float("nan"), "b": float("inf"), "c": 10**400, "\0": "\0"}],
            },
        }
    ).encode(),
    before=Status.QUEUED,
)
@example(
    body=b'{"id": "a", "status": "FAILED", "error": ' + b"[" * 900 + b"]" * 900 + b"}",
    before=Status.QUEUED,
)
@example(
    body=b'{"id": "a", "status": "COMPLETED", "output": {"stages": [{"a": '
    + b"[" * 900
    + b"]" * 900
    + b"}]}}",
    before=Status.QUEUED,
)
@example(
    body=b'{"id": "a", "status": "FAILED", "executionTime": ' + b"9" * 5000 + b"}",
    before=Status.QUEUED,
)
def test_any_body_is_answered_and_moves_a_job_forward_or_not_at_all(
    user: Any, settings: Any, kind: str, body: bytes, before: Status
) -> None:
    settings.RUNPOD_ENDPOINT_KIND = kind
    Job.objects.all().delete()
    job = factories.job(user, status=before)
    token = factories.attempt(job)[1]
    path = f"/api/v1/webhooks/runpod-completion/{token}"
    answer = Client().post(path, body, content_type="application/json")
    job.refresh_from_db()
    assert answer.status_code == 200 or 400 <= answer.status_code < 500
    assert job.status == before or ORDER[Status(job.status)] > ORDER[before]
    assert answer.status_code == 200 or job.status == before
    assert (job.finished_at is not None) == (job.status in FINAL)
    assert Restore.objects.filter(job=job).exists() == (job.status == Status.COMPLETED)
    assert bool(job.error_code) == (job.status in FINAL - {Status.COMPLETED})
