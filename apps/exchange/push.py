"""The ports for push: hints that something changed in a mailbox. They only wake the sync. Pure.

Exchange Server holds a stream open, and we listen (`Pushes`). Microsoft calls us, at an address that it was given
(`Notifiers`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from apps.exchange.errors import ExchangeError

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Heard:
    """What one message of a stream told; without anything in it, that the stream is alive."""

    # Ids of subscriptions whose mailbox changed, and of those that must be made anew.
    changed: tuple[str, ...] = ()
    lost: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """A promise to tell of changes: its id, until when it holds, which mailbox, and who is told."""

    id: str
    expires_at: dt.datetime
    email: str = ""
    address: str = ""


class AlreadyPromised(ExchangeError):
    """Somebody has such a promise already, perhaps we: list them."""

    kind = "promised"


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


class Notifiers(Protocol):
    """A server's way of calling us, for the mailboxes of one connection."""

    def promise(self, email: str, *, address: str, secret: str, until: dt.datetime) -> Promise:
        """Have the server tell an address of a calendar's changes; each call carries the secret.

        The address is asked for a token back before this ends.

        Raises:
            AlreadyPromised: there is such a promise.
            Rejected: the address did not answer as it must, or cannot be reached.
            ExchangeError: as for any request.
        """
        ...

    def renew(self, promise_id: str, until: dt.datetime) -> Promise:
        """Have it hold for longer; what was challenged goes on.

        Raises:
            NotFound: it does not hold any more.
            ExchangeError: as for any request.
        """
        ...

    def end(self, promise_id: str) -> None:
        """Have the server tell nothing any more; one that is gone already is none.

        Raises:
            ExchangeError: as for any request.
        """
        ...

    def promises(self) -> tuple[Promise, ...]:
        """All that hold, of this application in this organisation: whoever is told.

        Raises:
            ExchangeError: as for any request.
        """
        ...
