"""Letters to people, in the language in which they asked."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.forms import PasswordResetForm
from django.contrib.auth.models import User
from django.contrib.auth.tokens import default_token_generator
from django.core import signing
from django.core.mail import send_mail
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode

_SALT = "jobs.mails.address"
_GOOD_FOR = 24 * 3600  # seconds that a new address may be confirmed in


def send_reset(*, email: str, language: str) -> None:
    """Send a link for a new password to every account of that address; to none where none is."""
    for user in PasswordResetForm().get_users(email):
        uid = urlsafe_base64_encode(force_bytes(user.pk))
        arguments = [uid, default_token_generator.make_token(user)]
        link = _link("jobs:reset-confirm", *arguments)
        _send(user.email, "reset", language, user=user, link=link)


def send_confirmation(*, user_id: int, email: str, language: str) -> None:
    """Send a link to the new address of the account, which it has once that was followed."""
    user = User.objects.filter(pk=user_id).first()
    if user is not None:
        token = signing.dumps([user.pk, user.email, email], salt=_SALT, compress=True)
        _send(email, "confirm", language, user=user, link=_link("jobs:confirm-email", token))


def send_farewell(*, email: str, username: str, language: str) -> None:
    """Tell an address that it is no longer the account's."""
    _send(email, "changed", language, username=username)


def confirmed(token: str, *, user: User) -> str | None:
    """Return the new address that the token confirms; None where it is not, or no longer, for that.

    It is good for a day, for that account, and until its address has changed.
    """
    try:
        pk, old, new = signing.loads(token, salt=_SALT, max_age=_GOOD_FOR)
    except (signing.BadSignature, ValueError):
        return None
    return new if (pk, old) == (user.pk, user.email) else None


def _link(name: str, *arguments: str) -> str:
    # By PUBLIC_URL and not by the request, whose Host anybody may choose.
    return settings.PUBLIC_URL + reverse(name, args=arguments)


def _send(to: str, letter: str, language: str, **context: Any) -> None:
    with translation.override(language):
        subject = render_to_string(f"mails/{letter}_subject.txt", context)
        text = render_to_string(f"mails/{letter}.txt", context)
        send_mail(" ".join(subject.split()), text, None, [to])
