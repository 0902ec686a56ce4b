"""What a server of ours tells of itself by GET /metrics."""

from __future__ import annotations

import re
import urllib.error
import urllib.request


def gauges(port: int) -> dict[str, float]:
    """Return what it says of the moment, and none of the sums, which only grow."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            text = answer.read().decode()
    except urllib.error.HTTPError:
        return {}
    names = set(re.findall(r"^# TYPE (photorestore_\w+) gauge", text, re.MULTILINE))
    samples = re.findall(r"^(photorestore_\w+)(\S*) (\S+)$", text, re.MULTILINE)
    found = {name + labels: float(value) for name, labels, value in samples if name in names}
    return found | {"opened and not closed": _sum(samples, "opened") - _sum(samples, "closed")}


def _sum(samples: list[tuple[str, str, str]], what: str) -> float:
    name = f"photorestore_streams_{what}_total"
    return sum(float(value) for found, _, value in samples if found == name)
