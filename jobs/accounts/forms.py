"""The accounts' forms; Django's own do the rest."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import PasswordResetForm, UserCreationForm
from django.contrib.auth.models import User
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from .. import tasks


class SignUpForm(UserCreationForm):
    """A new account. Nobody learns from it whose e-mail addresses are known here."""

    email = forms.EmailField(
        label=_("E-mail address (optional)"),
        required=False,
        help_text=_("Only for the day on which you forget your password."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    class Meta(UserCreationForm.Meta):
        model = User
        fields = ("username", "email")


class ResetForm(PasswordResetForm):
    """Whose password is forgotten. Whether there is such an account shows neither in the answer
    nor in the time that it takes: a task looks it up.
    """

    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Have a letter sent to the accounts of that address, if there are any."""
        tasks.send_reset.delay(email=self.cleaned_data["email"], language=get_language())


class PasswordForm(forms.Form):
    """Asks for the password once more before something that cannot be taken back."""

    password = forms.CharField(
        label=_("Your password"),
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )

    def __init__(self, user: User, *args: Any, **kwargs: Any) -> None:
        self.user = user
        super().__init__(*args, **kwargs)

    def clean_password(self) -> str:
        """Refuse any other password."""
        password: str = self.cleaned_data["password"]
        if not self.user.check_password(password):
            raise forms.ValidationError(_("This is not your password."), code="password_incorrect")
        return password


class EmailForm(PasswordForm):
    """Another e-mail address, or none."""

    email = forms.EmailField(
        label=_("New e-mail address"),
        required=False,
        help_text=_("Leave it empty to have none; then a forgotten password stays forgotten."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )
    field_order = ("email", "password")
