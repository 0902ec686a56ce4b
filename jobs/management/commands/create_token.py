"""manage.py create_token USERNAME"""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError, CommandParser

from jobs.models import ApiToken


class Command(BaseCommand):
    """Makes an API token and prints it, alone on its line, for scripts to pick up."""

    help = "Make an API token for a user and print it. It is shown this once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the user's name, and what the token is for."""
        parser.add_argument("username")
        parser.add_argument("--name", default="", help="What the token is for.")

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the token. Raises CommandError for an unknown user."""
        user_model = get_user_model()
        try:
            user = user_model.objects.get_by_natural_key(options["username"])
        except user_model.DoesNotExist as error:
            raise CommandError(f"There is no user named {options['username']!r}.") from error
        if not user.is_active:
            raise CommandError(f"The account {options['username']!r} is switched off.")
        self.stdout.write(ApiToken.make(user=user, name=options["name"]))
