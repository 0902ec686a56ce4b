"""The addresses of streams."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "events"
urlpatterns = [
    path("events", views.stream, name="mine"),
    path("events/<uuid:id>", views.stream, name="one"),
]
