"""The addresses of the pages."""

from __future__ import annotations

from django.urls import path

from .views import account, entry, photo, photos

app_name = "jobs"
urlpatterns = [
    path("", photos.photos, name="photos"),
    path("photos/<uuid:photo_id>/", photo.photo, name="photo"),
    path("photos/<uuid:photo_id>/restore/", photo.restore_again, name="restore-again"),
    path("photos/<uuid:photo_id>/delete/", photo.delete, name="delete"),
    path("jobs/<uuid:job_id>/cancel/", photo.cancel, name="cancel"),
    path("jobs/<uuid:job_id>/start/", photo.start, name="start"),
    path("accounts/sign-in/", entry.SignIn.as_view(), name="login"),
    path("accounts/sign-out/", entry.SignOut.as_view(), name="logout"),
    path("accounts/sign-up/", entry.sign_up, name="sign-up"),
    path("accounts/reset/", entry.Reset.as_view(), name="reset"),
    path("accounts/reset/sent/", entry.ResetSent.as_view(), name="reset-sent"),
    path("accounts/reset/<uidb64>/<token>/", entry.ResetConfirm.as_view(), name="reset-confirm"),
    path("account/", account.account, name="account"),
    path("account/password/", account.ChangePassword.as_view(), name="password"),
    path("account/email/", account.change_email, name="email"),
    path("account/email/<token>/", account.confirm_email, name="confirm-email"),
    path("account/export/", account.export_data, name="export"),
    path("account/delete/", account.delete_account, name="delete-account"),
]
