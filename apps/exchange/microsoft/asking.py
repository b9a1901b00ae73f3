"""What Graph tells of an organisation, of who signed in, and of what was granted: each by a call.

Tokens are opaque: nothing here reads one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.exchange.errors import AccessDenied
from apps.exchange.graph import links
from apps.exchange.graph.client import Call, Client
from apps.exchange.graph.mapping import text

if TYPE_CHECKING:
    from apps.exchange.graph.session import GraphSettings


@dataclass(frozen=True, slots=True)
class Organisation:
    """Entra's id of an organisation, and its name."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Account:
    """Microsoft's id of an account, which stays; and its email and name, which may change."""

    id: str
    email: str
    name: str


def organisation(settings: GraphSettings) -> Organisation | None:
    """The organisation of a token; None where there is none (a personal account).

    https://learn.microsoft.com/graph/api/organization-list

    Raises:
        AccessDenied: the grant does not reach so far; an application needs Organization.Read.All.
        ExchangeError: it could not be asked.
    """
    client = Client(settings, "")
    call = Call("GET organization", links.with_query(links.path("organization"), _select=_SHOWN))
    for row in client.rows_of(client.ask(call), call):
        if found := text(row, "id"):
            return Organisation(found, text(row, "displayName"))
    return None


def account(settings: GraphSettings) -> Account:
    """Who signed in. https://learn.microsoft.com/graph/api/user-get

    Raises:
        ExchangeError: it could not be asked, or there is nobody.
    """
    fields = "id,displayName,userPrincipalName,mail"
    call = Call("GET me", links.with_query(links.path("me"), _select=fields))
    told = Client(settings, "").ask(call)
    email = text(told, "mail") or text(told, "userPrincipalName")
    return Account(text(told, "id"), email, text(told, "displayName"))


def lists_rooms(settings: GraphSettings) -> bool:
    """Whether rooms can be suggested. https://learn.microsoft.com/graph/api/place-list

    Raises:
        ExchangeError: it could not be asked.
    """
    url = links.with_query(links.path("places", "microsoft.graph.room"), _top="1")
    return _is_allowed(Client(settings, ""), Call("GET places", url))


def tells_kinds(settings: GraphSettings, email: str) -> bool:
    """Whether it is told which mailbox is a person's.

    https://learn.microsoft.com/graph/api/user-get-mailboxsettings

    Raises:
        ExchangeError: it could not be asked.
    """
    url = links.with_query(links.path("users", email, "mailboxSettings"), _select="userPurpose")
    return _is_allowed(Client(settings, email), Call("GET mailboxSettings", url))


def _is_allowed(client: Client, call: Call) -> bool:
    try:
        client.ask(call)
    except AccessDenied:
        return False
    return True


_SHOWN = "id,displayName"
