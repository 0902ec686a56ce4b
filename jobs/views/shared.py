"""What the pages' views share."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.forms import BaseForm
from django.http import HttpRequest


def user_of(request: HttpRequest) -> User:
    """Return who is signed in; for views that ask for that."""
    assert request.user.is_authenticated
    return request.user


def status_of(form: BaseForm) -> int:
    """Return the answer's status: 400 where the form has errors."""
    return 400 if form.errors else 200
