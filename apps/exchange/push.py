"""The port for push: hints that something changed in a mailbox. They only wake the sync. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Heard:
    """What one message of a stream told; without anything in it, that the stream is alive."""

    # Ids of subscriptions whose mailbox changed, and of those that must be made anew.
    changed: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


class Pushes(Protocol):
    """A server's way of telling changes, for the mailboxes of one connection."""

    # How many subscriptions one stream carries, and how many streams at once the server bears.
    most_a_stream: int
    most_streams: int

    def subscribe(self, email: str) -> str:
        """Have the server watch a mailbox's calendar; the subscription's id.

        Raises:
            ExchangeError: as for any request.
        """
        ...

    def listen(self, subscriptions: Sequence[str]) -> Iterator[Heard]:
        """Wait for what the server tells; ends when the server ends the stream.

        Raises:
            ExchangeError: the stream broke, or the server is silent for too long.
        """
        ...
