"""The process that writes what it is told to: an event for each line, answered by its number.

Its first line names who may follow, by token and by session, and the jobs that there are.
"""

from __future__ import annotations

import json
import os
import sys
from secrets import token_hex
from typing import Any
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "photorestore.settings")
django.setup()

# Models can be imported only now.
from django.conf import settings  # noqa: E402
from django.db import OperationalError, connection, transaction  # noqa: E402
from django.test import Client  # noqa: E402

from events import log  # noqa: E402
from jobs.models import ApiToken  # noqa: E402
from jobs.streams import job_stream  # noqa: E402
from tests import factories  # noqa: E402


def introduction(jobs: int) -> dict[str, Any]:
    """Make somebody with so many jobs, and return what a test has to know of them."""
    user, client = factories.user(f"user-{token_hex(8)}"), Client()
    client.force_login(user)
    return {
        "token": ApiToken.make(user=user),
        "session": client.cookies[settings.SESSION_COOKIE_NAME].value,
        "jobs": [str(factories.job(user).pk) for _ in range(jobs)],
    }


def append(job: str, type: str, final: bool) -> int:
    """Append to the job's stream; return the number."""
    with transaction.atomic():
        data = {"status": type}
        return log.append(job_stream(UUID(job)), type=type, data=data, final=final)


def appended(wish: dict[str, Any]) -> int:
    """Append, if need be by a new connection: a broken one says so before it does anything."""
    while True:
        try:
            return append(**wish)
        except OperationalError:
            connection.close()


def main(jobs: int) -> None:
    """Say who is who, then append until there is nothing more to read."""
    say(introduction(jobs))
    for line in sys.stdin:
        say(appended(json.loads(line)))


def say(what: object) -> None:
    """Write it in a line of its own."""
    sys.stdout.write(json.dumps(what) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
