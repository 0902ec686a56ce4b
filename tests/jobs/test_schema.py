"""The API's description: complete, valid, and true of what is answered."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from jsonschema import Draft202012Validator, FormatChecker
from rest_framework.test import APIClient

from jobs.api.schema.choices import options
from jobs.api.webhooks import EventTypes
from jobs.models import Job
from jobs.snapshots import farewell, snapshot
from tests import factories
from tests.jobs.test_api import completed

ROOT = "api/v1/"
# The description itself, and what RunPod and its workers call.
NOT_DESCRIBED = ("schema", "docs", "webhooks/runpod-")


@pytest.fixture(scope="module")
def described() -> Any:
    return json.loads(Client().get("/api/v1/schema").content)


def invalid(described: Any, name: str, instance: Any) -> list[str]:
    schema = {"$ref": f"#/components/schemas/{name}", "components": described["components"]}
    validator = Draft202012Validator(schema, format_checker=FormatChecker())
    return [error.message for error in validator.iter_errors(instance)]


def test_it_is_valid_and_made_without_a_warning() -> None:
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=io.StringIO())


def routes(patterns: list[URLPattern | URLResolver], above: str = "") -> Iterator[str]:
    for each in patterns:
        path = above + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, path)
        elif path.startswith(ROOT):
            yield re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", path.removeprefix(ROOT))


def test_every_address_is_described(described: Any) -> None:
    known = {path.removeprefix(f"/{ROOT}") for path in described["paths"]}
    ours = {path.replace("events/{id}", "events/{job_id}") for path in routes(_patterns())}
    assert known == {path for path in ours if not path.startswith(NOT_DESCRIBED)}


def _patterns() -> list[URLPattern | URLResolver]:
    return list(get_resolver().url_patterns)


def test_every_operation_says_how_it_refuses(described: Any) -> None:
    for path in described["paths"].values():
        for operation in path.values():
            assert operation["operationId"]
            assert {"401", "403", "404", "429"} <= set(operation["responses"])
            assert operation["summary"]


def headers(described: Any, operation_id: str, status: str) -> set[str]:
    operations = [each for path in described["paths"].values() for each in path.values()]
    [operation] = [each for each in operations if each["operationId"] == operation_id]
    return set(operation["responses"][status].get("headers", {}))


def test_what_answers_say_in_their_header_is_described(described: Any) -> None:
    assert {"Link", "Location", "RateLimit"} <= headers(described, "upload", "201")
    assert {"Link", "RateLimit-Policy"} <= headers(described, "listJobs", "200")
    assert {"ETag", "Content-Range"} <= headers(described, "getPhotoImage", "206")
    assert "Retry-After" in headers(described, "getJob", "429")
    assert headers(described, "followJob", "429") == {"Retry-After"}
    assert "Location" not in headers(described, "createGrant", "201")


@pytest.mark.django_db
@pytest.mark.parametrize("state", ["completed", "created", "deleted"])
def test_jobs_are_as_described(described: Any, user: User, state: str) -> None:
    job: Job = completed(user) if state == "completed" else factories.job(user)
    data = farewell(job) if state == "deleted" else snapshot(job)
    assert invalid(described, "JobSnapshot", data) == []
    name = {"completed": "EventCompleted", "deleted": "EventDeleted"}.get(state)
    if name:
        assert invalid(described, name, data) == []
        assert invalid(described, "EventFailed", data)


@pytest.mark.django_db
def test_the_turn_of_one_that_waits_is_as_described(described: Any, user: User) -> None:
    job = factories.job(user)
    for status in ("pending", "queued", "processing"):
        assert invalid(described, "EventProgress", snapshot(job) | {"status": status}) == []
    assert invalid(described, "EventProgress", snapshot(job) | {"status": "completed"})


def test_every_event_has_an_example_that_is_one(described: Any) -> None:
    names = [name for name in described["components"]["schemas"] if name.startswith("Event")]
    assert len(names) == 9
    for name in names:
        [example] = described["components"]["schemas"][name]["examples"]
        assert invalid(described, name, example) == []


def test_streams_have_an_example_of_each_event_that_is_one(described: Any) -> None:
    for path in ("/api/v1/events", "/api/v1/events/{job_id}"):
        answer = described["paths"][path]["get"]["responses"]["200"]
        stream = answer["content"]["text/event-stream"]
        validator = Draft202012Validator({**stream["schema"], "components": {}})
        assert len(stream["examples"]) == 9
        for type, example in stream["examples"].items():
            assert validator.is_valid(example["value"])
            name = "Event" + "".join(word.capitalize() for word in type.split("_"))
            assert invalid(described, name, json.loads(example["value"]["data"])) == []


def test_it_says_what_each_answer_means(described: Any) -> None:
    for path in described["paths"].values():
        for operation in path.values():
            assert all(answer["description"] for answer in operation["responses"].values())


def test_what_webhooks_are_called_with_is_described(described: Any) -> None:
    for type, path in described["webhooks"].items():
        schema = path["post"]["requestBody"]["content"]["application/json"]["schema"]
        whole = {**schema, "components": described["components"]}
        assert Draft202012Validator(whole).is_valid(schema["examples"][0])
        assert not Draft202012Validator(whole).is_valid({"type": type})


@pytest.mark.django_db
def test_answers_are_as_described(described: Any, user: User) -> None:
    client, job = APIClient(), completed(user)
    client.force_login(user)
    for name, path in {
        "Job": f"jobs/{job.pk}",
        "JobPage": "jobs",
        "PhotoPage": "photos",
        "PhotoWithJobs": f"photos/{job.photo_id}",
        "Restore": f"restores/{job.restore.pk}",
        "WebhookPage": "webhooks",
        "Problem": "jobs/7",
    }.items():
        assert invalid(described, name, client.get(f"/{ROOT}{path}").json()) == [], name


def test_the_page_asks_no_other_host() -> None:
    page = Client().get("/api/v1/docs")
    assert page.status_code == 200
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page.content.decode())
    policy = page["Content-Security-Policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy


def test_an_upload_takes_true_or_false_or_the_options_of_a_job(described: Any) -> None:
    forms = described["components"]["schemas"]
    known = forms["JobFormRequest"]["properties"]["options"]
    restore = forms["PhotoFormRequest"]["properties"]["restore"]
    assert restore["oneOf"] == [{"type": "boolean"}, known]
    body = described["paths"]["/api/v1/photos"]["post"]["requestBody"]["content"]
    encoding = body["multipart/form-data"]["encoding"]
    assert encoding["restore"] == {"contentType": "application/json"}
    assert "image/heic" in encoding["image"]["contentType"].split(", ")


def test_types_of_events_may_be_said_twice(described: Any) -> None:
    for name in ("WebhookFormRequest", "PatchedWebhookChangeFormRequest"):
        types = described["components"]["schemas"][name]["properties"]["event_types"]
        assert set(types) == {"type", "items", "minItems"}
        assert EventTypes(min_length=1).run_validation(["failed"] * 8) == ["failed"]


def test_what_made_it_leaves_no_trace(described: Any) -> None:
    assert "x-spec-enum-id" not in json.dumps(described)


def test_the_options_are_those_of_the_worker_in_use(settings: Any) -> None:
    def offered() -> set[str]:
        return set(options()["properties"])

    assert offered() == {"scale"}
    settings.RUNPOD_ENDPOINT_KIND = "comfyui"
    assert "scale" not in offered() or len(offered()) > 1
