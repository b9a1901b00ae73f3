"""*Check* of Microsoft 365: is it registered, is there a token, whose is it, does a mailbox open.

What was granted is found by calls, never read from a token: with a limit of Exchange's own (RBAC for
Applications) a token names no permission, and opens mailboxes all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.exchange import identity
from apps.exchange.errors import AccessDenied, ExchangeError, Misconfigured, NotFound
from apps.exchange.graph.calendar import calendar_for
from apps.exchange.microsoft import asking, permissions
from apps.exchange.microsoft.refusals import explain
from apps.exchange.microsoft.registration import registration, secret_expires_on
from apps.exchange.microsoft.token_call import GrantRefused
from apps.exchange.models import ExchangeConnection

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Access = ExchangeConnection.Access


@dataclass(frozen=True, slots=True)
class Told:
    """A stage that was passed, with what was found; or what it failed by."""

    name: str
    words: str = ""
    error: ExchangeError | None = None


def signed_in(connection: ExchangeConnection) -> Iterator[Told]:
    """The stages of both wires: the registration, and a token made just now."""
    return _walk((("registration", _registered), ("token", _token)), connection, "")


def over_graph(connection: ExchangeConnection, email: str) -> Iterator[Told]:
    """The stages of Graph. Names and permissions are settled on the connection that is passed in."""
    stages = (
        ("organisation", _organisation),
        ("mailbox", _mailbox),
        ("permissions", _permissions),
        ("secret", _secret),
    )
    return _walk(stages, connection, email)


def _walk(
    stages: tuple[tuple[str, Callable[[ExchangeConnection, str], str]], ...],
    connection: ExchangeConnection,
    email: str,
) -> Iterator[Told]:
    """Each stage that has something to say; the last one is the first that failed."""
    for name, stage in stages:
        try:
            words = stage(connection, email)
        except ExchangeError as error:
            yield Told(name, error=error)
            return
        if words:
            yield Told(name, words)


def _registered(_connection: ExchangeConnection, _email: str) -> str:
    app = registration()
    return _("OptixSync is registered at Microsoft as %(id)s.") % {"id": app.client_id}


def _token(connection: ExchangeConnection, _email: str) -> str:
    """One that is made now: one that was kept would prove nothing of the grant."""
    identity.renew(connection, connection.wire)
    if connection.access == Access.ORGANISATION:
        return _("Microsoft gives OptixSync a token for this organisation.")
    return _("Microsoft renews the token of %(email)s.") % {"email": connection.email}


def _organisation(connection: ExchangeConnection, _email: str) -> str:
    """Whose the token is: the organisation, and the account, that were installed.

    Raises:
        GrantRefused: it is another's.
    """
    settings = connection.graph_settings
    if connection.access == Access.ACCOUNT:
        who = asking.account(settings)
        if connection.account_id and who.id != connection.account_id:
            raise GrantRefused(explain("other_account"))
        connection.account_name = who.name[:256]
        connection.email = who.email[:254] or connection.email
    try:
        found = asking.organisation(settings)
    except AccessDenied:
        # An application may not ask that. It asked for its token at this organisation, and got it.
        return _("The token is the organisation’s that was asked for.")
    if found is None or found.id.lower() != connection.organisation_id.lower():
        raise GrantRefused(explain("other_organisation"))
    connection.organisation_name = found.name[:256]
    return _("It is the organisation %(name)s.") % {"name": found.name or found.id}


def _mailbox(connection: ExchangeConnection, email: str) -> str:
    """The mailbox to try opens, and may be written to."""
    if not email:
        return ""
    try:
        _open(connection, email)
    except (AccessDenied, NotFound, Misconfigured) as error:
        found = permissions.of_refused(connection, error)
        connection.permissions = permissions.as_rows([found])
        raise
    return _("The calendar of %(email)s opens.") % {"email": email}


def _open(connection: ExchangeConnection, email: str) -> None:
    if not calendar_for(connection.graph_settings, email).open().can_write:
        raise AccessDenied(
            _("The calendar of %(email)s can be read, and not written to.") % {"email": email},
            fix=_("Make the account an editor of that calendar."),
        )


def _permissions(connection: ExchangeConnection, email: str) -> str:
    calendars = permissions.of_calendars(connection, email)
    found = [calendars, *permissions.others(connection, email)]
    connection.permissions = permissions.as_rows(found)
    return permissions.in_words(found)


def _secret(_connection: ExchangeConnection, _email: str) -> str:
    """Until when the client secret lasts, where that was told."""
    ends = secret_expires_on()
    if ends is None:
        return ""
    days = (ends - timezone.localdate()).days
    if days < 0:
        return _("The client secret should have expired on %(day)s.") % {"day": date_format(ends)}
    words = ngettext(
        "The client secret lasts until %(day)s, for %(n)s more day.",
        "The client secret lasts until %(day)s, for %(n)s more days.",
        days,
    )
    return words % {"day": date_format(ends), "n": days}
