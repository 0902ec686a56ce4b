"""A PostgreSQL database of a test module's own."""

from __future__ import annotations

import subprocess
import sys

import psycopg

from tests.e2e.system import ROOT, clean_environment
from tests.services import start_postgresql


def new(name: str) -> str:
    """Make the database anew, with its tables, and return its address."""
    server = start_postgresql()
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}"')
        connection.execute(f'CREATE DATABASE "{name}"')
    address = server.removesuffix("postgres") + name
    migrate(address)
    return address


def migrate(address: str) -> None:
    """Make the tables."""
    command = [sys.executable, "manage.py", "migrate", "--verbosity", "0"]
    env = clean_environment() | {"DATABASE_URL": address}
    subprocess.run(command, cwd=ROOT, env=env, check=True)
