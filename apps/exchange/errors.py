"""One error family for both wires, named by what the caller should do. Pure.

Raised by wires alone (`raise ... from exc`), caught by the engine and its tasks. Each says what
happened and why (`cause`), what a person can do (`fix`), and the exact command where there is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt


class ExchangeError(Exception):
    """What a mailbox or its server answered instead of doing what was asked."""

    kind = "error"

    def __init__(self, cause: str, *, fix: str = "", command: str = "") -> None:
        self.cause = cause
        self.fix = fix
        self.command = command
        super().__init__(cause)


class Transient(ExchangeError):
    """Try again later. The request did nothing."""

    kind = "transient"

    def __init__(
        self,
        cause: str,
        *,
        retry_after: dt.timedelta | None = None,
        fix: str = "",
        command: str = "",
    ) -> None:
        self.retry_after = retry_after
        super().__init__(cause, fix=fix, command=command)


class Throttled(Transient):
    """The server told us to wait."""

    kind = "throttled"


class Unclear(Transient):
    """A write left, and no answer came back: it may have been done, or may still be."""

    kind = "unclear"


class AuthenticationFailed(ExchangeError):
    """The sign-in was refused: stop the connection, so that no account is locked."""

    kind = "sign-in"


class ConnectionStopped(Transient):
    """The connection was stopped a moment ago: nothing was sent. It goes on when that is mended."""

    kind = "stopped"


class AccessDenied(ExchangeError):
    """No right to this mailbox: stop the calendar, tell the operator."""

    kind = "access"


class NotFound(ExchangeError):
    """The event, or the mailbox, is not there."""

    kind = "not-found"


class StaleChangeKey(ExchangeError):
    """The event was changed since it was read: read, and plan again."""

    kind = "stale"


class SyncStateInvalid(ExchangeError):
    """The cursor is no use any more: drop it, and go a full round."""

    kind = "cursor"


class Rejected(ExchangeError):
    """This one event is refused: set it aside, go on with the others."""

    kind = "rejected"


class AttemptSpent(Rejected):
    """The attempt has made its event, and that is not in this calendar any more: another try needs
    an id of its own."""


class Misconfigured(ExchangeError):
    """It cannot work as it is set up: stop the calendar until a person changes that."""

    kind = "misconfigured"
