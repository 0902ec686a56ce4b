"""The addresses of the API, below /api/v1/."""

from __future__ import annotations

from django.urls import path

from . import documentation, grants, jobs, photos, restores, thumbnails, webhooks

app_name = "api"
urlpatterns = [
    path("schema", documentation.schema, name="schema"),
    path("docs", documentation.docs, name="docs"),
    path("photos", photos.PhotoList.as_view(), name="photos"),
    path("photos/<uuid:photo_id>", photos.PhotoDetail.as_view(), name="photo"),
    path("photos/<uuid:photo_id>/image", photos.PhotoImage.as_view(), name="photo-image"),
    path("photos/<uuid:photo_id>/preview", photos.PhotoPreview.as_view(), name="photo-preview"),
    path(
        "photos/<uuid:photo_id>/thumbnails/<int:side>.<str:extension>",
        thumbnails.PhotoThumbnail.as_view(),
        name="photo-thumbnail",
    ),
    path("jobs", jobs.JobList.as_view(), name="jobs"),
    path("jobs/<uuid:job_id>", jobs.JobDetail.as_view(), name="job"),
    path("jobs/<uuid:job_id>/cancel", jobs.JobCancel.as_view(), name="job-cancel"),
    path("jobs/<uuid:job_id>/restore", jobs.JobRestore.as_view(), name="job-restore"),
    path("restores/<uuid:restore_id>", restores.RestoreDetail.as_view(), name="restore"),
    path("restores/<uuid:restore_id>/image", restores.RestoreImage.as_view(), name="restore-image"),
    path(
        "restores/<uuid:restore_id>/preview",
        restores.RestorePreview.as_view(),
        name="restore-preview",
    ),
    path(
        "restores/<uuid:restore_id>/thumbnails/<int:side>.<str:extension>",
        thumbnails.RestoreThumbnail.as_view(),
        name="restore-thumbnail",
    ),
    path("events/token", grants.GrantList.as_view(), name="events-token"),
    path("webhooks", webhooks.WebhookList.as_view(), name="webhooks"),
    path("webhooks/<uuid:webhook_id>", webhooks.WebhookDetail.as_view(), name="webhook"),
    path(
        "webhooks/<uuid:webhook_id>/secret",
        webhooks.WebhookSecret.as_view(),
        name="webhook-secret",
    ),
    path(
        "webhooks/<uuid:webhook_id>/deliveries",
        webhooks.DeliveryList.as_view(),
        name="deliveries",
    ),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/resend",
        webhooks.DeliveryResend.as_view(),
        name="delivery-resend",
    ),
]
