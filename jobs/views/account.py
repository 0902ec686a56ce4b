"""My account: who I am here, what I take with me, and the end of it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import logout, views
from django.contrib.auth.decorators import login_required
from django.contrib.auth.forms import PasswordChangeForm
from django.contrib.auth.models import User
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse_lazy
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_safe

from .. import mails, tasks
from ..accounts import export, leaving
from ..accounts.forms import EmailForm, PasswordForm
from ..accounts.limits import limited
from ..archives import archive
from .shared import form_only, status_of, user_of


@login_required
@require_safe
def account(request: HttpRequest) -> HttpResponse:
    """Show what there is to know and to do about my account."""
    return render(request, "account/account.html")


@method_decorator(limited("sign-in", forgives=True), name="dispatch")
class ChangePassword(views.PasswordChangeView):
    """Choose another password. Every other session ends, and with it its streams."""

    template_name = "account/password.html"
    success_url = reverse_lazy("jobs:account")

    def form_valid(self, form: PasswordChangeForm) -> HttpResponse:
        """Keep it and go back."""
        messages.success(self.request, _("You have a new password."))
        return super().form_valid(form)


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@limited("letter")
@limited("sign-in", forgives=True)
def change_email(request: HttpRequest) -> HttpResponse:
    """Ask for another e-mail address, which a letter to it confirms, or for none at all."""
    user = user_of(request)
    form = EmailForm(user, request.POST or None, initial={"email": user.email})
    if not form.is_valid():
        return render(request, "account/email.html", {"form": form}, status=status_of(form))
    if email := form.cleaned_data["email"]:
        tasks.send_confirmation.delay(user_id=user.pk, email=email, language=get_language())
        messages.success(request, _("Follow the link in the letter that we have sent you."))
    else:
        _set_email(request, "")
    return redirect("jobs:account")


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_email(request: HttpRequest, token: str) -> HttpResponse:
    """Ask whether the address that the letter went to shall be mine; then make it so."""
    email = mails.confirmed(token, user=user_of(request))
    if email and request.method == "POST":
        _set_email(request, email)
        return redirect("jobs:account")
    status = 200 if email else 400
    return render(request, "account/confirm_email.html", {"email": email}, status=status)


def _set_email(request: HttpRequest, email: str) -> None:
    """Keep the address, and tell the one before, in case that it was not its owner who did this."""
    user = user_of(request)
    with transaction.atomic():
        old = User.objects.select_for_update().get(pk=user.pk).email
        User.objects.filter(pk=user.pk).update(email=email)
        if old and old != email:
            letter = {"email": old, "username": user.username, "language": get_language()}
            # robust: with the broker down the address has changed all the same.
            transaction.on_commit(lambda: _send_farewell(letter), robust=True)
    messages.success(request, _("Your e-mail address was changed."))


def _send_farewell(letter: dict[str, str]) -> None:
    tasks.send_farewell.delay(**letter)


@form_only
@limited("export")
def export_data(request: HttpRequest) -> HttpResponseBase:
    """Send everything that is kept of me, as a ZIP archive that is made while it is sent."""
    name = f"photorestore-{timezone.localdate()}.zip"
    return StreamingHttpResponse(
        archive(export.entries(user_of(request))),
        content_type="application/zip",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-store",
        },
    )


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
@limited("sign-in", forgives=True)
def delete_account(request: HttpRequest) -> HttpResponse:
    """Ask for the password; then close my account and have everything in it deleted."""
    user = user_of(request)
    form = PasswordForm(user, request.POST or None)
    if not form.is_valid():
        context = {"form": form, "count": user.photos.count()}
        return render(request, "account/delete.html", context, status=status_of(form))
    leaving.leave(user=user)
    logout(request)
    messages.success(request, _("Your account is closed. Everything in it is being deleted."))
    return redirect("jobs:login")
