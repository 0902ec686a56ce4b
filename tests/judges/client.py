"""What RunPod's Python client makes of an endpoint: run by the judges' Python, prints JSON."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

import runpod


def main() -> dict[str, Any]:
    """Call everything that the client knows; the endpoint has one worker, held up at the end."""
    key = os.environ["RUNPOD_API_KEY"]
    endpoint = runpod.Endpoint("local", api_key=key)
    answer = {"image": "x"}
    ran = endpoint.run({"answer": answer})
    failed = endpoint.run({"answer": {"error": "no face found"}})
    found = {
        "run": ran.output(timeout=100),
        "status": ran.status(),
        "stream": [*ran.stream()],
        "run_sync": endpoint.run_sync({"answer": answer}, timeout=100),
        "failed": [failed.output(timeout=100), failed.status()],
        "unknown_job": refusal(runpod.endpoint.Job("local", "none", endpoint.rp_client).status),
        "unknown_endpoint": refusal(lambda: runpod.Endpoint("other", api_key=key).health()),
        "wrong_key": refusal(lambda: runpod.Endpoint("local", api_key="wrong").health()),
        "bad_request": refusal(lambda: endpoint.run({"input": "text"})),
    }
    held, waiting = endpoint.run({"hold": True}), endpoint.run({"hold": True})
    return found | {
        "health": endpoint.health(),
        "purged": [endpoint.purge_queue(), waiting.status()],
        "cancelled": [held.cancel(), held.status(), held.output()],
    }


def refusal(call: Callable[[], Any]) -> str:
    """Return the error that the call ends with."""
    try:
        return f"no error: {call()}"
    except Exception as error:
        return f"{type(error).__name__}: {error}"


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main()))
