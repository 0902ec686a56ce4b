"""What is compared: how each is started, followed and published to."""

from __future__ import annotations

import base64
import io
import json
import os
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from . import wire
from .processes import FOLDER, ROOT, Server, free_port
from .services import APPLICATION, Services
from .wire import Post

PYTHON = str(FOLDER / "venv" / "bin" / "python")
_QUIET_UVICORN = ("--lifespan", "off", "--no-access-log", "--log-level", "warning")


@dataclass(frozen=True)
class Start:
    """How a server is to be started.

    `heartbeat` in seconds, its own default where None; `publishes` whether events without a
    commit are to be published, which ours has no address for.
    """

    port: int
    heartbeat: int | None
    publishes: bool


class System(ABC):
    """A server of event streams."""

    name: str

    def __init__(self, services: Services) -> None:
        self.services = services

    def missing(self) -> str | None:
        """Return why it cannot be measured here, if it cannot."""
        return None

    def prepare(self, streams: int) -> None:
        """Make what so many streams, each of its own job, need: nothing."""
        return

    @abstractmethod
    def command(self, start: Start) -> list[str]:
        """Return how it is started."""

    def environment(self, start: Start | None = None) -> dict[str, str]:
        """Return what it is told by variables."""
        return {}

    def stream(self, job: int) -> bytes:
        """Return the request that follows a job, counted from 0."""
        return wire.get(f"/events/{job}")

    def publication(self, job: int, *, followers: int | None = None) -> Post:
        """Return the request that publishes an event of a job to one stream, or to all (-1)."""
        request = wire.post(f"/publish/{job}", wire.event_data())
        return Post(request, job if followers is None else followers)

    @contextmanager
    def serving(self, *, heartbeat: int | None = None, publishes: bool = False) -> Iterator[Server]:
        """Run it; it ends with the context. Raises ServerError."""
        start = Start(free_port(), heartbeat, publishes)
        server = Server(self.command(start), self.environment(start), start.port)
        try:
            server.wait_until_it_listens()
            yield server
        finally:
            server.stop()


class Ours(System):
    """This project on PostgreSQL and Valkey, with authentication, and its log read at each open."""

    name = "ours"
    # The number of each job's newest event, and what shows that it was read.
    last = len(wire.LOGGED)
    newest = f"id: {last}"

    def __init__(self, services: Services) -> None:
        super().__init__(services)
        self._clients: list[dict[str, str]] = []

    def prepare(self, streams: int) -> None:
        """Make accounts and jobs anew."""
        path = FOLDER / "clients.json"
        code = f"from bench import rows; rows.make({streams}, {str(path)!r})"
        _manage(self.environment(), "migrate")
        _manage(self.environment(), "shell", "--no-imports", "-c", code)
        self._clients = json.loads(path.read_text())

    def command(self, start: Start) -> list[str]:
        """Run uvicorn as the documents say."""
        uvicorn = [sys.executable, "-m", "uvicorn", _application(start)]
        return [*uvicorn, "--port", str(start.port), *_QUIET_UVICORN]

    def environment(self, start: Start | None = None) -> dict[str, str]:
        """Name database and broker, and a RunPod that nobody calls."""
        told = {
            "DATABASE_URL": self.services.database_url,
            "REDIS_URL": self.services.redis_url,
            "SECRET_KEY": "only for the benchmark",
            "MEDIA_ROOT": str(FOLDER / "media"),
            "RUNPOD_BASE_URL": "http://127.0.0.1:9/v2",
            "RUNPOD_API_KEY": "none",
            "RUNPOD_ENDPOINT_ID": "none",
            "PGAPPNAME": APPLICATION,
            # Thousands follow one job here, by grants of its one owner.
            "EVENTS_MAX_STREAMS_PER_USER": "100000",
        }
        if start and start.heartbeat:
            told["EVENTS_HEARTBEAT"] = str(start.heartbeat)
        return told

    def stream(self, job: int) -> bytes:
        """Follow a job by a grant, with the id that its page had: nothing was missed."""
        return self.returning(job, self.last)

    def returning(self, job: int, last_event_id: int) -> bytes:
        """Follow a job by a grant, coming back with an id."""
        client = self._clients[job]
        target = f"/api/v1/events/{client['job_id']}?token={client['grant']}"
        return wire.get(target, Last_Event_ID=str(last_event_id))

    def publication(self, job: int, *, followers: int | None = None) -> Post:
        """Publish by the address that only the benchmark has."""
        request = wire.post(f"/publish/{self._clients[job]['job_id']}", wire.event_data())
        return Post(request, job if followers is None else followers)

    def stream_name(self, job: int) -> str:
        """Return what the log calls the job's stream."""
        return f"job.{self._clients[job]['job_id']}"

    def progress_target(self, job: int) -> str:
        """Return the address at which our worker tells how far it is."""
        return self._target("progress", job)

    def progress(self, job: int) -> Post:
        """Return our worker's call that tells how far it is."""
        body = {"progress": 0.5, "stage": wire.NUMBER}
        return Post(self._webhook("progress", job, body), job)

    def failure(self, job: int) -> Post:
        """Return RunPod's call that tells of a failed job."""
        body = self._report(job, "FAILED") | {"error": wire.NUMBER}
        return Post(self._webhook("completion", job, body), job)

    def completion(self, job: int) -> Post:
        """Return RunPod's call that brings a picture."""
        body = self._report(job, "COMPLETED") | {"output": _OUTPUT}
        return Post(self._webhook("completion", job, body), job, "event: completed")

    def _webhook(self, kind: str, job: int, body: dict[str, object]) -> bytes:
        return wire.post(self._target(kind, job), json.dumps(body).encode())

    def _target(self, kind: str, job: int) -> str:
        return f"/api/v1/webhooks/runpod-{kind}/{self._clients[job][f'{kind}_token']}"

    def _report(self, job: int, status: str) -> dict[str, object]:
        """Return the body of a webhook as RunPod sends it, with all that it repeats."""
        client = self._clients[job]
        host = "https://photos.example/api/v1"
        return {
            "delayTime": 390,
            "executionTime": 2870,
            "id": client["runpod_job_id"],
            "input": {
                "image_url": f"{host}/photos/{client['job_id']}/image?signature=" + "x" * 80,
                "progress_url": f"{host}/webhooks/runpod-progress/{client['progress_token']}",
                "scale": 1,
            },
            "status": status,
            "webhook": f"{host}/webhooks/runpod-completion/{client['completion_token']}",
        }


class OursUnderDaphne(Ours):
    """The same under daphne."""

    name = "ours-daphne"

    def command(self, start: Start) -> list[str]:
        """Run daphne."""
        daphne = [sys.executable, "-m", "daphne", "-v", "0", "-b", "127.0.0.1"]
        return [*daphne, "-p", str(start.port), _application(start)]


class OursUnderGranian(Ours):
    """The same under granian."""

    name = "ours-granian"

    def command(self, start: Start) -> list[str]:
        """Run granian with one worker."""
        granian = [PYTHON, "-m", "granian", "--interface", "asginl", "--no-ws", "--workers", "1"]
        place = ["--host", "127.0.0.1", "--port", str(start.port), "--log-level", "warning"]
        return [*granian, *place, _application(start)]


class SseStarlette(System):
    """sse-starlette in memory under uvicorn, which is what this project replaces."""

    name = "sse-starlette"

    def command(self, start: Start) -> list[str]:
        """Run uvicorn."""
        uvicorn = [PYTHON, "-m", "uvicorn", "bench.peers.in_memory:application"]
        return [*uvicorn, "--port", str(start.port), *_QUIET_UVICORN]

    def environment(self, start: Start | None = None) -> dict[str, str]:
        """Set its ping."""
        return {"PING": str(start.heartbeat)} if start and start.heartbeat else {}


class DjangoEventstream(System):
    """django-eventstream with Redis under daphne. Its keep-alive is 20 s, whatever is asked."""

    name = "django-eventstream"

    def command(self, start: Start) -> list[str]:
        """Run daphne."""
        daphne = [PYTHON, "-m", "daphne", "-v", "0", "-b", "127.0.0.1", "-p", str(start.port)]
        return [*daphne, "bench.peers.eventstream:application"]

    def environment(self, start: Start | None = None) -> dict[str, str]:
        """Name the broker."""
        return {"REDIS_PORT": str(self.services.valkey_port)}


class Nchan(System):
    """nchan, a module of nginx in C: the limit."""

    name = "nchan"
    _module = Path("/usr/lib/nginx/modules/ngx_nchan_module.so")

    def missing(self) -> str | None:
        """Tell how to install it."""
        if nginx_path() and self._module.exists():
            return None
        return "nginx with nchan is not installed: apt install nginx libnginx-mod-nchan"

    def command(self, start: Start) -> list[str]:
        """Write its configuration, and run nginx with one worker."""
        folder = FOLDER / "nginx"
        folder.mkdir(exist_ok=True)
        text = (ROOT / "bench" / "peers" / "nchan.conf").read_text()
        names = {
            "@MODULE@": str(self._module),
            "@PORT@": str(start.port),
            "@PING@": str(start.heartbeat or 0),
        }
        for name, value in names.items():
            text = text.replace(name, value)
        (folder / "nginx.conf").write_text(text)
        return [str(nginx_path()), "-p", str(folder), "-c", str(folder / "nginx.conf")]


SYSTEMS: dict[str, Callable[[Services], System]] = {
    found.name: found
    for found in (Ours, SseStarlette, DjangoEventstream, Nchan, OursUnderDaphne, OursUnderGranian)
}


def _application(start: Start) -> str:
    """Return the site itself; what wraps it would be counted with each of its streams."""
    return "bench.ours:application" if start.publishes else "photorestore.asgi:application"


def nginx_path() -> str | None:
    """Return where nginx is; on Debian beside the commands of the administrator."""
    return shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")


def _picture() -> str:
    """Return a small PNG in base64."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((128, 96)).convert("RGB").save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


_OUTPUT = {"image_base64": _picture(), "format": "PNG", "width": 128, "height": 96}


def _manage(environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "manage.py", *arguments, "-v", "0"]
    subprocess.run(command, cwd=ROOT, env={**os.environ, **environment}, check=True)
