"""`make run`: started by a newcomer, stopped by Ctrl-C, broken by hand."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import httpx2
import psutil
import pytest

from tests.services import PATIENCE, free_port, start_postgresql, start_valkey

from .system import ROOT, clean_environment, create_token, left, running


def test_the_sample_is_restored_through_the_api_event_by_event(own: dict[str, str]) -> None:
    with running(**own) as system:
        site = system.site()
        output = "\n".join(system.lines)
    assert site == f"http://127.0.0.1:{own['PORT']}"
    events = re.findall(r"[█░]{24} +(\d+) % +(\w+)", output)
    assert events[0][1] == "queued"
    assert events[-1][1] == "completed"
    assert "progress" in {event for _, event in events}
    assert [int(percent) for percent, _ in events] == sorted(int(percent) for percent, _ in events)
    assert re.search(r"API calls made +2 ", output)
    assert re.search(r"upload to result +\d+\.\d\d s", output)
    assert re.search(r"webhook to event +\d+ ms", output)


def test_the_demo_account_that_is_printed_signs_in(own: dict[str, str]) -> None:
    with running(**own) as system:
        site = system.site()
        line = system.wait_for("Sign in as demo")
        password = line.split("with the password ")[1].split(",")[0]
        assert sign_in(site, "demo", password) == f"{site}/"


def sign_in(site: str, username: str, password: str) -> str:
    """Sign in by the page's form; return the address one ends at."""
    with httpx2.Client(
        base_url=site, follow_redirects=True, trust_env=False, timeout=PATIENCE
    ) as client:
        page = client.get("/accounts/sign-in/").text
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page)
        assert found
        form = {"username": username, "password": password, "csrfmiddlewaretoken": found[1]}
        return str(client.post("/accounts/sign-in/", data=form, headers={"Origin": site}).url)


PUBLIC = {
    "PUBLIC_URL": "https://photos.example",
    "ALLOWED_HOSTS": "photos.example",
    "SECRET_KEY": "long and random",
}


def test_the_demo_account_is_closed_once_its_site_is_public(own: dict[str, str]) -> None:
    for more, is_open in (({}, 1), (PUBLIC, 0), ({}, 1)):
        with running(**own, **more) as system:
            system.site()
            with sqlite3.connect(own["DATABASE_URL"].removeprefix("sqlite:///")) as database:
                found = database.execute("SELECT username, is_active FROM auth_user").fetchall()
        assert found == [("demo", is_open)]


def test_a_public_site_has_no_demo_account(own: dict[str, str]) -> None:
    with running(**own, **PUBLIC) as system:
        system.site()
        with sqlite3.connect(own["DATABASE_URL"].removeprefix("sqlite:///")) as database:
            assert database.execute("SELECT count(*) FROM auth_user").fetchone() == (0,)
    assert not [line for line in system.lines if "demo" in line or "sample" in line]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_stop_ends_every_process_within_five_seconds(
    own: dict[str, str], number: signal.Signals
) -> None:
    before = time.monotonic()
    with running(**own) as system:
        system.site()
        # On a machine so busy that starting takes long, so does stopping.
        within = max(5, (time.monotonic() - before) / 2)
        started = system.descendants()
        assert len(started) > 6
        system.process.send_signal(number)
        system.finish(within=within)
        assert left(started) == []


@pytest.mark.parametrize(
    ("part", "pattern"),
    [
        ("web", r"uvicorn"),
        ("worker", r"celery.* worker"),
        ("beat", r"celery.* beat"),
        ("valkey", r"valkey-server"),
        ("runpod", r"restorer\.local"),
    ],
)
def test_if_one_dies_the_others_stop_and_the_reason_is_on_screen(
    own: dict[str, str], part: str, pattern: str
) -> None:
    with running(**own) as system:
        system.site()
        started = system.descendants()
        system.part(pattern).kill()
        assert system.finish() != 0
        assert system.lines[-1] == f"{part} was killed by SIGKILL, so everything was stopped."
        assert left(started) == []


def test_a_stop_in_the_middle_of_the_start_leaves_nothing(own: dict[str, str]) -> None:
    # Once for each count of processes that are there when it comes.
    for count in range(1, 13, 2):
        with running(**own) as system:
            manager = psutil.Process(system.process.pid)
            while len(manager.children(recursive=True)) < count and manager.is_running():
                pass
            started = system.descendants()
            system.process.send_signal(signal.SIGINT)
            system.finish()
        assert left(started) == []
        assert "Traceback" not in "\n".join(system.lines)


def test_a_terminal_that_closes_is_a_stop(own: dict[str, str]) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "photorestore.local", "run"]
    env = clean_environment() | own
    process = subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=theirs, stderr=theirs, stdin=theirs, process_group=0
    )
    os.close(theirs)
    output = b""
    while b"Sign in as demo" not in output:
        output += os.read(ours, 4096)
    started = psutil.Process(process.pid).children(recursive=True)
    os.close(ours)
    process.send_signal(signal.SIGHUP)
    process.wait(timeout=PATIENCE)
    assert left(started) == []


def test_if_a_process_of_the_manager_s_own_is_killed_everything_stops_too(
    own: dict[str, str],
) -> None:
    with running(**own) as system:
        system.site()
        started = system.descendants()
        beside = [process for process in started if "run" in process.cmdline()]
        assert len(beside) == 6
        beside[2].kill()
        assert system.finish() != 0
        assert "was killed by SIGKILL, so everything was stopped." in system.lines[-1]
        assert left(started) == []


def test_nothing_outlives_the_manager(own: dict[str, str]) -> None:
    with running(**own) as system:
        system.site()
        started = system.descendants()
        system.process.kill()
        _, alive = psutil.wait_procs(started, timeout=PATIENCE)
        assert alive == []


def test_the_worker_and_beat_refuse_wrong_settings_too(own: dict[str, str]) -> None:
    env = clean_environment() | own | {"PUBLIC_URL": "https://photos.example"}
    for part in ("worker", "beat"):
        command = [sys.executable, "-m", "celery", "-A", "photorestore", part]
        answer = subprocess.run(
            command,
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
        assert answer.returncode != 0, part
        assert "photorestore.E003" in answer.stdout + answer.stderr


def test_an_address_in_a_file_is_an_address_too(own: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "redis"
    file.write_text(start_valkey())
    with running(**own, REDIS_URL_FILE=str(file)) as system:
        system.site()
        names = system.commands().values()
    assert not [name for name in names if "valkey" in name]


def test_a_port_that_is_taken_is_a_clear_error(own: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", int(own["PORT"])))
        taken.listen()
        with running(**own) as system:
            assert system.finish() == 1
    (line,) = system.lines
    assert line.startswith(f"Port {own['PORT']} cannot be used: Address already in use. ")
    assert "PORT=" in line


def test_a_wrong_setting_is_a_clear_error(own: dict[str, str]) -> None:
    with running(**own, PUBLIC_URL="https://photos.example") as system:
        assert system.finish() == 1
    output = "\n".join(system.lines)
    assert "photorestore.E001" in output
    assert "photorestore.E003" in output
    assert "HINT" in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("REDIS_URL", "redis://127.0.0.1:1/0"),
        ("DATABASE_URL", "postgres://nobody@127.0.0.1:1/none"),
        ("DATABASE_URL", "photos"),
        ("DATABASE_URL", "sqlite:////proc/1/none/db.sqlite3"),
    ],
)
def test_a_service_that_does_not_answer_is_a_clear_error(
    own: dict[str, str], name: str, address: str
) -> None:
    with running(**own | {name: address}) as system:
        assert system.finish() == 1
    output = "\n".join(system.lines)
    assert name in output
    assert "Traceback" not in output


def test_what_the_environment_names_is_used_and_not_started(own: dict[str, str]) -> None:
    given = own | {"DATABASE_URL": start_postgresql(), "REDIS_URL": start_valkey()}
    with running(**given) as system:
        system.wait_for("completed")
        system.site()
        names = system.commands().values()
    assert not [name for name in names if "valkey" in name]
    assert [name for name in names if "restorer.local" in name]


class Silent(BaseHTTPRequestHandler):
    """An endpoint that somebody else runs."""

    asked: list[str] = []

    def do_POST(self) -> None:
        """Note the call and accept the job."""
        self.asked.append(self.path)
        body = json.dumps({"id": "a-u1", "status": "IN_QUEUE"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""


def test_with_an_endpoint_of_one_s_own_none_is_started_and_no_sample_restored(
    own: dict[str, str],
) -> None:
    server = HTTPServer(("127.0.0.1", 0), Silent)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    given = own | {
        "RUNPOD_BASE_URL": f"http://127.0.0.1:{server.server_port}/v2",
        "RUNPOD_API_KEY": "key",
        "RUNPOD_ENDPOINT_ID": "abc",
    }
    with running(**given) as system:
        system.site()
        names = system.commands().values()
        assert not [name for name in names if "restorer.local" in name]
    server.shutdown()
    thread.join()
    server.server_close()
    assert Silent.asked == []
    assert "Restoring" not in "\n".join(system.lines)


def test_an_open_stream_ends_cleanly_when_the_site_stops(own: dict[str, str]) -> None:
    with running(**own) as system:
        site = system.site()
        token = create_token(own)
        headers = {"Authorization": f"Bearer {token}"}
        with httpx2.Client(
            base_url=site, headers=headers, trust_env=False, timeout=PATIENCE
        ) as client:
            photo = Path("restorer/samples/rocket.jpg").read_bytes()
            answer = client.post("/api/v1/photos", files={"image": ("a.jpg", photo)})
            url = answer.json()["events_url"]
            with client.stream("GET", url) as stream:
                chunks = stream.iter_text()
                assert next(chunks) == "retry: 3000\n\n"
                system.part("uvicorn").send_signal(signal.SIGTERM)
                rest = "".join(chunks)  # a broken stream would raise here
        assert re.fullmatch(r"retry: \d+\n\n", rest)


def test_a_second_run_goes_on_with_the_first_one_s_photos(own: dict[str, str]) -> None:
    with running(**own) as system:
        system.site()
    with running(**own | {"PORT": str(free_port())}) as system:
        site = system.site()
        token = create_token(own)
        headers = {"Authorization": f"Bearer {token}"}
        answer = httpx2.get(
            f"{site}/api/v1/photos", headers=headers, trust_env=False, timeout=PATIENCE
        )
        assert len(answer.json()["results"]) == 2
