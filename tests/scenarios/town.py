"""The town of the state machine, with its mailboxes on the sandbox."""

from __future__ import annotations

import datetime as dt
import os

from apps.exchange import errors
from apps.sandbox.server import SandboxServer
from tests.factories import LocationFactory, ResourceFactory
from tests.scenarios.graph_world import WRITES as GRAPH_WRITES
from tests.scenarios.graph_world import furnish_microsoft, make_graph_world
from tests.scenarios.world import WRITES, EwsWorld, Port, forget, furnish, make_world
from tests.sync.machine.town import Room, Town

OPERATIONS = {
    "open": "GetFolder", "advance": "SyncFolderItems", "changes": "SyncFolderItems",
    "view": "FindItem", "read": "GetItem", "find": "FindItem", **WRITES,
}  # fmt: skip
# What makes the wire raise this error, by what the server does.
FAULTS: dict[type[errors.ExchangeError], dict[str, object]] = {
    errors.Unclear: {"kind": "cut-after"},
    errors.Transient: {"kind": "http", "status": 503},
    errors.Throttled: {"kind": "busy"},
    errors.StaleChangeKey: {"kind": "error", "code": "ErrorIrresolvableConflict"},
    errors.SyncStateInvalid: {"kind": "bad-sync-state"},
    errors.Rejected: {"kind": "error", "code": "ErrorCalendarDurationIsTooLong"},
    errors.NotFound: {"kind": "error", "code": "ErrorItemNotFound"},
    errors.AuthenticationFailed: {"kind": "http", "status": 401},
    errors.AccessDenied: {"kind": "http", "status": 403},
}
GRAPH_OPERATIONS = {
    "open": "GET calendar", "advance": "GET calendarView/delta",
    "changes": "GET calendarView/delta", "view": "GET calendarView", "read": "GET events/{id}",
    "find": "GET events", **GRAPH_WRITES,
}  # fmt: skip
GRAPH_FAULTS: dict[type[errors.ExchangeError], dict[str, object]] = {
    **FAULTS,
    errors.Rejected: {"kind": "error", "code": "ErrorPropertyValidationFailure"},
    errors.AccessDenied: {"kind": "error", "code": "ErrorAccessDenied"},
}


class EwsRoom(Room):
    world: EwsWorld
    port: Port  # type: ignore[assignment]

    def land(self) -> None:
        self.port.land()


class EwsTown(Town):
    @classmethod
    def on(
        cls, server: SandboxServer, start: dt.datetime, zone: str, *, is_graph: bool = False
    ) -> EwsTown:
        """Two resources, each with a mailbox of the one organisation."""
        forget()
        furnish_microsoft(server) if is_graph else furnish(server)
        server.store.set_clock(start)
        location = LocationFactory.create(tenant__window_days=14, tenant__time_zone=zone)
        rooms: list[Room] = []
        for _number in range(2):
            resource = ResourceFactory.create(location=location, time_zone=zone)
            email = f"room{os.urandom(4).hex()}@example.com"
            resource.calendar_email = email
            resource.save()
            world = (make_graph_world if is_graph else make_world)(server, resource, email)
            world.now = world.start = start
            rooms.append(EwsRoom(world, world.port))  # type: ignore[arg-type]
        return cls(location.tenant, location, rooms)
