"""One call by HTTP, within its rules from the first name to the last byte."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from urllib.parse import urljoin

import httpcore2

from .. import waits
from .network import Backend, Deadline
from .rules import SILENT, FetchError, Rules, Target, check

_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Answer:
    """What the other side said; the names of `headers` are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def get(url: str, *, rules: Rules) -> bytes:
    """Return what is at the address. Raises FetchError, for any status but 200, too."""
    answer = send("GET", url, rules=rules)
    if answer.status == 200:
        return answer.body
    message = f"The address answers with status {answer.status}."
    wait = waits.asked(answer.headers.get("retry-after"))
    # Whatever it is: stores have said 403 and 404 of what they had a moment later.
    raise FetchError("unreachable", message, transient=True, retry_after=wait)


def send(
    method: str,
    url: str,
    *,
    rules: Rules,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    cut: bool = False,
) -> Answer:
    """Call the address and return its answer, whatever its status. Raises FetchError.

    Only a GET follows redirects, each judged like the first address, and without `headers`. An
    answer beyond `rules.max_bytes` is an error, or `cut` there.
    """
    deadline = Deadline(rules.seconds)
    call = _Call(method, dict(headers or {}), content, rules.max_bytes, cut)
    for _ in range(rules.redirects + 1):
        target = check(url, rules=rules)
        answer = _exchange(call, target, deadline)
        location = answer.headers.get("location")
        if method != "GET" or answer.status not in _REDIRECTS or location is None:
            return answer
        url, call = urljoin(url, location), replace(call, headers={})
        # What strangers answer leads nobody to where only the settings may.
        rules = rules if target.is_trusted else replace(rules, origins=())
    raise FetchError("unreachable", "The address leads to another again and again.")


@dataclass(frozen=True)
class _Call:
    """What stays the same from one redirect to the next."""

    method: str
    headers: Mapping[str, str]
    content: bytes | None
    max_bytes: int
    cut: bool


def _exchange(call: _Call, target: Target, deadline: Deadline) -> Answer:
    backend = Backend(deadline=deadline, is_trusted=target.is_trusted)
    url = httpcore2.URL(
        scheme=target.scheme, host=target.host, port=target.port, target=target.path
    )
    headers = _headers(call, target)
    try:
        with (
            httpcore2.ConnectionPool(ssl_context=_tls(), network_backend=backend) as pool,
            pool.stream(call.method, url, headers=headers, content=call.content) as response,
        ):
            return Answer(response.status, _texts(response.headers), _body(response, call))
    except (httpcore2.NetworkError, httpcore2.ProtocolError, httpcore2.TimeoutException) as error:
        raise FetchError("unreachable", SILENT, transient=True) from error


def _headers(call: _Call, target: Target) -> list[tuple[str | bytes, str | bytes]]:
    # The size is bounded as it comes over the wire: nothing may grow while it is unpacked.
    ours = {"Host": target.authority, "User-Agent": "PhotoRestore", "Accept-Encoding": "identity"}
    if call.content is not None:
        ours["Content-Length"] = str(len(call.content))
    return [*(ours | dict(call.headers)).items()]


def _texts(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1").lower(): text.decode("latin-1") for name, text in headers}


@cache
def _tls() -> ssl.SSLContext:
    return httpcore2.default_ssl_context()


def _body(response: httpcore2.Response, call: _Call) -> bytes:
    received = bytearray()
    for chunk in response.iter_stream():
        received += chunk
        if len(received) > call.max_bytes:
            if call.cut:
                break
            megabytes = f"{call.max_bytes / 1024**2:g}"
            raise FetchError("too_large", f"The address has more than {megabytes} MB.")
    return bytes(received[: call.max_bytes])
