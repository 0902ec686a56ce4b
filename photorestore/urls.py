"""Every address of the site."""

from __future__ import annotations

from django.contrib import admin
from django.templatetags.static import static
from django.urls import include, path
from django.utils.functional import lazy
from django.views.decorators.http import require_safe
from django.views.generic import RedirectView
from django.views.i18n import set_language

from . import health, monitoring, staff

handler400 = "photorestore.errors.bad_request"
handler403 = "photorestore.errors.permission_denied"
handler404 = "photorestore.errors.not_found"
handler500 = "photorestore.errors.server_error"

urlpatterns = [
    # First, since a browser waits for what they bring: finding an address takes time.
    path("api/v1/", include("webhooks.urls")),
    path("", include("jobs.urls")),
    path("api/v1/", include("jobs.api.urls")),
    path("api/v1/", include("events.urls")),
    # The admin names no icon, and browsers then ask for this one.
    path("favicon.ico", RedirectView.as_view(url=lazy(static, str)("jobs/favicon.svg"))),
    path("language/", set_language, name="set-language"),
    path("admin/login/", staff.sign_in),
    path("admin/", admin.site.urls),
    path("metrics", monitoring.metrics),
    # Under a server that does not know photorestore.health.Health.
    path("livez", require_safe(health.live)),
    path("readyz", require_safe(health.ready)),
]
