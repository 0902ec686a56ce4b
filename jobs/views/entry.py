"""Who comes and goes: sign up, in and out, a forgotten password."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login, views
from django.contrib.auth.forms import SetPasswordForm
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ..accounts.forms import ResetForm, SignUpForm
from ..accounts.limits import limited
from .shared import status_of


@require_http_methods(["GET", "HEAD", "POST"])
@limited("sign-up")
def sign_up(request: HttpRequest) -> HttpResponse:
    """Make an account and sign in to it. Who is signed in has one."""
    if request.user.is_authenticated:
        return redirect("jobs:photos")
    form = SignUpForm(request.POST or None)
    if form.is_valid():
        login(request, form.save())
        return redirect("jobs:photos")
    return render(request, "registration/sign_up.html", {"form": form}, status=status_of(form))


@method_decorator(limited("sign-in", name="username", forgives=True), name="dispatch")
class SignIn(views.LoginView):
    """Sign in, from wherever one comes, the admin included."""

    redirect_authenticated_user = True


class SignOut(views.LogoutView):
    """Sign out, and leave nothing of what was seen in the browser's cache."""

    def post(self, request: HttpRequest, *args: object, **kwargs: object) -> HttpResponse:
        """Do so."""
        response = super().post(request, *args, **kwargs)
        response["Clear-Site-Data"] = '"cache"'
        return response


@method_decorator(limited("letter", name="email"), name="dispatch")
class Reset(views.PasswordResetView):
    """Ask for a link for a new password. The answer is the same for every address."""

    form_class = ResetForm
    success_url = reverse_lazy("jobs:reset-sent")


class ResetSent(views.PasswordResetDoneView):
    """Say that a letter is on its way, if there is somebody to get it."""


class ResetConfirm(views.PasswordResetConfirmView):
    """Choose the new password; whoever has the letter is signed in by that."""

    post_reset_login = True
    success_url = reverse_lazy("jobs:photos")

    def form_valid(self, form: SetPasswordForm[User]) -> HttpResponse:
        """Keep it and go on."""
        messages.success(self.request, _("You have a new password."))
        return super().form_valid(form)
