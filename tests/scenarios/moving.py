"""A resource whose mailbox at Microsoft 365 is reached over EWS, and can be over Microsoft Graph."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from django.utils import timezone

from apps.bookings.models import Booking
from apps.exchange import identity
from apps.exchange.calendar import EventKey
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Resource
from apps.sandbox.server import SandboxServer
from apps.sync import moving
from apps.sync.models import CalendarLink, EventLink, RemoteEvent
from apps.sync.move_models import Move
from apps.tenants.models import Tenant
from tests.exchange.ews.bearer_room import APP, TENANT
from tests.exchange.ews.sandbox_room import DOMAIN
from tests.scenarios.mailbox import STAMP
from tests.scenarios.world import EwsWorld, add_room
from tests.sync.world import DAY, NOW

# Operations of either wire that change a mailbox.
WRITES = {
    "CreateItem", "UpdateItem", "DeleteItem", "POST events", "PATCH events/{id}",
    "DELETE events/{id}", "POST events/{id}/decline",
}  # fmt: skip


def be_at_microsoft(server: SandboxServer) -> None:
    """The organisation is one of Microsoft 365, and our application may still use EWS."""
    store = server.store
    organisation = store.organisation(DOMAIN)
    organisation.tenant_id = TENANT
    organisation.ews_allowed_apps = frozenset({APP})
    store.register(client_id=APP, secret="made-up~value")


def be_the_sandbox(settings: Any, server: SandboxServer) -> None:
    """Microsoft is the sandbox, and nobody looks over the ports' shoulders."""
    settings.CALENDAR_FACTORY = "apps.exchange.services.calendar_for"
    settings.MICROSOFT_EWS_URL = server.ews_url
    settings.MICROSOFT_GRAPH_URL = f"{server.url}/graph"
    settings.MICROSOFT_CLIENT_ID = APP


def microsoft(server: SandboxServer, tenant: Tenant, wire: str, name: str) -> ExchangeConnection:
    """An installed connection with tokens that outlive the test."""
    made = ExchangeConnection.objects.create(
        tenant=tenant, kind="microsoft_365", wire=wire, name=name, access="organisation",
        organisation_id=TENANT, organisation_name="Example",
    )  # fmt: skip
    for audience in ("ews", "graph"):
        token = server.store.issue(
            resource=audience,
            organisation=DOMAIN,
            client_id=APP,
            seconds=400 * 24 * 3600,
        )
        identity.store(
            made,
            access_token=token,
            refresh_token="",
            expires_at=timezone.now() + dt.timedelta(days=400),
            audience=audience,
        )
    return made


@dataclass
class MovingWorld(EwsWorld):
    over_ews: ExchangeConnection = field(default=None)  # type: ignore[assignment]
    over_graph: ExchangeConnection = field(default=None)  # type: ignore[assignment]

    def preview(self) -> Move:
        move = moving.preview(self.over_ews, self.over_graph, by=None)
        self.work(move)
        return move

    def go_over(self) -> Move:
        """Look, start, and let a worker do it all."""
        move = self.preview()
        moving.start(move, by=None)
        self.work(move)
        return move

    def undo(self, move: Move) -> Move:
        back = moving.undo(move, by=None, now=self.now)
        self.work(back)
        return back

    def work(self, move: Move) -> None:
        while moving.carry_on(move.pk, self.clock):
            pass
        move.refresh_from_db()
        self.calendar.refresh_from_db()

    def key_of(self, booking: Booking) -> EventKey:
        """Of its event, as the store knows it, whatever wire wrote it."""
        (found,) = [
            one.id
            for one in self.mailbox.box.calendar.items
            if str(one.extended.get(STAMP, "")).endswith(str(booking.uuid))
        ]
        return EventKey(found)

    def settle(self) -> None:
        """Runs until nothing is left to do."""
        for _number in range(6):
            if not self.sync().goes_on:
                break

    def writes(self) -> list[str]:
        """What was written into mailboxes since `forget_requests`."""
        return [one for one in self.requests() if one in WRITES]

    def links(self) -> dict[int, tuple[str, str, int, str, str]]:
        """What each link knows, but the name of its item."""
        return {
            link.pk: (
                link.state, link.original_start, link.pushed_revision, link.remote_fingerprint,
                link.held,
            )
            for link in EventLink.objects.filter(calendar=self.calendar)
        }  # fmt: skip

    def fingerprints(self) -> dict[tuple[Any, ...], str]:
        """Of the mirror, by where each event lies."""
        rows = RemoteEvent.objects.filter(calendar=self.calendar)
        return {(row.starts_at, row.original_start, row.subject): row.fingerprint for row in rows}


def make_moving_world(
    server: SandboxServer, resource: Resource, email: str = "room@example.com"
) -> MovingWorld:
    be_at_microsoft(server)
    if server.store.find_mailbox(email) is None:
        add_room(server, email)
    server.store.set_clock(NOW)
    over_ews = microsoft(server, resource.tenant, "ews", "Over EWS")
    calendar = CalendarLink.objects.create(
        resource=resource, connection=over_ews, email=email,
        lease_until=NOW - DAY, due_at=NOW,
    )  # fmt: skip
    return MovingWorld(
        resource,
        calendar,
        server=server,
        over_ews=over_ews,
        over_graph=microsoft(server, resource.tenant, "graph", "Over Graph"),
    )
