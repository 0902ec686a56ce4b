"""Links by which others may look at a photo: made, found, opened by a password, taken back."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.contrib.auth.hashers import check_password, make_password
from django.core.signing import BadSignature, Signer
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from .models import Photo, Share

LIFETIME = timedelta(days=30)
# So many wrong passwords may be given for one link until it rests.
_PATIENCE = 10
_REST = timedelta(minutes=15)
_signer = Signer(salt="jobs.sharing")


class TooManyTriesError(Exception):
    """The link rests, whoever asks and whatever the password."""


def share(*, photo: Photo, password: str = "") -> Share:
    """Share the photo by a new link; one that it has is taken back. Photo.DoesNotExist if gone."""
    with transaction.atomic():
        locked = Photo.objects.select_for_update().get(pk=photo.pk)
        Share.objects.filter(photo=locked).delete()
        return Share.objects.create(
            photo=locked,
            password=make_password(password) if password else "",
            expires_at=timezone.now() + LIFETIME,
        )


def stop(*, photo: Photo) -> None:
    """Take the photo's link back."""
    Share.objects.filter(photo=photo).delete()


def token_of(share: Share) -> str:
    """Return what the link's address ends with."""
    return _signer.sign(share.pk.hex).replace(":", "-", 1)


def find(token: str) -> Share | None:
    """Return the share of that token, unless it is expired, taken back, or none."""
    try:
        id = UUID(_signer.unsign(token.replace("-", ":", 1)))
    except (BadSignature, ValueError):
        return None
    valid = Share.objects.filter(pk=id, expires_at__gt=timezone.now(), photo__owner__is_active=True)
    return valid.select_related("photo").first()


def opens(*, share: Share, password: str) -> bool:
    """Tell whether that is the password. Raises TooManyTriesError.

    The try is counted before it is judged, so that many at once are no more than one after another.
    """
    now = timezone.now()
    rows = Share.objects.filter(pk=share.pk)
    rows.filter(wrong_password_at__lt=now - _REST).update(wrong_passwords=0)
    may_try = rows.filter(wrong_passwords__lt=_PATIENCE)
    if not may_try.update(wrong_passwords=F("wrong_passwords") + 1, wrong_password_at=now):
        raise TooManyTriesError
    if not check_password(password, share.password):
        return False
    rows.update(wrong_passwords=0, wrong_password_at=None)
    return True
