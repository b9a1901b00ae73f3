"""What Graph tells of an organisation, of who signed in, and of what was granted: each by a call.

Tokens are opaque: nothing here reads one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.exchange.errors import AccessDenied
from apps.exchange.graph import codes, links
from apps.exchange.graph.client import Call, Client
from apps.exchange.graph.mapping import text

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.exchange.graph.session import GraphSettings

_GUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# Those of personal accounts are shorter than a GUID.
_ACCOUNT_ID = re.compile(r"[\w-]{1,64}", re.ASCII)
# What no name has, and no column holds.
_UNSHOWN = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


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
        ExchangeError: it could not be asked, or what is answered is none.
    """
    client = Client(settings, "")
    call = Call("GET organization", links.with_query(links.path("organization"), _select=_SHOWN))
    for row in client.rows_of(client.ask(call), call):
        found = text(row, "id").lower()
        if not _GUID.fullmatch(found):
            raise codes.damaged(client.where(call))
        return Organisation(found, shown(row, "displayName"))
    return None


def account(settings: GraphSettings) -> Account:
    """Who signed in. https://learn.microsoft.com/graph/api/user-get

    Raises:
        ExchangeError: it could not be asked, or there is nobody.
    """
    fields = "id,displayName,userPrincipalName,mail"
    call = Call("GET me", links.with_query(links.path("me"), _select=fields))
    client = Client(settings, "")
    told = client.ask(call)
    if not is_account_id(text(told, "id")):
        raise codes.damaged(client.where(call))
    email = shown(told, "mail") or shown(told, "userPrincipalName")
    return Account(text(told, "id"), email, shown(told, "displayName"))


def is_account_id(found: str) -> bool:
    """Whether it can be Microsoft's id of an account."""
    return bool(_ACCOUNT_ID.fullmatch(found))


def shown(row: Mapping[str, Any], name: str) -> str:
    """A name or an email as it can be kept, and shown in a line."""
    return _UNSHOWN.sub("", text(row, name))


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
