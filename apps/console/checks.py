"""Settings that would work badly together are refused at the start, in words."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register


@register(Tags.security, deploy=True)
def check_secret_key(**_kwargs: Any) -> list[CheckMessage]:
    """Without a key of one's own, anyone could forge sessions and invitations."""
    if not settings.SECRET_KEY.startswith("insecure-"):
        return []
    return [
        Error(
            "DJANGO_SECRET_KEY is not set.",
            hint="Set it to 50 or more random characters, and keep it.",
            id="optixsync.E001",
        )
    ]
