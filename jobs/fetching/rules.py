"""Which addresses may be called, judged by their text: before anybody looks up a name."""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, quote, urlsplit

from django.http.request import validate_host
from django.utils.translation import gettext_noop

PORTS = {"http": 80, "https": 443}
_ASCII = "".join(map(chr, range(0x80)))
_NAME = re.compile(r"[a-z0-9]([a-z0-9_.-]*[a-z0-9])?")
# Names that lead into the machine or its network wherever they are asked for.
_INSIDE = (".localhost", ".local", ".localdomain", ".internal", ".intranet", ".lan", ".home.arpa")
# What Python 3.11 takes for global and is not ours to call: RFC 6890's protocol assignments,
# 6to4 relays, and the address at which Azure's machines find their own host.
_RESERVED = [
    ipaddress.ip_network(text) for text in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")
]
# Only here do IPv6's public hosts live, beside 6to4, which carries an IPv4 address, and examples.
_GLOBAL_UNICAST = ipaddress.ip_network("2000::/3")
_NOT_UNICAST = [ipaddress.ip_network(text) for text in ("2002::/16", "2001::/23", "3fff::/20")]

_NOT_HTTPS = gettext_noop("This is no address that we call: it does not begin with https://.")
NOT_PUBLIC = gettext_noop("This is no address that we call: it does not lead to a public host.")
_NOT_WRITTEN = gettext_noop("This is no address that we call: it is not written as one.")
_HAS_USER = gettext_noop("This is no address that we call: it has a user's name in it.")
_NO_HOST = gettext_noop("This is no address that we call: it names no host.")
_NO_PORT = gettext_noop("This is no address that we call: its port is none.")
NOT_FOUND = gettext_noop("The host is not found.")
SILENT = gettext_noop("The address does not answer.")
TOO_SLOW = gettext_noop("The address takes too long.")


class FetchError(Exception):
    """An address was not called, or gave no answer that we take.

    `code` for programs, `message` for people, to be translated; `about` what, for operators.
    `transient`: it may do later, after `retry_after` seconds if that is known.
    """

    def __init__(
        self,
        code: str,
        message: str,
        *,
        about: str = "",
        transient: bool = False,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(f"{message} ({about})" if about else message)
        self.code = code
        self.message = message
        self.transient = transient
        self.retry_after = retry_after


@dataclass(frozen=True)
class Rules:
    """What may be called, and how much of it is taken in.

    `hosts` are names as in ALLOWED_HOSTS, called by https and at public addresses alone.
    `origins`, such as http://127.0.0.1:9000, are called as they are, wherever they lead. `seconds`
    are for all of a call, its redirects included.
    """

    max_bytes: int
    seconds: float
    hosts: Sequence[str] = ("*",)
    origins: Sequence[str] = ()
    redirects: int = 3

    @classmethod
    def of(cls, entries: Iterable[str], *, max_bytes: int, seconds: float) -> Self:
        """Return the rules of a setting that lists hosts and origins."""
        given = [entry.strip().lower().rstrip("/") for entry in entries]
        return cls(
            max_bytes=max_bytes,
            seconds=seconds,
            hosts=[entry for entry in given if entry and "://" not in entry],
            origins=[entry for entry in given if "://" in entry],
        )


@dataclass(frozen=True)
class Target:
    """An address that may be called; `is_trusted` wherever its name leads."""

    scheme: str
    host: str
    port: int
    path: str
    is_trusted: bool

    @property
    def authority(self) -> str:
        """The host as the Host header has it."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if PORTS[self.scheme] == self.port else f"{host}:{self.port}"


def check(url: str, *, rules: Rules) -> Target:
    """Return what the address names. Raises FetchError where the rules do not allow it.

    `bad_url` for what no rules allow but by its origin, `host_not_allowed` for what these do not.
    """
    parts = _split(url)
    target = _target(parts)
    if f"{target.scheme}://{target.authority}" in rules.origins:
        return Target(target.scheme, target.host, target.port, target.path, is_trusted=True)
    if target.scheme != "https":
        raise _bad(_NOT_HTTPS)
    if not _may_be_public(target.host):
        raise _bad(NOT_PUBLIC)
    if not validate_host(target.host, list(rules.hosts)):
        message = gettext_noop("This host is not among those that are allowed.")
        raise FetchError("host_not_allowed", message, about=target.host)
    return target


def _split(url: str) -> SplitResult:
    """Take the address apart, as one that has nothing in it that parsers disagree about."""
    # Beyond ASCII, a name becomes one that no host has; a path is encoded as browsers do it.
    encoded = quote(url, safe=_ASCII, errors="replace")
    if not re.fullmatch(r"[!-~]+", encoded) or "\\" in encoded or len(encoded) > 8192:
        raise _bad(_NOT_WRITTEN)
    try:
        return urlsplit(encoded)
    except ValueError as error:
        raise _bad(_NOT_WRITTEN) from error


def _target(parts: SplitResult) -> Target:
    if parts.scheme not in PORTS:
        raise _bad(_NOT_HTTPS)
    if "@" in parts.netloc:
        raise _bad(_HAS_USER)
    host = (parts.hostname or "").removesuffix(".")
    if not _NAME.fullmatch(host) and not _is_ipv6(host):
        raise _bad(_NO_HOST)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, _port(parts), path, is_trusted=False)


def _port(parts: SplitResult) -> int:
    try:
        port = parts.port
    except ValueError as error:
        raise _bad(_NO_PORT) from error
    if port == 0:
        raise _bad(_NO_PORT)
    return port or PORTS[parts.scheme]


def _is_ipv6(host: str) -> bool:
    try:
        return ipaddress.IPv6Address(host).scope_id is None
    except ValueError:
        return False


def _bad(message: str) -> FetchError:
    return FetchError("bad_url", message)


def _may_be_public(host: str) -> bool:
    """Judge the name, or the address that it spells in one of the ways that C libraries read."""
    try:
        return is_public(str(ipaddress.ip_address(host)))
    except ValueError:
        pass
    try:
        return is_public(socket.inet_ntoa(socket.inet_aton(host)))
    except OSError:
        return "." in host and not host.endswith(_INSIDE)


def is_public(address: str) -> bool:
    """Tell whether the IP address is a public host's: not private, local, reserved or a tunnel's.

    An IPv6 address that carries an IPv4 address is none: it leads wherever that one does.
    """
    ip = ipaddress.ip_address(address)
    if not ip.is_global or ip.is_multicast or ip.is_reserved:
        return False
    if ip.version == 4:
        return not any(ip in network for network in _RESERVED)
    return ip in _GLOBAL_UNICAST and not any(ip in network for network in _NOT_UNICAST)
