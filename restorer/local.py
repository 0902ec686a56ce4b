"""A local endpoint that speaks RunPod's /v2 API: `python -m restorer.local --port 9000`."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn, TypeVar

import uvicorn

from restorer import handler, local_faults
from restorer.local_access import Settings
from restorer.local_app import create_app
from restorer.local_faults import Faults
from restorer.local_webhook import GAP

logger = logging.getLogger("restorer.local")

Number = TypeVar("Number", int, float)

GRACE = 1  # seconds a request may go on after SIGTERM

_HELP = """\
environment:
  RUNPOD_API_KEY             the key that callers must send
  RUNPOD_ENDPOINT_ID         the endpoint's name; default: local
  RESTORER_WORKERS           photos at once; default: 1
  RESTORER_WEBHOOK_GAP       seconds between two calls of a webhook; default: 10
  LOCAL_ENDPOINT_FAULT       as --fault
  LOCAL_ENDPOINT_FAULT_FILE  a file that says what the next job alone shall meet, and is removed

faults, for one job also as "fault" in its input:
{faults}
"""


def main() -> None:
    """Serve the restorer until SIGTERM; exits 2 if the environment is wrong."""
    arguments = _arguments()
    settings = _settings(os.environ, arguments.fault)
    logging.basicConfig(level=logging.WARNING)
    # It logs whole URLs, and those of webhooks and photos are secrets.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    _announce(settings.faults)
    _leave_at_once_when_served()
    app = create_app(handler.run, settings)
    uvicorn.run(
        app,
        host=arguments.host,
        port=arguments.port,
        log_level="warning",
        access_log=False,
        ws="none",
        timeout_graceful_shutdown=GRACE,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m restorer.local",
        description=__doc__,
        epilog=_HELP.format(faults=local_faults.table()),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9000)
    parser.add_argument("--fault", help="what every job shall meet: one below, or several with +")
    return parser.parse_args()


def _settings(environment: Mapping[str, str], fault: str | None) -> Settings:
    key = environment.get("RUNPOD_API_KEY", "")
    if not key:
        _refuse("RUNPOD_API_KEY is not set: choose the key that callers must send")
    return Settings(
        key=key,
        endpoint=environment.get("RUNPOD_ENDPOINT_ID") or "local",
        workers=_number(environment, "RESTORER_WORKERS", int, default=1, least=1),
        webhook_gap=_number(environment, "RESTORER_WEBHOOK_GAP", float, default=GAP, least=0),
        faults=_faults(fault or environment.get("LOCAL_ENDPOINT_FAULT", "")),
        fault_file=_path(environment.get("LOCAL_ENDPOINT_FAULT_FILE", "")),
    )


def _faults(text: str) -> Faults:
    try:
        return local_faults.parse(text) if text else local_faults.NONE
    except ValueError as error:
        _refuse(f"LOCAL_ENDPOINT_FAULT: {error}")


def _announce(faults: Faults) -> None:
    for fault in sorted(faults):
        logger.warning("every job meets %s: %s", fault, fault.does)


def _path(text: str) -> Path | None:
    return Path(text) if text else None


def _number(
    environment: Mapping[str, str], name: str, kind: type[Number], *, default: Number, least: Number
) -> Number:
    text = environment.get(name) or str(default)
    try:
        number = kind(text)
    except ValueError:
        _refuse(f"{name} must be a number, not {text!r}")
    if not least <= number < float("inf"):
        _refuse(f"{name} must be at least {least}, not {text}")
    return number


def _refuse(reason: str) -> NoReturn:
    sys.stderr.write(f"restorer.local: {reason}\n")
    sys.exit(2)


def _leave_at_once_when_served() -> None:
    # uvicorn closes down first and then raises the signal again, for us. A thread that is
    # deep in OpenCV would abort the interpreter's own way out, so a running restore is cut off.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: os._exit(0))


if __name__ == "__main__":
    main()
