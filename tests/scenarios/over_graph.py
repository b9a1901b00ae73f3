"""The worlds and the town of the engine's tests, with Microsoft Graph in between."""

from __future__ import annotations

from dataclasses import dataclass

from apps.exchange import errors
from apps.exchange.calendar import Calendar
from apps.exchange.graph.calendar import GraphCalendar
from apps.exchange.graph.calendar import calendar_for as over_graph
from apps.exchange.graph.session import GraphSettings
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Resource
from apps.sandbox.graph import ids
from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Item
from apps.sandbox.store.model import StoreEvent
from apps.sync.models import CalendarLink
from tests.exchange.ews.sandbox_room import DOMAIN
from tests.exchange.graph.sandbox_room import PERMISSIONS, TENANT, SandboxTokens
from tests.scenarios.mailbox import SandboxMailbox
from tests.scenarios.town import EwsTown
from tests.scenarios.world import PORTS, EwsWorld, Port, add_room, connect
from tests.sync.world import DAY, NOW

WRITES = {
    "create": "POST events", "update": "PATCH events/{id}", "delete": "DELETE events/{id}",
    "decline": "POST events/{id}/decline",
}  # fmt: skip
OPERATIONS = {
    "open": "GET calendar", "advance": "GET calendarView/delta",
    "changes": "GET calendarView/delta", "view": "GET calendarView", "read": "GET events/{id}",
    "find": "GET events", **WRITES,
}  # fmt: skip
# What makes the wire raise this error, by what the server does.
FAULTS: dict[type[errors.ExchangeError], dict[str, object]] = {
    errors.Unclear: {"kind": "cut-after"},
    errors.Transient: {"kind": "http", "status": 503},
    errors.Throttled: {"kind": "busy"},
    errors.StaleChangeKey: {"kind": "error", "code": "ErrorIrresolvableConflict"},
    errors.SyncStateInvalid: {"kind": "bad-sync-state"},
    errors.Rejected: {"kind": "error", "code": "ErrorPropertyValidationFailure"},
    errors.NotFound: {"kind": "error", "code": "ErrorItemNotFound"},
    errors.AuthenticationFailed: {"kind": "http", "status": 401, "count": 2},
    errors.AccessDenied: {"kind": "http", "status": 403},
}
TOKENS: dict[str, SandboxTokens] = {}


def calendar_for(_connection: ExchangeConnection, email: str) -> Calendar:
    """The real port on the sandbox's tokens, with a test looking over its shoulder."""
    port = PORTS[email]
    tokens = TOKENS.setdefault(port.server.url, SandboxTokens(port.server, permissions=PERMISSIONS))
    settings = GraphSettings(port.server.graph_url, tokens, key="scenario")
    return port.over(over_graph(settings, email))


class GraphPort(Port):
    def in_pages(self, real: Calendar) -> Calendar:
        assert isinstance(real, GraphCalendar)
        return GraphCalendar(real.client, page_size=self.page_size)


class GraphMailbox(SandboxMailbox):
    """Ids are the immutable ones, as Graph tells them."""

    @property
    def key(self) -> str:
        return ids.rest(super().key)

    @property
    def can_open(self) -> bool:
        scope = self.server.store.organisation(DOMAIN).rbac_scope
        return scope is None or self.address in scope

    @can_open.setter
    def can_open(self, can: bool) -> None:
        organisation = self.server.store.organisation(DOMAIN)
        scope = set(organisation.mailboxes if organisation.rbac_scope is None else organisation.rbac_scope)  # fmt: skip
        organisation.rbac_scope = frozenset(scope | {self.address} if can else scope - {self.address})  # fmt: skip

    def told(self, item: Item) -> str:
        return ids.shown(item, immutable=True)

    def told_before(self, event: StoreEvent) -> str:
        return self.told(self.server.store.item(event.item_id))

    def stored(self, item_id: str) -> str:
        return ids.stored(self.server.store, item_id)

    def attempt_of(self, item: Item) -> str:
        return item.transaction_id or super().attempt_of(item)


@dataclass
class GraphWorld(EwsWorld):
    def mailbox_there(self) -> SandboxMailbox:
        return GraphMailbox(self.server, self.calendar.email, mails_attendees=True, start="start")

    def port_to_it(self) -> Port:
        return GraphPort(self.server, writes=WRITES)


def make_graph_world(
    server: SandboxServer, resource: Resource, email: str = "room@example.com"
) -> GraphWorld:
    server.store.organisation(DOMAIN).tenant_id = TENANT
    TOKENS.clear()
    if server.store.find_mailbox(email) is None:
        add_room(server, email)
    calendar = CalendarLink.objects.create(
        resource=resource,
        connection=connect(server, resource.tenant),
        email=email,
        lease_until=NOW - DAY,
        due_at=NOW,
    )
    return GraphWorld(resource, calendar, server=server)


class GraphTown(EwsTown):
    @classmethod
    def world_on(cls, server: SandboxServer, resource: Resource, email: str) -> EwsWorld:
        return make_graph_world(server, resource, email)
