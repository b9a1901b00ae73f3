"""PowerShell that limits the application to exactly the connected mailboxes. Pure.

https://learn.microsoft.com/exchange/permissions-exo/application-rbac
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.exchange.microsoft.scopes import EWS, GRAPH
from apps.exchange.powershell import quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME, SCOPE = "OptixSync", "OptixSync mailboxes"
# By the wire: the role, and the permission for all mailboxes in whose place it comes.
_ROLES = {
    GRAPH: ("Application Calendars.ReadWrite", "Calendars.ReadWrite of Microsoft Graph"),
    EWS: ("Application EWS.AccessAsApp", "full_access_as_app of Office 365 Exchange Online"),
}
# What means nothing to PowerShell inside quotes, nor to a filter of Exchange but the apostrophe.
_PLAIN = re.compile(r"[A-Za-z0-9.!#&'+/=?^_-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+", re.ASCII)
_TEST = (
    "# Each connected mailbox must answer InScope True, and any other one False.",
    "# It may take up to two hours to have an effect.",
)


@dataclass(frozen=True, slots=True)
class Script:
    """What an administrator runs, and the addresses that are too odd to stand in a command."""

    text: str
    left_out: tuple[str, ...] = ()


def limit_to(mailboxes: Sequence[str], *, app_id: str, wire: str = GRAPH) -> Script:
    """The whole set-up, once: the application's principal, the scope, the role, a test of each."""
    named, left_out = _named(mailboxes)
    lines = [
        "Connect-MgGraph -Scopes Application.Read.All",
        "Connect-ExchangeOnline",
        f"$app = Get-MgServicePrincipal -Filter {quoted(f'AppId eq {_literal(app_id)}')}",
        f"New-ServicePrincipal -AppId $app.AppId -ObjectId $app.Id -DisplayName {quoted(NAME)}",
        f"New-ManagementScope -Name {quoted(SCOPE)} {_restriction(named)}",
        f"New-ManagementRoleAssignment -Name {quoted(NAME)} -App $app.Id {_role(wire)}",
    ]
    return Script("\n".join([*lines, *_remove(wire), *_tests(named)]), left_out)


def change_to(mailboxes: Sequence[str]) -> Script:
    """The scope alone, where other mailboxes are connected than when it was set up."""
    named, left_out = _named(mailboxes)
    change = f"Set-ManagementScope -Identity {quoted(SCOPE)} {_restriction(named)}"
    return Script("\n".join(("Connect-ExchangeOnline", change, *_tests(named))), left_out)


def _named(mailboxes: Sequence[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Each address once, in order; and those that do not go into a command."""
    every = sorted({one.strip().lower() for one in mailboxes})
    named = tuple(one for one in every if _PLAIN.fullmatch(one))
    return named, tuple(one for one in every if one not in named)


def _restriction(mailboxes: Sequence[str]) -> str:
    """Without a mailbox, one that lets none in."""
    named = mailboxes or ("nobody@invalid.invalid",)
    either = " -or ".join(f"PrimarySmtpAddress -eq {_literal(one)}" for one in named)
    return f"-RecipientRestrictionFilter {quoted(either)}"


def _role(wire: str) -> str:
    return f"-Role {quoted(_ROLES[wire][0])} -CustomResourceScope {quoted(SCOPE)}"


def _remove(wire: str) -> tuple[str, ...]:
    return (
        "# The limit holds only when the consent for all mailboxes is gone: in Microsoft Entra, under",
        f"# Enterprise applications, OptixSync, Permissions, revoke {_ROLES[wire][1]}.",
        "# Until then the application reaches every mailbox, whatever the scope says.",
    )


def _tests(mailboxes: Sequence[str]) -> tuple[str, ...]:
    if not mailboxes:
        return ()
    lines = (
        f"Test-ServicePrincipalAuthorization -Identity {quoted(NAME)} -Resource {quoted(one)}"
        for one in mailboxes
    )
    return (*_TEST, *lines)


def _literal(text: str) -> str:
    """A word of a filter, which doubles apostrophes as PowerShell does."""
    return "'" + text.replace("'", "''") + "'"
