"""The same world with Microsoft Graph in between: a connection of Microsoft 365, with access of the organisation."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from django.conf import settings as configured

from apps.exchange.calendar import Calendar, CalendarEvent, EventKey
from apps.exchange.graph.calendar import GraphCalendar
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Resource
from apps.sandbox.graph import ids
from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Item
from apps.sync.models import CalendarLink
from apps.tenants.models import Tenant
from tests.exchange.ews.sandbox_room import DOMAIN, OLGA
from tests.scenarios.mailbox import SandboxMailbox, event_of
from tests.scenarios.world import EwsWorld, Port, furnish
from tests.sync.world import DAY, NOW

TENANT_ID = "5a1e0f5e-1111-4222-8333-444455556666"
CLIENT_ID, SECRET = "0a1b2c3d-1111-4222-8333-444455556666", "8Q~only-for-tests"
WRITES = {
    "create": "POST events", "update": "PATCH events/{id}", "delete": "DELETE events/{id}",
    "decline": "POST events/{id}/decline",
}  # fmt: skip


class GraphMailbox(SandboxMailbox):
    """Its items go by the ids that do not change, and each occurrence has a version of its own."""

    def wire_id(self, item: Item) -> str:
        return ids.shown(item, immutable=True)

    def stored(self, wire_id: str) -> str:
        return ids.stored(self.server.store, wire_id)

    def event_of(self, item: Item, key: EventKey, whole: Item) -> CalendarEvent:
        told = event_of(item, key, item.change_key)
        # Graph has no bit that says of a cancelled event that it was a meeting, or that it came by mail.
        is_invitation = item.my_response != "Organizer"
        attempt_id = item.transaction_id if told.stamp else ""
        return replace(
            told,
            is_invitation=is_invitation,
            has_attendees=item.is_meeting or is_invitation,
            attempt_id=attempt_id,
        )

    def copied(self, item: Item) -> dict[str, Any]:
        return super().copied(item) | {"transaction_id": item.transaction_id}

    @property
    def can_open(self) -> bool:
        scope = self.server.store.organisation(DOMAIN).rbac_scope
        return scope is None or self.address.lower() in scope

    @can_open.setter
    def can_open(self, can: bool) -> None:
        organisation = self.server.store.organisation(DOMAIN)
        everyone = frozenset(one.address.lower() for one in organisation.mailboxes.values())
        scope = organisation.rbac_scope or everyone
        mine = frozenset({self.address.lower()})
        organisation.rbac_scope = scope | mine if can else scope - mine


@dataclass
class GraphPort(Port):
    writes: Any = field(default_factory=WRITES.copy)

    def paged(self, real: Calendar) -> Calendar:
        assert isinstance(real, GraphCalendar)
        return GraphCalendar(real.client, page_size=self.page_size)


@dataclass
class GraphWorld(EwsWorld):
    def find_mailbox(self) -> SandboxMailbox:
        return GraphMailbox(
            self.server, self.calendar.email, mails_attendees=True, start_element="start"
        )

    def find_port(self) -> Port:
        return GraphPort(self.server)


def furnish_microsoft(server: SandboxServer) -> None:
    """The organisation is one of Microsoft 365, and has let the application in."""
    furnish(server)
    store = server.store
    organisation = store.organisation(DOMAIN)
    organisation.tenant_id = TENANT_ID
    store.registrations.clear()
    made = store.register(client_id=CLIENT_ID, secret=SECRET)
    store.consent(organisation, CLIENT_ID, roles=made.roles)
    configured.MICROSOFT_CLIENT_ID, configured.MICROSOFT_CLIENT_SECRET = CLIENT_ID, SECRET
    configured.MICROSOFT_LOGIN_URL = server.login_url
    configured.MICROSOFT_GRAPH_URL = server.graph_url
    configured.MICROSOFT_EWS_URL = server.ews_url


def connect_microsoft(tenant: Tenant) -> ExchangeConnection:
    """The tenant's connection, as a good check leaves it."""
    made, _ = ExchangeConnection.objects.get_or_create(
        tenant=tenant,
        kind=ExchangeConnection.Kind.MICROSOFT_365,
        wire=ExchangeConnection.Wire.GRAPH,
        name="Microsoft 365",
        defaults={
            "access": ExchangeConnection.Access.ORGANISATION,
            "organisation_id": TENANT_ID,
            "organisation_name": "Example",
            "email": OLGA,
        },
    )
    return made


def make_graph_world(
    server: SandboxServer, resource: Resource, email: str = "room@example.com"
) -> GraphWorld:
    if server.store.find_mailbox(email) is None:
        server.store.add_mailbox(DOMAIN, address=email, name=email.partition("@")[0], kind="room")
    calendar = CalendarLink.objects.create(
        resource=resource,
        connection=connect_microsoft(resource.tenant),
        email=email,
        lease_until=NOW - DAY,
        due_at=NOW,
    )
    return GraphWorld(resource, calendar, server=server)
