"""My API tokens: which there are, new ones, their end."""

from __future__ import annotations

from datetime import timedelta

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from ..forms import TokenForm
from ..models import ApiToken
from .shared import form_only, status_of, user_of


@login_required
@require_http_methods(["GET", "HEAD", "POST"])
def tokens(request: HttpRequest) -> HttpResponse:
    """Show my tokens and the form for a new one, which is shown with the answer and never again."""
    form = TokenForm(request.POST or None)
    token = _made(request, form) if form.is_valid() else ""
    context = {
        "form": TokenForm() if token else form,
        "token": token,
        "tokens": ApiToken.objects.filter(user=user_of(request)),
        "now": timezone.now(),
    }
    response = render(request, "account/tokens.html", context, status=status_of(form))
    response["Cache-Control"] = "no-store"
    return response


def _made(request: HttpRequest, form: TokenForm) -> str:
    given, days = form.cleaned_data, int(form.cleaned_data["days"])
    return ApiToken.make(
        user=user_of(request),
        name=given["name"],
        scopes=given["scopes"],
        expires_at=timezone.now() + timedelta(days=days),
    )


@form_only
def revoke(request: HttpRequest, token_id: int) -> HttpResponse:
    """Let the token open nothing any more; streams that rest on it end within seconds."""
    get_object_or_404(ApiToken, pk=token_id, user=user_of(request)).delete()
    messages.success(request, _("The token opens nothing any more."))
    return redirect("jobs:tokens")
