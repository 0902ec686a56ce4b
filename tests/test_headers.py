"""What every response says to the browser, whoever made it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from email import message_from_string
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest
from django.contrib.auth.models import User
from django.test import Client

from jobs import sharing
from jobs.models import ApiToken
from tests import factories
from tests.services import PATIENCE

pytestmark = pytest.mark.django_db
EVERYWHERE = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PATHS = [
    "/accounts/sign-in/",
    "/",
    "/nowhere/",
    "/api/v1/photos",
    "/api/v1/nowhere",
    "/admin/login/",
    "/static/jobs/app.css",
    "/metrics",
    "/api/v1/events",
    "/api/v1/docs",
    "/api/v1/webhooks/runpod-completion/made-up",
    "/shared/made-up/before/",
    "/admin/jobs/photo/",
    "/language/",
    "/favicon.ico",
    "/livez",
    "/readyz",
]


def check(headers: Any) -> None:
    assert {name: headers.get(name) for name in EVERYWHERE} == EVERYWHERE
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    assert "geolocation=()" in headers["Permissions-Policy"]


@pytest.mark.parametrize("path", PATHS)
def test_every_response_has_them(server: str, path: str) -> None:
    answer = httpx2.get(server + path, trust_env=False, timeout=PATIENCE)
    check(answer.headers)
    assert ("public" in answer.headers["Cache-Control"]) == path.startswith("/static/")


def test_a_stream_which_is_no_page_is_taken_for_nothing_else(server: str) -> None:
    token = ApiToken.make(user=factories.user())
    headers = {"Authorization": f"Bearer {token}"}
    url = f"{server}/api/v1/events"
    with httpx2.stream("GET", url, headers=headers, trust_env=False, timeout=PATIENCE) as answer:
        assert answer.status_code == 200
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-cache, no-transform"


def test_a_host_that_is_not_ours_gets_them(server: str) -> None:
    for path in ("/", "/api/v1/photos", "/api/v1/events"):
        answer = httpx2.get(
            server + path, headers={"Host": "evil.example"}, trust_env=False, timeout=PATIENCE
        )
        assert answer.status_code == 400
        check(answer.headers)


def test_a_body_that_is_too_large_is_refused_with_them(server: str) -> None:
    with socket.create_connection(("127.0.0.1", urlsplit(server).port or 0)) as connection:
        connection.sendall(
            b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999999\r\n\r\n"
        )
        head = connection.recv(4096).decode().split("\r\n\r\n")[0]
    assert head.startswith("HTTP/1.1 413")
    check(message_from_string(head.partition("\r\n")[2]))


def test_a_shared_picture_is_kept_nowhere_and_gone_with_its_link(client: Client) -> None:
    job = factories.job()
    share = sharing.share(photo=job.photo, password="x")
    page = f"/shared/{sharing.token_of(share)}/"
    stranger = Client()
    client.post(page, {"password": "x"})
    answers: list[Any] = [each.get(f"{page}before/") for each in (client, stranger)]
    answers[0].file.close()
    assert [answer.status_code for answer in answers] == [200, 404]
    for answer in (answers[0], client.get(page), stranger.get(page)):
        assert {name: answer[name] for name in EVERYWHERE} == EVERYWHERE
        assert (answer["Cache-Control"], answer["X-Robots-Tag"]) == (
            "private, no-store",
            "noindex, nofollow",
        )
    sharing.stop(photo=job.photo)
    assert [client.get(path).status_code for path in (page, f"{page}before/")] == [404, 404]


@pytest.mark.parametrize("which", ["image", "preview", "thumbnails/240.jpg"])
def test_a_picture_is_nothing_to_anybody_else(client: Client, user: User, which: str) -> None:
    path = f"/api/v1/photos/{factories.job(user).photo_id}/{which}"
    client.force_login(user)
    answer: Any = client.get(path)
    answer.file.close()
    assert (answer.status_code, "Cookie" in answer["Vary"]) == (200, True)
    client.post("/accounts/sign-out/")
    assert client.get(path).status_code == 401
    client.force_login(factories.user("eve"))
    assert client.get(path).status_code == 404


def test_pictures_are_for_their_owner_s_browser_alone(client: Client, user: User) -> None:
    job = factories.job(user)
    path = f"/api/v1/photos/{job.photo_id}/preview"
    assert client.get(path).status_code == 401
    client.force_login(user)
    answer = client.get(path)
    check(answer)
    assert answer["Cache-Control"].startswith("private")
    answer.close()


def test_what_a_view_says_itself_stays(client: Client) -> None:
    assert client.get("/metrics")["Cache-Control"] == "no-store"


@pytest.mark.parametrize(("scheme", "expected"), [("http", ""), ("https", "max-age=31536000")])
def test_browsers_come_back_by_tls_where_there_is_tls(scheme: str, expected: str) -> None:
    script = (
        "from photorestore import settings as ours;"
        "print(ours.EVENTS_HEADERS.get('Strict-Transport-Security', ''))"
    )
    found = subprocess.run(
        [sys.executable, "-c", script],
        env=os.environ | {"PUBLIC_URL": f"{scheme}://photos.example", "SECRET_KEY": "x"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert found.stdout.strip() == expected
