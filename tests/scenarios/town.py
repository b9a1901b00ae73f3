"""The town of the state machine, with its mailboxes on the sandbox."""

from __future__ import annotations

import datetime as dt
import os

from apps.exchange import errors
from apps.resources.models import Resource
from apps.sandbox.server import SandboxServer
from tests.factories import LocationFactory, ResourceFactory
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


class EwsRoom(Room):
    world: EwsWorld
    port: Port  # type: ignore[assignment]

    def land(self) -> None:
        self.port.land()


class EwsTown(Town):
    @classmethod
    def on(cls, server: SandboxServer, start: dt.datetime, zone: str) -> EwsTown:
        """Two resources, each with a mailbox of the one organisation."""
        forget()
        furnish(server)
        server.store.set_clock(start)
        location = LocationFactory.create(tenant__window_days=14, tenant__time_zone=zone)
        rooms: list[Room] = []
        for _number in range(2):
            resource = ResourceFactory.create(location=location, time_zone=zone)
            email = f"room{os.urandom(4).hex()}@example.com"
            resource.calendar_email = email
            resource.save()
            world = cls.world_on(server, resource, email)
            world.now = world.start = start
            rooms.append(EwsRoom(world, world.port))  # type: ignore[arg-type]
        return cls(location.tenant, location, rooms)

    @classmethod
    def world_on(cls, server: SandboxServer, resource: Resource, email: str) -> EwsWorld:
        return make_world(server, resource, email)
