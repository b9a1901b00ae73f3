"""What a connection may do at Microsoft, as the calls of a check found it. Tokens are not read."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _

from apps.exchange.errors import AccessDenied, AuthenticationFailed, ExchangeError
from apps.exchange.microsoft import asking
from apps.exchange.microsoft.registration import can_be_notified
from apps.exchange.models import ExchangeConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from apps.exchange.checking import Stage

Access = ExchangeConnection.Access
Wire = ExchangeConnection.Wire
# Without it no calendar opens.
_CALENDARS: dict[tuple[str, str], str] = {
    (Wire.GRAPH, Access.ORGANISATION): "Calendars.ReadWrite",
    (Wire.GRAPH, Access.ACCOUNT): "Calendars.ReadWrite.Shared",
    (Wire.EWS, Access.ORGANISATION): "full_access_as_app",
    (Wire.EWS, Access.ACCOUNT): "EWS.AccessAsUser.All",
}
# Stages that fail for want of a permission; before them nothing was asked for.
_TELLING = {"sign-in", "mailbox"}


class Found(StrEnum):
    GRANTED = "granted"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Permission:
    """One of them: Microsoft's name of it, whether it is there, and what that means."""

    name: str
    state: Found
    words: str


def as_rows(found: Sequence[Permission]) -> list[dict[str, Any]]:
    """As they are kept on a connection."""
    return [{**asdict(one), "state": one.state.value} for one in found]


def of_calendars(connection: ExchangeConnection, email: str, problem: str = "") -> Permission:
    """As opening a mailbox has shown; nothing was shown without one."""
    name = _CALENDARS[connection.wire, connection.access]
    if not email:
        words = _("No mailbox was tried. Name one under Change, and press Check again.")
        return Permission(name, Found.UNKNOWN, words)
    if problem:
        return Permission(name, Found.MISSING, problem)
    words = _("OptixSync reads and writes the calendar of %(email)s.") % {"email": email}
    return Permission(name, Found.GRANTED, words)


def of_refused(connection: ExchangeConnection, error: ExchangeError) -> Permission:
    """As a mailbox has shown that did not open.

    One that is not there tells nothing of what was granted, nor does one in which an account that
    signed in has no rights.
    """
    refuses_all = isinstance(error, AccessDenied) and connection.access == Access.ORGANISATION
    state = Found.MISSING if refuses_all else Found.UNKNOWN
    return Permission(_CALENDARS[connection.wire, connection.access], state, error.cause)


def over_ews(connection: ExchangeConnection, email: str, last: Stage) -> list[Permission]:
    """What the last stage of a check over EWS has shown. That wire has one permission for everything."""
    if last.ok or last.name in _TELLING:
        return [of_calendars(connection, email, "" if last.ok else last.words)]
    return [Permission(of_calendars(connection, email).name, Found.UNKNOWN, last.words)]


def others(connection: ExchangeConnection, email: str) -> list[Permission]:
    """Those without which calendars work all the same.

    Raises:
        AuthenticationFailed: the grant itself is refused.
    """
    settings = connection.graph_settings
    found = [
        _found(
            "Place.Read.All",
            lambda: asking.lists_rooms(settings),
            granted=_("Rooms are suggested where an address is typed."),
            missing=_("Rooms are not suggested. Their addresses can be typed all the same."),
        )
    ]
    if connection.access == Access.ORGANISATION and email:
        found.append(
            _found(
                "MailboxSettings.Read",
                lambda: asking.tells_kinds(settings, email),
                granted=_("It is seen whether a mailbox is a room’s or a person’s."),
                missing=_("It is not seen whether a mailbox is a room’s or a person’s."),
            )
        )
    return [*found, _notifications(connection)]


def in_words(found: Sequence[Permission]) -> str:
    """One sentence of what is there, and one of what is not."""
    told = [
        (_("Granted: %(names)s."), Found.GRANTED),
        (_("Not granted, and not needed: %(names)s."), Found.MISSING),
        (_("Not known: %(names)s."), Found.UNKNOWN),
    ]
    sentences = [
        sentence % {"names": ", ".join(names)}
        for sentence, state in told
        if (names := [one.name for one in found if one.state is state])
    ]
    return " ".join(sentences)


def _found(name: str, look: Callable[[], bool], *, granted: str, missing: str) -> Permission:
    try:
        is_there = look()
    except AuthenticationFailed:
        raise
    except ExchangeError as error:
        return Permission(name, Found.UNKNOWN, error.cause)
    if is_there:
        return Permission(name, Found.GRANTED, granted)
    return Permission(name, Found.MISSING, missing)


def _notifications(connection: ExchangeConnection) -> Permission:
    """Microsoft tells of changes in mailboxes that are not one's own to applications alone.

    https://learn.microsoft.com/graph/api/subscription-post-subscriptions#permissions
    """
    name = _("Notifications")
    if connection.access != Access.ORGANISATION:
        words = _(
            "Microsoft tells of changes only with organisation-wide access; we ask each minute."
        )
        return Permission(name, Found.MISSING, words)
    if not can_be_notified():
        words = _("This installation has no public https address; we ask each minute.")
        return Permission(name, Found.MISSING, words)
    return Permission(name, Found.GRANTED, _("Microsoft tells of changes as they happen."))
