"""`make run` and `make demo`: the whole system on this machine, with nothing installed before."""

from __future__ import annotations

import fcntl
import os
import secrets
import shlex
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, cast

import django
import environ
import redis
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, SystemCheckError
from django.db import OperationalError

from . import parts
from .addresses import is_local
from .console import Console
from .environment import given
from .manager import Manager

if TYPE_CHECKING:
    from io import TextIOWrapper

    from django.contrib.auth.models import User

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = BASE_DIR / "var"
SAMPLE = BASE_DIR / "restorer" / "samples" / "portrait-1961.jpg"
_DEMO_PASSWORD = VAR_DIR / "demo_password"
USAGE = 2  # exit status for what the caller must mend


class Refusal(Exception):  # noqa: N818 - a decision, not an error of ours
    """Why nothing is started, in one line."""

    def __init__(self, message: str, status: int = 1) -> None:
        super().__init__(message)
        self.status = status


def main(arguments: list[str]) -> int:
    """Run the command that is named and return the exit status."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "photorestore.settings")
    for output in (sys.stdout, sys.stderr):
        cast("TextIOWrapper", output).reconfigure(errors="backslashreplace")  # for odd file names
    environ.Env.read_env(BASE_DIR / ".env")
    commands: dict[str, Callable[[ExitStack], int]] = {"run": run, "demo": demo}
    try:
        with ExitStack() as stack:
            return commands[arguments[0]](stack)
    except Refusal as refusal:
        sys.stderr.write(f"{refusal}\n")
        return refusal.status
    except OSError as error:
        if error.filename is None:
            raise
        sys.stderr.write(f"{error.filename}: {error.strerror}.\n")
        return 1
    except KeyboardInterrupt:
        return 130


def run(stack: ExitStack) -> int:
    """Start everything, restore the sample if the endpoint is the local one, and go on serving."""
    port = _port()
    VAR_DIR.mkdir(mode=0o700, exist_ok=True)
    if not given("DATABASE_URL"):
        stack.enter_context(_only_one(VAR_DIR / "run.lock"))
    # Names what the next job shall meet of RunPod's faults: docs/faults.md.
    os.environ.setdefault("LOCAL_ENDPOINT_FAULT_FILE", str(VAR_DIR / "fault"))
    commands = parts.commands(port=port, state=_state(stack))
    _prepare(commands)
    welcome = parts.python("photorestore.demo", "welcome")
    # An account that anybody at this terminal can use is for this machine alone.
    if "runpod" in commands and is_local(settings.PUBLIC_URL):
        os.environ |= _demo_account()
        welcome.append(str(SAMPLE))
    else:
        _close_demo_account()
    return _loop({**commands, "photos": welcome}, Console(sys.stdout))


def demo(stack: ExitStack) -> int:
    """Restore the photo that PHOTO names into var/demo/, with a system that ends with it."""
    # Beside a system that serves at PORT, unless that is where PUBLIC_URL leads.
    port, state = _port() if given("PUBLIC_URL") else parts.free_port(), _state(stack)
    os.environ["DATABASE_URL"] = given("DATABASE_URL") or f"sqlite:///{state}/db.sqlite3"
    os.environ["MEDIA_ROOT"] = given("MEDIA_ROOT") or str(state / "media")
    commands = parts.commands(port=port, state=state)
    photo = _photo()
    VAR_DIR.mkdir(mode=0o700, exist_ok=True)
    (folder := VAR_DIR / "demo").mkdir(exist_ok=True)
    _prepare(commands)
    os.environ |= _guest()
    restore = parts.python("photorestore.demo", "restore", str(photo), str(folder))
    return _loop({**commands, "demo": restore}, Console(sys.stdout, only="demo"))


def _state(stack: ExitStack) -> Path:
    return Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="photorestore-")))


def _photo() -> Path:
    """Return the photo to restore, judged like an upload before anything is started."""
    from jobs import pictures

    name = os.environ.get("PHOTO")
    if not name:
        raise Refusal("Which photo? Say: make demo PHOTO=path/to.jpg", USAGE)
    django.setup()  # without which nothing can be said in anybody's language
    path = Path(name).expanduser()
    if path.exists() and not path.is_file():
        raise Refusal(f"{path}: This is not a file.", USAGE)
    try:
        with path.open("rb") as file:
            pictures.read(file)
    except OSError as error:
        raise Refusal(f"{path}: {error.strerror or error}.", USAGE) from error
    except pictures.PictureError as error:
        raise Refusal(f"{path}: {error.message}", USAGE) from error
    return path.absolute()


def _port() -> int:
    """Return the port to serve at, if it is one and free."""
    port = given("PORT") or "8000"
    if not (port.isascii() and port.isdigit() and 0 < int(port) < 65536):
        raise Refusal(f"PORT must be a number from 1 to 65535, not {port!r}.", USAGE)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", int(port)))
        except OSError as error:
            hint = f"Choose another one, such as PORT={int(port) % 65535 + 1}."
            raise Refusal(f"Port {port} cannot be used: {error.strerror}. {hint}") from error
    return int(port)


@contextmanager
def _only_one(path: Path) -> Iterator[None]:
    """Hold the lock of this checkout: two systems on one database would fight over its jobs."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise Refusal("`make run` is already running in this checkout.") from error
        yield


def _prepare(commands: dict[str, parts.Command]) -> None:
    """Check the settings and bring the database up to date, before anything is started."""
    try:
        django.setup()
        BaseCommand().check()
        call_command("migrate", verbosity=0)
        if "valkey" not in commands:
            _ask_broker(given("REDIS_URL"))
    except SystemCheckError as error:
        raise Refusal(str(error).strip()) from error
    except OperationalError as error:
        raise Refusal(f"The database (DATABASE_URL) does not answer: {error}".strip()) from error
    except redis.RedisError as error:
        raise Refusal(f"The broker (REDIS_URL) does not answer: {error}") from error


def _ask_broker(url: str) -> None:
    with redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=5) as client:
        client.ping()


def _demo_account() -> dict[str, str]:
    """Return an API token, and the password where we know it, of the account `demo`.

    It is made with the first run, for the admin too where the database is ours. One that somebody
    else has made is left as it is.
    """
    from django.contrib.auth.models import User

    if not _DEMO_PASSWORD.exists():
        _DEMO_PASSWORD.touch(mode=0o600)
        _DEMO_PASSWORD.write_text(secrets.token_urlsafe(9))
    password = _DEMO_PASSWORD.read_text()
    is_ours = not given("DATABASE_URL")
    found = User.objects.filter(username="demo").first() or User.objects.create_user(
        "demo", password=password, is_staff=is_ours, is_superuser=is_ours
    )
    knows = found.check_password(password)
    if knows and not found.is_active:
        _switch(found, on=True)
    return _token(found) | ({"DEMO_PASSWORD": password} if knows else {})


def _close_demo_account() -> None:
    """Let nobody in by the account that a site in the default set-up has left in its database."""
    from django.contrib.auth.models import User

    found = User.objects.filter(username="demo", is_active=True).first()
    if found and _DEMO_PASSWORD.exists() and found.check_password(_DEMO_PASSWORD.read_text()):
        _switch(found, on=False)


def _switch(user: User, *, on: bool) -> None:
    user.is_active = on
    user.save()


def _guest() -> dict[str, str]:
    """Return an API token of an account for one photo, that nobody can sign in to."""
    from django.contrib.auth.models import User

    return _token(User.objects.create_user(f"demo-{secrets.token_hex(4)}"))


def _token(user: User) -> dict[str, str]:
    from jobs.models import ApiToken

    ApiToken.objects.filter(user=user, name="demo").delete()
    return {"DEMO_TOKEN": ApiToken.make(user=user, name="demo")}


def _loop(commands: dict[str, parts.Command], console: Console) -> int:
    """Run the commands until one ends or somebody says stop; then stop them all."""
    manager = Manager(console)
    for name, command in commands.items():
        manager.add_process(name, f"exec {shlex.join(command)}", cwd=str(BASE_DIR))
    # A closed terminal is a stop like any other.
    signal.signal(signal.SIGHUP, lambda *_: os.kill(os.getpid(), signal.SIGTERM))
    manager.loop()
    console.close()
    return abs(int(manager.returncode))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
