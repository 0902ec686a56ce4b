"""What a downloaded picture is called: by its title, as far as file systems let it."""

from __future__ import annotations

import re
import unicodedata

from django.utils.translation import gettext as _

from .models import Photo

# What file systems forbid, what hides a name's end, and what turns its direction around. Joiners
# stay: scripts and emoji need them.
_BAD = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u200b\u200e\u200f\u202a-\u202e\u2066-\u2069]+')
# No file of Windows may be called so, whatever its ending.
_DEVICE = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)
_MOST = 100  # characters
_MOST_BYTES = 180  # the whole name must fit into 255


def restored(photo: Photo) -> str:
    """Return the name of a result, told apart from the photo's; without its ending."""
    return "-".join((original(photo), _("restored")))


def original(photo: Photo) -> str:
    """Return the name of the photo itself, without its ending."""
    # No dot or blank at its ends: hidden there, forbidden here.
    words = " ".join(_BAD.sub(" ", unicodedata.normalize("NFC", photo.title)).split())
    stem = words[:_MOST].encode()[:_MOST_BYTES].decode(errors="ignore").strip(" .")
    return f"_{stem}" if _DEVICE.fullmatch(stem) else stem or _("photo")
