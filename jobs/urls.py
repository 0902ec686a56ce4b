"""The addresses of the pages."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from .views import accounts, photo, photos

app_name = "jobs"
urlpatterns = [
    path("", photos.photos, name="photos"),
    path("photos/<uuid:photo_id>/", photo.photo, name="photo"),
    path("photos/<uuid:photo_id>/restore/", photo.restore_again, name="restore-again"),
    path("photos/<uuid:photo_id>/delete/", photo.delete, name="delete"),
    path("jobs/<uuid:job_id>/start/", photo.start, name="start"),
    path("accounts/sign-in/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/sign-out/", LogoutView.as_view(), name="logout"),
    path("accounts/sign-up/", accounts.sign_up, name="sign-up"),
]
