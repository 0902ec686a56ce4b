"""What a run was made on and with."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from importlib.metadata import version
from pathlib import Path

from .services import Services
from .systems import PYTHON, nginx_path

_OURS = ("uvicorn", "Django", "channels-redis", "redis", "psycopg", "daphne")
_PEERS = ("sse-starlette", "starlette", "django-eventstream", "granian")


def facts(services: Services) -> dict[str, str]:
    """Return the machine's properties and the versions of all that took part."""
    return {
        "CPU": f"{_cpu()}, {os.cpu_count()} cores",
        "Kernel": f"{platform.system()} {platform.release()}",
        "Python": platform.python_version(),
        **services.versions(),
        **{name: version(name) for name in _OURS},
        **_peers(),
        **_nginx(),
    }


def _cpu() -> str:
    found = re.search(r"^model name\s*: (.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _peers() -> dict[str, str]:
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    return dict(zip(_PEERS, _output(PYTHON, "-c", code, *_PEERS).split(), strict=True))


def _nginx() -> dict[str, str]:
    if not (nginx := nginx_path()):
        return {}
    found = {"nginx": _output(nginx, "-v").strip().rpartition("/")[2]}
    query = ("dpkg-query", "--show", "--showformat", "${Version}", "libnginx-mod-nchan")
    return found | {"nchan": _output(*query)}


def _output(*command: str) -> str:
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    return answer.stdout or answer.stderr
