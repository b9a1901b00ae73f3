"""Photos as they are kept: small, upright, without what the camera knew about the place."""

from __future__ import annotations

import io
from typing import IO

from django.conf import settings
from django.core.files.base import ContentFile, File
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext as _
from PIL import Image, ImageOps

from apps.resources.errors import PhotoRefused

FORMATS = ("JPEG", "PNG", "WEBP")
# What a file of a few kilobytes can unfold to, if nobody looks before it is unfolded.
MAX_PIXELS = 40_000_000
LONGEST_SIDE = 1600


def kept(upload: File[bytes]) -> ContentFile[bytes]:
    """The photo, read and written anew as WebP: nothing of what was sent is kept byte for byte.

    Raises:
        PhotoRefused: too large, or no photo.
    """
    if upload.size > settings.PHOTO_MAX_BYTES:
        raise PhotoRefused(
            _("This photo has %(size)s; %(max)s are allowed. Make it smaller, and choose it again.")
            % {
                "size": filesizeformat(upload.size),
                "max": filesizeformat(settings.PHOTO_MAX_BYTES),
            }
        )
    try:
        upload.seek(0)
        image = _opened(upload)
        out = io.BytesIO()
        image.save(out, "WEBP", quality=82)
    except (
        Image.DecompressionBombError,
        Image.DecompressionBombWarning,
        OSError,
        SyntaxError,  # what Pillow raises for a broken PNG
        ValueError,
        EOFError,
    ) as exc:
        raise PhotoRefused(
            _("This file is no photo that can be read. Choose a JPEG, PNG or WebP file.")
        ) from exc
    return ContentFile(out.getvalue(), name="photo.webp")


def _opened(upload: IO[bytes] | File[bytes]) -> Image.Image:
    """The picture in the file: upright, at most LONGEST_SIDE, in plain colours."""
    image: Image.Image = Image.open(upload, formats=FORMATS)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise PhotoRefused(
            _(
                "This photo has %(width)s × %(height)s points, which is too many. Make it "
                "smaller, and choose it again."
            )
            % {"width": width, "height": height}
        )
    # A JPEG need not be unfolded to more than what is kept.
    image.draft("RGB", (LONGEST_SIDE, LONGEST_SIDE))
    image = ImageOps.exif_transpose(image)
    has_alpha = image.has_transparency_data
    image = image.convert("RGBA" if has_alpha else "RGB")
    image.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    # Into a picture of its own, so that no note of the old one (place, camera, maker) comes along.
    clean = Image.new(image.mode, image.size)
    clean.paste(image)
    return clean
