"""The addresses that RunPod and our worker call."""

from __future__ import annotations

from django.urls import path

from . import views

app_name = "webhooks"
urlpatterns = [
    path(
        "webhooks/runpod-completion/<str:token>",
        views.RunPodCompletion.as_view(),
        name="runpod-completion",
    ),
    path(
        "webhooks/runpod-upload/<int:attempt_id>",
        views.RunPodUpload.as_view(),
        name="runpod-upload",
    ),
    path(
        "webhooks/runpod-progress/<str:token>",
        views.RunPodProgress.as_view(),
        name="runpod-progress",
    ),
]
