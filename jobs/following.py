"""Who may follow which stream (EVENTS_AUTHORITY): asked in batches, when it opens and later."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session as SessionRow
from django.http import Http404
from django.utils import timezone
from django.utils.crypto import constant_time_compare
from rest_framework import exceptions

from events import grants, rows
from events.access import Access, Ask, Session, Token
from events.problems import Problem
from events.requests import Request

from . import streams
from .authentication import out_of_scope
from .models import ApiToken, Scope, hash_of
from .sessions import SessionStore, is_key

Who = Session | Token | grants.Grant

# Written out, as the log's statements are and for the same reason.
_OWNERS = rows.statement(
    "SELECT asked.key, owner.id, owner.is_active FROM {asked} {job} {owner}",
    job=rows.join(
        "job",
        "jobs_job",
        {
            "postgresql": "job.id = CAST(asked.key AS uuid)",
            "sqlite": "job.id = replace(asked.key, '-', '')",
        },
    ),
    owner=rows.join("owner", "auth_user", "owner.id = job.owner_id"),
)


class Owner(NamedTuple):
    """Whose a job is, by id, and whether that account is open."""

    user: int
    is_active: bool


_NOBODY = Owner(0, is_active=False)


def ask_of(request: Request, id: str | None) -> Ask:
    """Return who asks for the stream of that job, or of all their jobs; nothing is looked up.

    An API token in `Authorization`, else a grant in `?token=`, else the session's cookie. Raises
    NotAuthenticated or AuthenticationFailed.
    """
    try:
        return Ask(_who(request), id)
    except exceptions.APIException as error:
        error.auth_header = "Bearer"  # type: ignore[attr-defined]
        raise


def _who(request: Request) -> Who:
    if header := request.headers.get("authorization", ""):
        return Token(hash_of(_bearer(header)))
    if token := request.GET.get("token", ""):
        try:
            return grants.read(token)
        except grants.GrantError as error:
            raise exceptions.AuthenticationFailed(str(error)) from error
    key = request.COOKIES.get(settings.SESSION_COOKIE_NAME, "")
    if is_key(key):
        return Session(key)
    raise exceptions.NotAuthenticated


def _bearer(header: str) -> str:
    words = header.split()
    if len(words) != 2 or words[0].lower() != "bearer":
        raise exceptions.AuthenticationFailed("Authorization has to be: Bearer <API token>.")
    return words[1]


def answer(asks: Sequence[Ask]) -> list[Access | Exception]:
    """Return for each the stream that it may follow, or why not: one query for each kind of thing.

    NotAuthenticated for who is nobody (any more), Problem 403 for a token that is for less, Http404
    for what is not theirs.
    """
    owners = _owners({ask.id for ask in asks if ask.id is not None})
    users = _users({ask.who for ask in asks if not isinstance(ask.who, grants.Grant)})
    granted = {ask.who.user for ask in asks if isinstance(ask.who, grants.Grant)}
    active = _active(granted, owners.values())
    return [_answer(ask, _user_of(ask.who, users, active), owners) for ask in asks]


def _user_of(
    who: Who, users: Mapping[Who, int | Problem], active: Collection[int]
) -> int | Problem | None:
    if isinstance(who, grants.Grant):
        return who.user if who.user in active else None
    return users.get(who)


def _answer(
    ask: Ask, user: int | Problem | None, owners: Mapping[str, Owner]
) -> Access | Exception:
    if user is None:
        return _unknown(ask.who)
    if isinstance(user, Problem):
        return user
    name = everything = streams.owner_stream(user)
    if ask.id is not None:
        if owners.get(ask.id, _NOBODY).user != user:
            return Http404()
        name = streams.job_stream(ask.id)
    if isinstance(ask.who, grants.Grant) and not (
        name in ask.who.streams or everything in ask.who.streams
    ):
        return Http404()
    return Access(name, user)


def _unknown(who: Who) -> exceptions.APIException:
    error: exceptions.APIException = exceptions.NotAuthenticated()
    if isinstance(who, Token):
        error = exceptions.AuthenticationFailed("This API token is not valid (any more).")
    elif isinstance(who, grants.Grant):
        error = exceptions.AuthenticationFailed("This grant's account is closed.")
    error.auth_header = "Bearer"  # type: ignore[attr-defined]
    return error


def _owners(ids: Collection[str]) -> dict[str, Owner]:
    """Return whose the jobs are."""
    if not ids:
        return {}
    keys = dict.fromkeys(ids, 0)
    return {id: Owner(user, bool(active)) for id, user, active in rows.of(_OWNERS, keys)}


def _active(ids: Collection[int], owners: Iterable[Owner]) -> set[int]:
    """Return those users whose account is open; of the owners that is known already."""
    known = {owner.user: owner.is_active for owner in owners}
    active = {user for user, is_active in known.items() if is_active}
    if unknown := set(ids) - known.keys():
        found = User.objects.filter(pk__in=unknown, is_active=True)
        active.update(found.values_list("pk", flat=True))
    return active


def _users(whos: set[Who]) -> dict[Who, int | Problem]:
    """Return the active user of each who has one, or why they may follow nothing all the same."""
    return _by_token(whos) | _by_session(whos)


def _by_token(whos: Iterable[Who]) -> dict[Who, int | Problem]:
    hashes = [who.hash for who in whos if isinstance(who, Token)]
    if not hashes:
        return {}
    now = timezone.now()
    tokens = ApiToken.objects.valid(now=now).filter(token_hash__in=hashes).in_bulk()
    ApiToken.objects.note_use(tokens.values(), now=now)
    return {Token(token.token_hash): _user(token) for token in tokens.values()}


def _user(token: ApiToken) -> int | Problem:
    return token.user_id if Scope.EVENTS in token.scopes else out_of_scope(Scope.EVENTS)


def _by_session(whos: Iterable[Who]) -> dict[Who, int | Problem]:
    """Do for many sessions what django.contrib.auth.get_user does for one."""
    keys = [who.key for who in whos if isinstance(who, Session)]
    if not keys:
        return {}
    rows = SessionRow.objects.filter(session_key__in=keys, expire_date__gt=timezone.now())
    decode = SessionStore().decode
    contents = {row.session_key: decode(row.session_data) for row in rows}
    users = _signed_in(contents.values())
    return {
        Session(key): user.pk
        for key, content in contents.items()
        if (user := users.get(str(content.get(SESSION_KEY)))) and _is_of(content, user)
    }


def _signed_in(contents: Iterable[Mapping[str, Any]]) -> dict[str, User]:
    ids = {content[SESSION_KEY] for content in contents if SESSION_KEY in content}
    users = User.objects.filter(pk__in=ids, is_active=True)
    return {str(user.pk): user for user in users} if ids else {}


def _is_of(content: Mapping[str, Any], user: User) -> bool:
    """Tell whether the session is one of ours, and from before no change of the password."""
    if content.get(BACKEND_SESSION_KEY) not in settings.AUTHENTICATION_BACKENDS:
        return False
    found = content.get(HASH_SESSION_KEY, "")
    hashes = (user.get_session_auth_hash(), *user.get_session_auth_fallback_hash())
    return any(constant_time_compare(found, hash) for hash in hashes)
