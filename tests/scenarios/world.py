"""A resource, its mailbox on a sandbox that is served, and everything between them as in production."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from apps.exchange import services as connections
from apps.exchange.calendar import Calendar
from apps.exchange.ews.calendar import EwsCalendar
from apps.exchange.models import ExchangeConnection
from apps.exchange.secrets import seal
from apps.resources.models import Resource
from apps.sandbox.graph.errors import GraphError
from apps.sandbox.server import SandboxServer
from apps.sandbox.store import StoreError
from apps.sync.models import CalendarLink
from apps.tenants.models import Tenant
from tests.exchange.ews.sandbox_room import ACCOUNT, DOMAIN, OLGA, PASSWORD
from tests.scenarios.mailbox import SandboxMailbox, SandboxOutlook
from tests.sync.world import DAY, HOUR, NOW, World

Hook = Callable[[str, str], None]
WRITES = {
    "create": "CreateItem", "update": "UpdateItem", "delete": "DeleteItem", "decline": "CreateItem",
}  # fmt: skip
PAGE = 100
# By email: the ports that tests look over the shoulder of.
PORTS: dict[str, Port] = {}
WORLDS: list[EwsWorld] = []


def quiet(_step: str, _when: str) -> None:
    """The hook of a good day."""


def calendar_for(connection: ExchangeConnection, email: str) -> Calendar:
    """The real port, with a test looking over its shoulder."""
    real = connections.calendar_for(connection, email)
    port = PORTS.get(email)
    return real if port is None else port.over(real)


@dataclass
class Landings:
    """Writes that are on their way; nobody knows whether they arrive."""

    server: SandboxServer

    def clear(self) -> None:
        self.server.faults._waiting.clear()


@dataclass
class Port:
    """What tests say of the port of one mailbox, as they do of the one in memory."""

    server: SandboxServer
    hook: Hook = quiet
    page_size: int = PAGE
    requests: list[str] = field(default_factory=list)
    loses_next: bool = False
    # What the wire calls each write, in the sandbox's faults and its log.
    writes: Mapping[str, str] = field(default_factory=WRITES.copy)

    @property
    def landings(self) -> Landings:
        return Landings(self.server)

    def land(self) -> None:
        """What was lost on the way arrives after all; what was changed meanwhile refuses it."""
        with contextlib.suppress(StoreError, GraphError):
            self.server.faults.land()

    def over(self, real: Calendar) -> Calendar:
        if self.page_size != PAGE:
            real = self.paged(real)
        return cast("Calendar", Watched(real, self))

    def paged(self, real: Calendar) -> Calendar:
        """The same port, which reads as much at a time as the test says."""
        assert isinstance(real, EwsCalendar)
        return EwsCalendar(real.wire, page_size=self.page_size)


class Watched:
    """Tells the hook of each step, before it and after."""

    def __init__(self, real: Calendar, port: Port) -> None:
        self._real = real
        self._port = port

    def __getattr__(self, name: str) -> Any:
        step = getattr(self._real, name)
        if not callable(step):
            return step

        def taken(*args: Any, **fields: Any) -> Any:
            self._port.requests.append(name)
            self._port.hook(name, "before")
            answer = self._taken(name, step, args, fields)
            self._port.hook(name, "after")
            return answer

        return taken

    def _taken(self, name: str, step: Any, args: Any, fields: Any) -> Any:
        if name not in self._port.writes or not self._port.loses_next:
            return step(*args, **fields)
        self._port.loses_next = False
        faults = self._port.server.faults
        lost = faults.arrange({"kind": "late", "operation": self._port.writes[name]})
        try:
            return step(*args, **fields)
        finally:
            faults.forget(lost.id)


@dataclass
class EwsWorld(World):
    """As the world in memory, with HTTP in between."""

    server: SandboxServer = None  # type: ignore[assignment]
    mailbox: SandboxMailbox = field(init=False)  # type: ignore[assignment]
    port: Port = field(init=False)  # type: ignore[assignment]
    outlook: SandboxOutlook = field(init=False)  # type: ignore[assignment]

    def __post_init__(self) -> None:
        self.mailbox = self.find_mailbox()
        self.port = PORTS[self.calendar.email] = self.find_port()
        self.outlook = SandboxOutlook(self.mailbox)
        self.server.store.set_clock(self.now)
        WORLDS.append(self)

    def find_mailbox(self) -> SandboxMailbox:
        return SandboxMailbox(self.server, self.calendar.email)

    def find_port(self) -> Port:
        return Port(self.server)

    def later(self, by: dt.timedelta) -> None:
        super().later(by)
        self.server.store.set_clock(self.now)

    def requests(self, operation: str = "") -> list[str]:
        """What was asked of the server since `forget_requests`."""
        return [line.operation for line in self.server.requests.lines(operation)]

    def forget_requests(self) -> None:
        self.server.requests.forget()

    def fault(self, kind: str, **fields: object) -> None:
        self.server.faults.arrange({"kind": kind, **fields})


def forget() -> None:
    """After a test: nobody looks over a shoulder, or listens, any more."""
    PORTS.clear()
    for world in WORLDS:
        world.mailbox.close()
    WORLDS.clear()


def furnish(server: SandboxServer) -> None:
    """An empty organisation with a service account, and one person."""
    server.faults.forget()
    server.faults._waiting.clear()
    server.requests.forget()
    server.sign_ins.forget()
    store = server.store
    store.organisations.clear()
    store.index_again()
    store.add_organisation(domain=DOMAIN, name="Example", server="127.0.0.1", time_zone="UTC")
    store.add_mailbox(DOMAIN, address=OLGA, name="Olga", kind="user")
    store.add_account(
        DOMAIN, name=ACCOUNT, login="EXAMPLE\\svc", password=PASSWORD, impersonates=("room",)
    )


def add_room(server: SandboxServer, email: str, **fields: Any) -> None:
    server.store.add_mailbox(
        DOMAIN, address=email, name=email.partition("@")[0], kind="room", **fields
    )


def connect(server: SandboxServer, tenant: Tenant, sign_in: str = "basic") -> ExchangeConnection:
    """The tenant's connection, as a good check leaves it."""
    made, _ = ExchangeConnection.objects.get_or_create(
        tenant=tenant,
        wire="ews",
        name="Exchange",
        defaults={
            "server": server.url,
            "server_url": server.ews_url,
            "email": ACCOUNT,
            "username": "EXAMPLE\\svc" if sign_in == "ntlm" else ACCOUNT,
            "sealed_password": seal(PASSWORD),
            "sign_in": sign_in,
        },
    )
    return made


def make_world(
    server: SandboxServer, resource: Resource, email: str = "room@example.com"
) -> EwsWorld:
    if server.store.find_mailbox(email) is None:
        add_room(server, email)
    calendar = CalendarLink.objects.create(
        resource=resource,
        connection=connect(server, resource.tenant),
        email=email,
        lease_until=NOW - DAY,
        due_at=NOW,
    )
    return EwsWorld(resource, calendar, server=server)


def fill(server: SandboxServer, email: str, now: dt.datetime, *, past: int, ahead: int) -> int:
    """A mailbox with a long history, and some events to come; how many pages that is."""
    if server.store.find_mailbox(email) is None:
        add_room(server, email)
    folder = server.store.mailbox(email).calendar.id
    hour = now.replace(minute=0, second=0, microsecond=0)
    starts = [hour - 3 * DAY - number * HOUR for number in range(past)]
    starts += [hour + DAY + number * 2 * HOUR for number in range(ahead)]
    for number, start in enumerate(starts):
        server.store.write_new(
            folder, {"subject": f"Event {number}", "start": start, "end": start + HOUR}
        )
    return -(-len(starts) // 512)
