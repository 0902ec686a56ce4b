"""The addresses of the API, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from . import api

app_name = "api"
urlpatterns = [
    path("photos", api.PhotoList.as_view(), name="photos"),
    path("photos/<uuid:photo_id>", api.PhotoDetail.as_view(), name="photo"),
    path("photos/<uuid:photo_id>/image", api.PhotoImage.as_view(), name="photo-image"),
    path("photos/<uuid:photo_id>/preview", api.PhotoPreview.as_view(), name="photo-preview"),
    path("jobs", api.JobList.as_view(), name="jobs"),
    path("jobs/<uuid:job_id>", api.JobDetail.as_view(), name="job"),
    path("jobs/<uuid:job_id>/restore", api.JobRestore.as_view(), name="job-restore"),
    path("restores/<uuid:restore_id>", api.RestoreDetail.as_view(), name="restore"),
    path("restores/<uuid:restore_id>/image", api.RestoreImage.as_view(), name="restore-image"),
    path(
        "restores/<uuid:restore_id>/preview", api.RestorePreview.as_view(), name="restore-preview"
    ),
]
