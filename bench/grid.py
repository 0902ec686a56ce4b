"""`make bench-grid`: how long the server takes for pages of 100,000 photos of one user.

On a new PostgreSQL, in this process, by Django's own test client: no network, no browser.
"""

from __future__ import annotations

import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from .processes import free_port
from .services import Services

PHOTOS = 100_000
PAGES = 30  # of each kind that are asked for
_BATCH = 5_000
# A shoebox that was worked through: most are done.
_STATUSES = {"completed": 0.9, "failed": 0.07, "processing": 0.0005, "created": 0.0295}


def main() -> None:
    """Print the median and the slowest of each kind of page."""
    with tempfile.TemporaryDirectory() as folder:
        services = Services(Path(folder), free_port())
        try:
            _measure(services.database_url)
        finally:
            services.stop()


def _measure(database_url: str) -> None:
    os.environ["DATABASE_URL"] = database_url
    os.environ["DJANGO_SETTINGS_MODULE"] = "photorestore.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from django.contrib.auth.models import User
    from django.test import Client

    user = User.objects.create_user("bench")
    _fill(user)
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(user)
    kinds = {
        "newest": "/",
        "restored": "/?state=done",
        "failed": "/?state=failed",
        "running": "/?state=running",
        "new": "/?state=new",
        "deep": _deep(client),
    }
    for name, path in kinds.items():
        times = _times(lambda path=path: client.get(path))  # type: ignore[misc]
        sys.stdout.write(
            f"{name:10} median {statistics.median(times):5.1f} ms, slowest {max(times):5.1f} ms\n"
        )


def _times(ask: Callable[[], Any]) -> list[float]:
    """Return how many milliseconds each page took, without the first, which warms caches."""
    times = []
    for _ in range(PAGES + 1):
        begun = time.perf_counter()
        assert ask().status_code == 200
        times.append((time.perf_counter() - begun) * 1000)
    return times[1:]


def _deep(client: Any) -> str:
    """Return the address of a page in the middle of them all."""
    from base64 import b64encode
    from urllib.parse import urlencode

    from jobs.models import Job

    middle = Job.objects.newest().order_by("-created_at")[PHOTOS // 2]
    position = urlencode({"p": str(middle.created_at)})
    return f"/?{urlencode({'cursor': b64encode(position.encode()).decode()})}"


def _fill(user: Any) -> None:
    """Write the photos, each with a job, made at any time of the last seventy days."""
    from django.db import connection

    from jobs.models import Job, Photo, Restore

    rows = _rows(user, random.Random(1))  # noqa: S311
    while batch := list(islice(rows, _BATCH)):
        photos, jobs, restores = (list(kind) for kind in zip(*batch, strict=True))
        Photo.objects.bulk_create(photos)
        Job.objects.bulk_create(jobs)
        Restore.objects.bulk_create(found for found in restores if found)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE jobs_job SET created_at = now() - random() * interval '70 days'")
        cursor.execute("VACUUM ANALYZE")


def _rows(user: Any, draw: random.Random) -> Iterator[tuple[Any, Any, Any]]:
    from django.utils import timezone

    from jobs.models import FINAL, Job, Photo, Restore

    now, size = timezone.now(), {"width": 1200, "height": 800, "bytes": 1}
    words, weights = zip(*_STATUSES.items(), strict=True)
    for number in range(PHOTOS):
        photo = Photo(owner=user, title=f"Photo {number}", format="JPEG", **size)
        [status] = draw.choices(words, weights)
        done = now if status in FINAL else None
        job = Job(photo=photo, owner=user, status=status, finished_at=done)
        restore = Restore(job=job, format="JPEG", **size) if status == "completed" else None
        yield photo, job, restore


if __name__ == "__main__":
    main()
