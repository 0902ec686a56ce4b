"""The JavaScript client as the site hands it out; client/test has its own tests."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client

SOURCES = settings.BASE_DIR / "client" / "src"


def test_the_client_is_a_static_file_with_all_that_it_imports() -> None:
    wanted, found = ["index.js"], set()
    while wanted:
        name = wanted.pop()
        path = finders.find(f"client/{name}")
        assert path, name
        found.add(name)
        imported = re.findall(r'(?:from|import\()\s*"\./([\w.]+)"', (SOURCES / name).read_text())
        wanted += [each for each in imported if each not in found]
    assert {"index.js", "parser.js", "stream.js"} <= found


def described(name: str) -> set[str]:
    """Return the members of a shape of the API's."""
    schemas: Any = json.loads(Client().get("/api/v1/schema").content)["components"]["schemas"]
    return set(schemas[name]["properties"])


def typed(name: str) -> set[str]:
    """Return the members of an interface of the client's types, without those that it inherits."""
    types = (SOURCES / "index.d.ts").read_text()
    [body] = re.findall(rf"^export interface {name} [^{{]*\{{\n(.*?)^\}}", types, re.M | re.S)
    return set(re.findall(r"^  (\w+)\??:", body, re.M))


@pytest.mark.parametrize(
    ("interface", "shape"),
    [
        ("JobSnapshot", "JobSnapshot"),
        ("Restore", "RestoreSnapshot"),
        ("Photo", "Photo"),
        ("JobPage", "JobPage"),
    ],
)
def test_the_client_s_types_are_the_api_s(interface: str, shape: str) -> None:
    assert typed(interface) == described(shape)
