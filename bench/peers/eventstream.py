"""django-eventstream with Redis as its documents show it, in a Django without any middleware."""

from __future__ import annotations

import os

from django.conf import settings
from django.core.asgi import get_asgi_application
from django.http import HttpRequest, HttpResponse
from django.urls import include, path

settings.configure(
    SECRET_KEY="only for the benchmark",  # noqa: S106
    ALLOWED_HOSTS=["127.0.0.1"],
    ROOT_URLCONF=__name__,
    INSTALLED_APPS=["daphne", "django_eventstream"],
    EVENTSTREAM_REDIS={
        "host": "127.0.0.1",
        "port": int(os.environ["REDIS_PORT"]),
        "db": 0,
        # redis-py 8 would otherwise end its only listener after 5 quiet seconds.
        "socket_timeout": None,
    },
)
application = get_asgi_application()

from django_eventstream import send_event  # noqa: E402 - needs the settings


def publish(request: HttpRequest, id: str) -> HttpResponse:
    """Give the body to all who follow the job."""
    send_event(f"job-{id}", "progress", request.body.decode(), json_encode=False)
    return HttpResponse(status=202)


urlpatterns = [
    path("publish/<id>", publish),
    path("events/<id>", include("django_eventstream.urls"), {"format-channels": ["job-{id}"]}),
]
