"""Who reads the metrics, and in which words."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from prometheus_client.openmetrics import parser as open_metrics
from prometheus_client.parser import text_string_to_metric_families

from tests import factories

TOKEN = "a-long-random-token"


@pytest.fixture
def public(settings: Any) -> None:
    settings.PUBLIC_URL = "https://photos.example"
    settings.METRICS_TOKEN = TOKEN


def status(client: Client, authorization: str = "") -> int:
    headers = {"Authorization": authorization} if authorization else {}
    return client.get("/metrics", headers=headers).status_code


def test_on_this_machine_alone_anybody_reads_them(client: Client) -> None:
    answer = client.get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer["Cache-Control"] == "no-store"
    names = {family.name for family in text_string_to_metric_families(answer.content.decode())}
    assert "photorestore_streams_open" in names


def test_open_metrics_are_spoken_to_who_asks_for_them(client: Client) -> None:
    kind = "application/openmetrics-text; version=1.0.0"
    answer = client.get("/metrics", headers={"Accept": f"{kind},text/plain;q=0.5"})
    assert answer["Content-Type"].startswith(kind)
    found = open_metrics.text_string_to_metric_families(answer.content.decode())  # type: ignore[no-untyped-call]
    assert "photorestore_streams_opened" in {family.name for family in found}


def test_a_version_that_is_none_gets_the_plain_text(client: Client) -> None:
    headers = {"Accept": "application/openmetrics-text; version=latest"}
    answer = client.get("/metrics", headers=headers)
    assert answer["Content-Type"].startswith("text/plain")


@pytest.mark.usefixtures("public")
def test_the_token_opens_them_without_a_database(client: Client) -> None:
    client.cookies["sessionid"] = "somebody's"
    assert status(client, f"Bearer {TOKEN}") == 200
    assert status(client, f"bearer {TOKEN}") == 200


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", f"Bearer {TOKEN}2", f"Bearer {TOKEN[:-1]}", f"Basic {TOKEN}", TOKEN],
)
def test_to_anybody_else_there_is_nothing(client: Client, authorization: str) -> None:
    assert status(client, authorization) == 404


@pytest.mark.usefixtures("public")
@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer "])
def test_without_a_token_of_ours_none_opens_them(
    client: Client, settings: Any, authorization: str
) -> None:
    settings.METRICS_TOKEN = ""
    assert status(client, authorization) == 404


@pytest.mark.usefixtures("public", "db")
@pytest.mark.parametrize(("staff", "expected"), [(True, 200), (False, 404)])
def test_of_people_who_are_signed_in_staff_alone_read_them(
    client: Client, staff: bool, expected: int
) -> None:
    client.force_login(factories.user(is_staff=staff))
    assert status(client) == expected


@pytest.mark.usefixtures("public", "db")
def test_somebody_who_was_staff_reads_them_no_more(client: Client) -> None:
    client.force_login(factories.user(is_staff=True))
    User.objects.update(is_active=False)
    assert status(client) == 404


def test_they_are_only_read(client: Client) -> None:
    assert client.post("/metrics").status_code == 405
