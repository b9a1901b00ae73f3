"""Mailboxes to suggest where one is typed: what the server's room lists name. Remembered for a while.

Suggestions are a help alone: whatever goes wrong, there are none, and an address can be typed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from django.core.cache import cache

from apps.exchange.errors import AuthenticationFailed, ExchangeError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apps.exchange.models import ExchangeConnection

logger = logging.getLogger(__name__)

REMEMBERED_S = 600
# After trouble the server is left alone for a moment.
TROUBLE_REMEMBERED_S = 60


class Room(Protocol):
    """A room as a server lists it."""

    @property
    def name(self) -> str: ...

    @property
    def email(self) -> str: ...

    @property
    def group(self) -> str:
        """The room list, or the building, that it is in."""
        ...


@dataclass(frozen=True, slots=True, order=True)
class Suggestion:
    """A mailbox, and what people call it."""

    name: str
    email: str


def suggestions(connection: ExchangeConnection) -> list[Suggestion]:
    """What one connection suggests, by name. Asks its server at most once in ten minutes.

    Raises:
        AuthenticationFailed: the account is refused: stop the connection.
    """
    key = f"suggestions.{connection.uuid}.{connection.revision}"
    known: list[Suggestion] | None = cache.get(key)
    if known is not None:
        return known
    if connection.stopped_at or connection.is_paused or not connection.is_settled:
        return []
    if not cache.add(f"{key}.asked", 1, TROUBLE_REMEMBERED_S):
        # Somebody asks already: a slow server holds up one page, and not many.
        return []
    try:
        listed = rooms_of(connection)
    except AuthenticationFailed:
        raise
    except ExchangeError as error:
        logger.info("no suggestions from connection %s: %s", connection.uuid, error.kind)
        cache.set(key, [], TROUBLE_REMEMBERED_S)
        return []
    found = sorted(Suggestion(room.name, room.email) for room in listed)
    cache.set(key, found, REMEMBERED_S)
    return found


def rooms_of(connection: ExchangeConnection) -> Sequence[Room]:
    """What the server itself lists, asked anew.

    Raises:
        ExchangeError: it cannot be asked.
    """
    # One wire loads exchangelib, which is slow, and which most pages have no use for.
    if connection.wire == connection.Wire.GRAPH:
        from apps.exchange.graph import rooms as over_graph  # noqa: PLC0415

        return over_graph.suggestions(connection.graph_settings)
    from apps.exchange.ews import rooms as over_ews  # noqa: PLC0415

    return over_ews.suggestions(connection.settings)
