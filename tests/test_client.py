"""The JavaScript client as the site hands it out; client/test has its own tests."""

from __future__ import annotations

import re

from django.conf import settings
from django.contrib.staticfiles import finders

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
