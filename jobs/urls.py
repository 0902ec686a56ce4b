"""The addresses of the pages."""

from __future__ import annotations

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from . import views

app_name = "jobs"
urlpatterns = [
    path("", views.photos, name="photos"),
    path("photos/<uuid:photo_id>/", views.photo, name="photo"),
    path("photos/<uuid:photo_id>/restore/", views.restore_again, name="restore-again"),
    path("photos/<uuid:photo_id>/delete/", views.delete, name="delete"),
    path("jobs/<uuid:job_id>/start/", views.start, name="start"),
    path("accounts/sign-in/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("accounts/sign-out/", LogoutView.as_view(), name="logout"),
    path("accounts/sign-up/", views.sign_up, name="sign-up"),
]
