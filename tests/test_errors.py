"""What people and programs see of what goes wrong."""

from __future__ import annotations

import ast
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from events.problems import CONTENT_TYPE
from tests import factories

pytestmark = pytest.mark.django_db
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def client(client: Client) -> Client:
    client.raise_request_exception = False
    client.force_login(factories.user())
    return client


def failing(error: Exception) -> Callable[..., Any]:
    def fail(*arguments: Any) -> Any:
        raise error

    return fail


def text(answer: Any) -> str:
    return str(answer.content.decode())


def is_our_page(answer: Any) -> bool:
    return answer["Content-Type"].startswith("text/html") and "app.css" in text(answer)


def test_a_page_that_fails_says_that_the_fault_is_ours(client: Client) -> None:
    with connection.execute_wrapper(failing(RuntimeError("a bug"))):
        page, answer = client.get("/"), client.get("/api/v1/photos")
    assert (page.status_code, is_our_page(page)) == (500, True)
    assert "The fault is ours" in text(page)
    assert "a bug" not in text(page) + text(answer)
    assert (answer.status_code, answer["Content-Type"]) == (500, CONTENT_TYPE)
    assert answer.json()["code"] == "server_error"


def test_without_a_database_one_is_asked_to_come_back(client: Client) -> None:
    with connection.execute_wrapper(failing(OperationalError("gone"))):
        page, answer = client.get("/"), client.get("/api/v1/photos")
    assert (page.status_code, is_our_page(page), page["Retry-After"]) == (503, True, "5")
    assert "Back in a moment" in text(page)
    assert (answer.status_code, answer["Content-Type"]) == (503, CONTENT_TYPE)
    assert (answer["Retry-After"], answer.json()["code"]) == ("5", "unavailable")


def test_what_is_not_there_is_told(client: Client) -> None:
    page, answer = client.get("/nowhere/"), client.get("/api/v1/nowhere")
    assert (page.status_code, is_our_page(page)) == (404, True)
    assert (answer.status_code, answer["Content-Type"]) == (404, CONTENT_TYPE)


@pytest.mark.parametrize("path", ["/api", "/api/", "/api/v1", "/api/v1/", "/api/v1/photos/"])
def test_what_is_below_the_api_is_a_program_s(client: Client, path: str) -> None:
    answer = client.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (404, CONTENT_TYPE)


@pytest.mark.parametrize("name", ["schema", "docs"])
@pytest.mark.parametrize("method", ["POST", "DELETE", "OPTIONS"])
def test_the_description_is_only_read(name: str, method: str) -> None:
    client = Client(enforce_csrf_checks=True)
    answer = client.generic(method, f"/api/v1/{name}")
    assert (answer.status_code, answer["Content-Type"]) == (405, CONTENT_TYPE)
    assert (answer["Allow"], answer.json()["code"]) == ("GET, HEAD", "method_not_allowed")


@pytest.mark.parametrize("part", ["field", "file"])
def test_a_form_of_too_many_parts_is_told_so(client: Client, part: str) -> None:
    parts = {f"f{i}": io.BytesIO(b"x") if part == "file" else "x" for i in range(1200)}
    answer = client.post("/api/v1/photos", parts)
    assert (answer.status_code, answer.json()["code"]) == (400, "parse_error")
    assert "too many" in answer.json()["detail"]


def test_a_request_that_makes_no_sense_is_told_so(client: Client) -> None:
    page = client.get("/", headers={"Host": "evil.example"})
    answer = client.get("/api/v1/photos", headers={"Host": "evil.example"})
    assert (page.status_code, is_our_page(page)) == (400, True)
    assert (answer.status_code, answer["Content-Type"]) == (400, CONTENT_TYPE)


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("", 200),
        ("*/*", 200),
        ("application/json;version=1", 200),
        ("application/*;q=0, application/json;q=0.1", 200),
        ("text/html", 406),
        ("*/*;q=0", 406),
        ("application/json;q=0, */*", 406),
    ],
)
def test_json_is_for_who_takes_it(client: Client, accept: str, status: int) -> None:
    answer = client.get("/api/v1/photos", headers={"Accept": accept})
    assert answer.status_code == status
    if status == 406:
        assert (answer["Content-Type"], answer.json()["code"]) == (CONTENT_TYPE, "not_acceptable")


def test_a_form_of_another_session_is_out_of_date() -> None:
    page = Client(enforce_csrf_checks=True).post("/accounts/sign-in/")
    assert (page.status_code, is_our_page(page)) == (403, True)
    assert "out of date" in text(page)


def codes(path: Path) -> Iterator[str]:
    """Yield the codes that a module tells: of problems, and of what becomes of jobs."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.Call(ast.Name("Problem"), [_, ast.Constant(str() as code), *_]):
                yield code
            case ast.Call(
                ast.Name("InputError" | "OutputError"), [ast.Constant(str() as code), *_]
            ):
                yield code
            case ast.Call(ast.Attribute(attr="fail" | "stop"), _, keywords):
                yield from filter(None, map(code_of, keywords))


def code_of(keyword: ast.keyword) -> str | None:
    match keyword:
        case ast.keyword("code", ast.Constant(str() as code)):
            return code
    return None


def test_every_code_is_documented() -> None:
    modules = [
        path
        for app in ("events", "jobs", "webhooks", "photorestore")
        for path in (ROOT / app).rglob("*.py")
    ]
    found = {code for module in modules for code in codes(module)}
    _, _, documented = (ROOT / "docs" / "api.md").read_text().partition("## Errors")
    assert {"bad_cursor", "photo_too_large", "no_output", "lost"} <= found
    assert {code for code in found if f"`{code}`" not in documented} == set()


def test_what_is_not_allowed_is_told(client: Client) -> None:
    client.force_login(factories.user("staff", is_staff=True))
    page = client.get("/admin/jobs/job/")
    assert (page.status_code, is_our_page(page)) == (403, True)
