"""The picture in ARCHITECTURE.md, held by tools."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command

ROOT = Path(__file__).resolve().parent.parent


def test_imports_point_one_way() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert answer.returncode == 0, answer.stdout


@pytest.mark.django_db
def test_the_migrations_are_those_of_the_models() -> None:
    call_command("makemigrations", check=True, dry_run=True, verbosity=0)


def test_env_example_names_every_variable_with_a_line_of_its_own() -> None:
    text = (ROOT / ".env.example").read_text()
    source = (ROOT / "photorestore" / "settings.py").read_text()
    read = set(re.findall(r'(?:given|number)\(\s*"(\w+)"', source))
    read.add("FORWARDED_ALLOW_IPS")  # by uvicorn
    assert set(re.findall(r"^#(\w+)=", text, re.MULTILINE)) == read
    assert len(re.findall(r"^# .+\n#\w+=", text, re.MULTILINE)) == len(read)


def test_sqlite_is_in_wal_mode_with_immediate_transactions() -> None:
    options = settings.DATABASES["default"].get("OPTIONS", {})
    if "sqlite" in settings.DATABASES["default"]["ENGINE"]:
        assert options["transaction_mode"] == "IMMEDIATE"
        assert "journal_mode=WAL" in options["init_command"]
