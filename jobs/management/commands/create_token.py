"""manage.py create_token USERNAME [--name NAME] [--scope SCOPE …] [--days DAYS]"""

from __future__ import annotations

from argparse import ArgumentTypeError
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser
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
        """Print the token. Raises CommandError for an unknown user."""
        user_model = get_user_model()
        try:
            user = user_model.objects.get_by_natural_key(options["username"])
        except user_model.DoesNotExist as error:
            raise CommandError(f"There is no user named {options['username']!r}.") from error
        if not user.is_active:
            raise CommandError(f"The account {options['username']!r} is switched off.")
        days = options["days"]
        token = ApiToken.make(
            user=user,
            name=options["name"],
            scopes=options["scope"],
            expires_at=timezone.now() + timedelta(days=days) if days else None,
        )
        self.stdout.write(token)


def _name(text: str) -> str:
    if len(text) <= _LONGEST_NAME and text.isprintable():
        return text
    raise ArgumentTypeError(f"up to {_LONGEST_NAME} characters are wanted, in one line.")


def _days(text: str) -> int:
    if text.isascii() and text.isdigit() and int(text) <= 36500:
        return int(text)
    raise ArgumentTypeError("a whole number from 0 to 36500 is wanted.")
