"""A room on the sandbox's Graph, as the contract wants to be told of an implementation.

The port goes over HTTP to the sandbox's server; people and bad days go to its store, beside it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from apps.exchange.calendar import Calendar
from apps.exchange.graph.calendar import GraphCalendar
from apps.exchange.graph.client import Client
from apps.exchange.graph.session import ORGANISATION, GraphSettings
from apps.sandbox.server import SandboxServer
from tests.exchange import contract
from tests.exchange.contract.room import NOW
from tests.exchange.ews.sandbox_room import ALIAS, DOMAIN, OLGA, OTHER, ROOM, People

ACCOUNT = f"frontdesk@{DOMAIN}"
TENANT = "5a1e0f5e-1111-4222-8333-444455556666"

# With the one that is optional: what kind of mailbox it is.
PERMISSIONS = frozenset({"Calendars.ReadWrite", "MailboxSettings.Read", "Place.Read.All"})


@dataclass
class SandboxTokens:
    """Tokens as the sandbox issues them; a new one when the last was refused."""

    server: SandboxServer
    account: str | None = None
    # What the token allows, where it is not everything.
    permissions: frozenset[str] | None = None
    # Nothing that it gives is accepted.
    is_revoked: bool = False
    refused: list[str] = field(default_factory=list)
    _token: str = ""

    def get(self, refused: str = "") -> str:
        if refused:
            self.refused.append(refused)
        if self.is_revoked:
            return f"no token {len(self.refused)}"
        if not self._token or refused == self._token:
            self._token = self.server.store.issue(
                organisation=DOMAIN,
                account=self.account,
                scopes=self.permissions if self.account else None,
                roles=None if self.account else self.permissions,
            )
        return self._token

    def allow(self, *permissions: str) -> None:
        self.permissions, self._token = frozenset(permissions), ""


@dataclass
class BadDays:
    """Faults, as the sandbox takes them over HTTP too."""

    server: SandboxServer
    tokens: SandboxTokens

    def refuse_sign_in(self) -> None:
        self.tokens.is_revoked = True

    def take_rights(self) -> None:
        self._give("none")

    def take_writing(self) -> None:
        self._give("reviewer")

    def be_busy(self, wait: dt.timedelta) -> None:
        self.arrange(kind="busy", seconds=int(wait.total_seconds()), count=None)

    def be_down(self) -> None:
        self.arrange(kind="cut-before", count=None)

    def lose_a_reply(self) -> None:
        for operation in ("POST events", "PATCH events/{id}"):
            self.arrange(kind="cut-after", operation=operation)

    def refuse_an_event(self) -> None:
        self.arrange(kind="error", operation="POST events", code="ErrorPropertyValidationFailure")

    def damage(self, handle: str) -> None:
        self.arrange(kind="odd", element="start", remove=True, item=handle, count=None)

    def forget_cursors(self) -> None:
        store = self.server.store
        store.forget_sync_states(store.mailbox(ROOM).calendar.id)

    def recreate(self) -> None:
        self.server.store.replace_mailbox(ROOM)

    def arrange(self, **fault: object) -> None:
        self.server.faults.arrange(fault)

    def _give(self, right: str) -> None:
        store = self.server.store
        if self.tokens.account is not None:
            store.microsoft_account(self.tokens.account).rights[ROOM] = right  # type: ignore[assignment]
        elif right == "none":
            store.organisation(DOMAIN).rbac_scope = frozenset()
        else:
            self.tokens.allow("Calendars.Read", "MailboxSettings.Read")


@dataclass
class GraphRoom:
    server: SandboxServer
    access: str = ORGANISATION
    other: str = OTHER
    nobody: str = f"nobody@{DOMAIN}"
    alias: str = ALIAS
    # A delta has its window in its token.
    tells_far_away: bool = False
    tokens: SandboxTokens = field(init=False)
    # With what the contract does not know.
    bad_days: BadDays = field(init=False)
    # As the contract has them.
    calendar: Calendar = field(init=False)
    outlook: contract.Outlook = field(init=False)
    faults: contract.Faults = field(init=False)

    def __post_init__(self) -> None:
        store = self.server.store
        store.organisations.clear()
        store.index_again()
        store.add_organisation(
            domain=DOMAIN, name="Example", server="", time_zone="UTC", tenant_id=TENANT
        )
        for address, kind, aliases in (
            (ROOM, "room", (ALIAS,)), (OTHER, "room", ()), (OLGA, "user", ()),
        ):  # fmt: skip
            name = address.partition("@")[0].capitalize()
            store.add_mailbox(DOMAIN, address=address, name=name, kind=kind, aliases=aliases)  # type: ignore[arg-type]
        store.add_microsoft_account(
            DOMAIN, upn=ACCOUNT, name="Front desk", rights={ROOM: "editor", OTHER: "editor"}
        )
        store.set_clock(NOW)
        self.tokens = (
            SandboxTokens(self.server, permissions=PERMISSIONS)
            if self.access == ORGANISATION
            else SandboxTokens(self.server, ACCOUNT)
        )
        self.calendar = self.fresh()
        self.outlook = People(self.server)
        self.faults = self.bad_days = BadDays(self.server, self.tokens)

    @property
    def settings(self) -> GraphSettings:
        return GraphSettings(self.server.graph_url, self.tokens, self.access, key="room")

    def fresh(self, address: str = "", *, page_size: int = 0) -> GraphCalendar:
        client = Client(self.settings, address or ROOM)
        return GraphCalendar(client, page_size=page_size or 500)
