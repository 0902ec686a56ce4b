"""The whole description tried against the running server, by who may do little with others' things.

A minute or two: coverage of every parameter's edges, then random cases, well-formed and not.
Others, and more of them, by SCHEMATHESIS_SEED and SCHEMATHESIS_EXAMPLES.
"""

from __future__ import annotations

import faulthandler
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction

from jobs import lifecycle, streams
from jobs.models import ApiToken, Delivery, Job
from jobs.outgoing import registry
from tests import factories
from tests.conftest import serving

HOOKS = Path(__file__).with_name("schemathesis_checks.py")
SECRET = "Eve's own title"
CONFIG = """
# A condition that is as described may still not be met, and a range be beyond the end.
[[operations]]
include-operation-id-regex = "(Image|Preview|Thumbnail)$"
checks.positive_data_acceptance.expected-statuses = ["2xx", "304", "401", "404", "412", "416"]

# No pattern tells a cursor of ours.
[[operations]]
include-operation-id-regex = "^list"
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "404"]

# What is as described may still be no picture, no address that is called, or one too many.
[[operations]]
include-operation-id = ["upload", "createWebhook", "changeWebhook"]
checks.positive_data_acceptance.expected-statuses = ["2xx", "400", "401", "404", "409"]
"""


@pytest.fixture
def site(transactional_db: None) -> Iterator[str]:
    """Run the site over the test's own database, and return its address."""
    from photorestore.asgi import application

    with serving(application) as address:
        yield address


def things_of(name: str) -> dict[str, str]:
    """Return the ids of somebody's things: two photos, one with a result, and a webhook."""
    owner = factories.user(name)
    title = SECRET if name == "eve" else "Gran"
    job, fresh = factories.job(owner, title=title), factories.job(owner, title=title)
    attempt, _ = factories.attempt(job)
    lifecycle.apply_report(attempt=attempt, report=factories.report(id=name))
    job.refresh_from_db()
    url = "https://shop.example/hook"
    webhook = registry.register(owner=owner, url=url, event_types=["completed"])
    with transaction.atomic():
        streams.tell(job, "completed")
    return {
        "photo_id": str(fresh.photo_id),
        "job_id": str(fresh.pk),
        "restore_id": str(job.restore.pk),
        "webhook_id": str(webhook.pk),
        "delivery_id": str(Delivery.objects.latest("created_at").pk),
    }


def run(
    site: str, folder: Path, token: str, paths: str, *things: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    """Run schemathesis with every check, and return how it ended."""
    config = folder / "schemathesis.toml"
    config.write_text(CONFIG)
    command = [
        *(sys.executable, "-m", "schemathesis.cli", "--config-file", str(config)),
        *("--no-color", "run", f"{site}/api/v1/schema", "--generation-database", "none"),
        *("--header", f"Authorization: Bearer {token}", "--request-timeout", "300", "--no-shrink"),
        *("--include-path-regex", paths, "--continue-on-failure"),
        *("--max-examples", os.environ.get("SCHEMATHESIS_EXAMPLES", "10")),
        *("--seed", os.environ.get("SCHEMATHESIS_SEED", "1")),
    ]
    known = {name: [each[name] for each in things] for name in things[0]}
    environment = os.environ | {
        "SCHEMATHESIS_HOOKS": str(HOOKS),
        "SCHEMATHESIS_FOREIGN": SECRET,
        "SCHEMATHESIS_THINGS": json.dumps(known),
    }
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("paths", ["/(events|webhooks)", "/(photos|jobs|restores)"])
def test_every_answer_is_as_described_and_nobody_else_s_thing_is_reached(
    site: str, tmp_path: Path, settings: Any, paths: str
) -> None:
    faulthandler.cancel_dump_traceback_later()  # it may take longer than pytest lets a test take
    settings.EVENTS_LIFETIME = 0.1  # or a stream would not be over
    mine, theirs = things_of("ada"), things_of("eve")
    before = [*Job.objects.filter(owner__username="eve").order_by("pk").values()]
    token = ApiToken.make(user=Job.objects.get(pk=mine["job_id"]).owner)
    answer = run(site, tmp_path, token, paths, mine, theirs)
    assert answer.returncode == 0, answer.stdout[-20_000:] + answer.stderr
    assert [*Job.objects.filter(owner__username="eve").order_by("pk").values()] == before
