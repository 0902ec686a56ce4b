"""How often one may try: so many times at once, then again after a while."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from functools import wraps
from ipaddress import IPv6Address, ip_address, ip_network
from math import ceil
from secrets import token_hex
from typing import Any

from django.conf import settings
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import F
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.utils import timezone
from django.utils.crypto import constant_time_compare, salted_hmac

from ..models import Allowance

View = Callable[..., HttpResponseBase]

_COOKIE = "browser"
_YEAR = timedelta(days=365)
_signer = Signer(salt="jobs.accounts.limits.browser")


def limited(what: str, *, name: str = "", forgives: bool = False) -> Callable[[View], View]:
    """Answer 429, and do no more, to a form that is sent more often than ACCOUNTS_LIMITS says.

    Counted are the address it comes from and the name that it is about: of who is signed in, or
    what the field `name` holds. With `forgives`, for forms that ask for the password, what has
    succeeded does not count, and the browser has tries of its own from then on.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def inner(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if request.method != "POST":
                return view(request, *args, **kwargs)
            keys = dict(_keys(what, request, name))
            if wait := _take(what, keys):
                return _refusal(request, wait)
            response = view(request, *args, **kwargs)
            if forgives and response.status_code == 302:
                _give_back(what, keys)
                _remember(request, response)
            return response

        return inner

    return decorate


def _keys(what: str, request: HttpRequest, field: str) -> Iterator[tuple[str, str]]:
    """Yield the key of each limit. No address and no name is kept, only what is made of them."""
    name = _name(request, field)
    subjects = {"address": _network(request), "name": f"{name} {_browser(request, name)}"}
    for kind in settings.ACCOUNTS_LIMITS[what]:
        subject = f"{what} {kind} {subjects[kind]}"
        yield kind, salted_hmac("jobs.accounts.limits", subject, algorithm="sha256").hexdigest()


def _network(request: HttpRequest) -> str:
    """Return who asks: an address, or the network of 2^64 that a home gets of IPv6."""
    address = request.META.get("REMOTE_ADDR", "")
    with suppress(ValueError):
        found = ip_address(address)
        if isinstance(found, IPv6Address):
            if found.ipv4_mapped:
                return str(found.ipv4_mapped)
            return str(ip_network((found, 64), strict=False))
    return str(address)


def _name(request: HttpRequest, field: str) -> str:
    if request.user.is_authenticated:
        return request.user.get_username().casefold()
    return unicodedata.normalize("NFKC", request.POST.get(field, "").strip()).casefold()


def _browser(request: HttpRequest, name: str) -> str:
    """Return what tells the browser from all others if somebody has signed in with it by that name.

    While others guess at a name, who is at home there is not locked out.
    """
    with suppress(BadSignature, ValueError):
        owner, browser = _signer.unsign(request.COOKIES.get(_COOKIE, "")).split(".")
        if constant_time_compare(owner, _hash_of(name)):
            return browser
    return ""


def _hash_of(name: str) -> str:
    return salted_hmac("jobs.accounts.limits.browser", name, algorithm="sha256").hexdigest()


def _remember(request: HttpRequest, response: HttpResponseBase) -> None:
    name = _name(request, "")
    if name and not _browser(request, name):
        response.set_cookie(
            _COOKIE,
            _signer.sign(f"{_hash_of(name)}.{token_hex(16)}"),
            max_age=_YEAR,
            secure=settings.SESSION_COOKIE_SECURE,
            httponly=True,
            samesite="Lax",
        )


def _take(what: str, keys: dict[str, str]) -> timedelta | None:
    """Count one more try; return how long to wait where that is one too many."""
    waits = [_spend(key, *settings.ACCOUNTS_LIMITS[what][kind]) for kind, key in keys.items()]
    return max((wait for wait in waits if wait), default=None)


@transaction.atomic
def _spend(key: str, most: int, seconds: float) -> timedelta | None:
    """Spend one of `most` tries, of which one comes back each so many seconds."""
    now, each = timezone.now(), timedelta(seconds=seconds)
    Allowance.objects.bulk_create([Allowance(key=key, spent_until=now)], ignore_conflicts=True)
    found = Allowance.objects.select_for_update().get(key=key)
    spent_until = max(found.spent_until, now) + each
    if spent_until > now + most * each:
        return spent_until - now - most * each
    found.spent_until = spent_until
    found.save()
    return None


def _give_back(what: str, keys: dict[str, str]) -> None:
    for kind, key in keys.items():
        _, seconds = settings.ACCOUNTS_LIMITS[what][kind]
        back = timedelta(seconds=seconds)
        Allowance.objects.filter(key=key).update(spent_until=F("spent_until") - back)


def _refusal(request: HttpRequest, wait: timedelta) -> HttpResponse:
    seconds = ceil(wait.total_seconds())
    response = render(request, "429.html", {"minutes": ceil(seconds / 60)}, status=429)
    response["Retry-After"] = str(seconds)
    return response
