"""Settings of Exchange that cannot be read are refused at the start, in words."""

from __future__ import annotations

from typing import Any

from django.core.checks import CheckMessage, Error, Tags, register

from apps.exchange import transport
from apps.exchange.errors import Misconfigured


@register(Tags.security)
def check_allowed_networks(**_kwargs: Any) -> list[CheckMessage]:
    """A network with a slip in it would keep every server out, or be found when it is too late."""
    try:
        transport.policy()
    except Misconfigured as error:
        return [Error(error.cause, hint=error.fix, id="optixsync.E003")]
    return []
