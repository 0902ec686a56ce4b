"""The addresses of the pages."""

from __future__ import annotations

from django.urls import path, re_path

from .views import account, entry, photo, photos, selection, sharing, tokens, webhooks

app_name = "jobs"
urlpatterns = [
    path("", photos.photos, name="photos"),
    path("photos/new/", photos.add, name="add"),
    path("photos/selection/", selection.selection, name="selection"),
    re_path(r"^photos/kept/(?P<sha256>[0-9a-f]{64})/$", photos.kept, name="kept"),
    path("photos/<uuid:photo_id>/", photo.photo, name="photo"),
    path("photos/<uuid:photo_id>/card/", photos.card, name="card"),
    path("photos/<uuid:photo_id>/original/", photo.original, name="original"),
    path("photos/<uuid:photo_id>/again/", photo.again, name="again"),
    path("photos/<uuid:photo_id>/restore/", photo.restore_again, name="restore-again"),
    path("photos/<uuid:photo_id>/delete/", photo.delete, name="delete"),
    path("jobs/<uuid:job_id>/cancel/", photo.cancel, name="cancel"),
    path("jobs/<uuid:job_id>/start/", photo.start, name="start"),
    path("photos/<uuid:photo_id>/share/", sharing.share, name="share"),
    path("photos/<uuid:photo_id>/share/stop/", sharing.stop, name="stop-sharing"),
    path("restores/<uuid:restore_id>/choose/", photo.choose, name="choose"),
    path("restores/<uuid:restore_id>/<str:format>/", photo.download, name="download"),
    path("shared/<str:token>/", sharing.shared, name="shared"),
    path("shared/<str:token>/<str:which>/", sharing.picture, name="shared-picture"),
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
    path("account/tokens/", tokens.tokens, name="tokens"),
    path("account/tokens/<int:token_id>/revoke/", tokens.revoke, name="revoke-token"),
    path("account/webhooks/", webhooks.webhooks, name="webhooks"),
    path("account/webhooks/<uuid:webhook_id>/", webhooks.webhook, name="webhook"),
    path("account/webhooks/<uuid:webhook_id>/secret/", webhooks.rotate, name="rotate-secret"),
    path("account/webhooks/<uuid:webhook_id>/switch/", webhooks.switch, name="switch-webhook"),
    path("account/webhooks/<uuid:webhook_id>/delete/", webhooks.delete, name="delete-webhook"),
    path(
        "account/webhooks/<uuid:webhook_id>/<uuid:delivery_id>/resend/",
        webhooks.resend,
        name="resend-delivery",
    ),
    path("account/export/", account.export_data, name="export"),
    path("account/delete/", account.delete_account, name="delete-account"),
]
