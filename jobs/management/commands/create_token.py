"""manage.py create_token USERNAME [--name NAME] [--scope SCOPE …] [--days DAYS]"""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError
from django.utils import timezone

from jobs.models import ApiToken, Scope

_DAYS = 365
_LONGEST_NAME = 100


class Command(BaseCommand):
    """Makes an API token and prints it, alone on its line, for scripts to pick up."""

    help = "Make an API token for a user and print it. It is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the user's name, what the token is for, and how long it is good."""
        parser.add_argument("username")
        parser.add_argument("--name", type=_name, default="", help="What the token is for.")
        scopes = "Give it this scope alone; several times for several. Default: all."
        parser.add_argument("--scope", action="append", choices=Scope.values, help=scopes)
        days = f"Days after which it expires; 0 for never. Default: {_DAYS}."
        parser.add_argument("--days", type=_days, default=_DAYS, help=days)

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token. Raises CommandError for an unknown user, and without a database."""
        try:
            self.stdout.write(_made(**options))
        except DatabaseError as error:
            hint = "`make run` prepares it, or manage.py migrate."
            raise CommandError(f"The database cannot be used: {error}. {hint}") from error


def _made(*, username: str, name: str, scope: list[str] | None, days: int, **options: Any) -> str:
    expires_at = timezone.now() + timedelta(days=days) if days else None
    return ApiToken.make(user=_user(username), name=name, scopes=scope, expires_at=expires_at)


def _user(name: str) -> User:
    try:
        user = User.objects.get_by_natural_key(name)
    except User.DoesNotExist as error:
        raise CommandError(f"There is no user named {name!r}.") from error
    if not user.is_active:
        raise CommandError(f"The account {name!r} is switched off.")
    return user


def _name(text: str) -> str:
    if len(text) <= _LONGEST_NAME and text.isprintable():
        return text
    raise ArgumentTypeError(f"up to {_LONGEST_NAME} characters are wanted, in one line.")


def _days(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 36500:
        return int(text)
    raise ArgumentTypeError("a whole number from 0 to 36500 is wanted.")
