"""Photos, and the links by which others look at them."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q


class Photo(models.Model):
    """An original as uploaded, with the two pictures made of it that may leave this site."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE, related_name="photos")
    title = models.CharField(max_length=200, blank=True)
    # The bytes that came, never handed out: they may hold a place, a name, a second picture.
    original = models.FileField(upload_to="originals", max_length=200)
    # The whole picture, upright, with its colour profile and without its metadata.
    image = models.FileField(upload_to="images", max_length=200)
    # The same at screen size, as a JPEG, which every browser shows.
    preview = models.FileField(upload_to="previews", max_length=200)
    format = models.CharField(max_length=10, help_text="Pillow's word for the original's format.")
    width = models.PositiveIntegerField(help_text="Pixels, upright.")
    height = models.PositiveIntegerField(help_text="Pixels, upright.")
    bytes = models.PositiveBigIntegerField(help_text="Size of the original.")
    sha256 = models.CharField(max_length=64, help_text="Of the original's bytes.")
    has_thumbnails = models.BooleanField(default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering: ClassVar = ["-created_at", "-id"]
        indexes: ClassVar = [
            models.Index(fields=["owner", "-created_at", "-id"], name="photo_of_owner"),
            models.Index(fields=["owner", "sha256"], name="photo_by_content"),
            models.Index(
                fields=["created_at"],
                condition=Q(has_thumbnails=False),
                name="photo_without_thumbnails",
            ),
        ]

    def __str__(self) -> str:
        return self.title or str(self.id)


class Share(models.Model):
    """A link by which anybody may look at a photo, until it expires or is taken back.

    The id is random and never shown: the link has it signed, so that whoever reads the table
    learns no link.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    photo = models.OneToOneField(Photo, models.CASCADE, related_name="share")
    password = models.CharField(max_length=200, blank=True, help_text="Hashed; empty: none.")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    # How often, and when last, a wrong password was given.
    wrong_passwords = models.PositiveIntegerField(default=0)
    wrong_password_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"until {self.expires_at:%Y-%m-%d}"
