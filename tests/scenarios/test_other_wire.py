"""Uninstalled over one wire and installed over the other, in place of a move: the pairs are the same again."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest

from apps.bookings import services as bookings
from apps.bookings.models import Booking
from apps.bookings.walltime import Span
from apps.exchange.graph import session as graph_session
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Resource
from apps.sandbox.graph.ids import rest
from apps.sandbox.server import SandboxServer
from apps.sync import connecting, crossing, leave
from apps.sync.models import CalendarLink, EventLink
from tests.scenarios.moving import MovingWorld, be_the_sandbox, make_moving_world, microsoft
from tests.scenarios.world import add_room
from tests.sync.world import DAY, HOUR

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _microsoft_is_the_sandbox(settings: Any, server: SandboxServer) -> Iterator[None]:
    be_the_sandbox(settings, server)
    yield
    graph_session.close_connections()


def connected(
    server: SandboxServer, resource: Resource, wire: str, *, is_alike: bool = False
) -> MovingWorld:
    """Connected over one of the wires; `is_alike`: both call the mailbox the same."""
    made = make_moving_world(server, resource, _room(server, is_alike=is_alike))
    if wire == "graph":
        CalendarLink.objects.update(connection=made.over_graph)
        made.calendar.refresh_from_db()
    return made


def _room(server: SandboxServer, *, is_alike: bool) -> str:
    """A room whose id has letters that addresses write otherwise, or has none of them."""
    for number in count():
        email = f"room{number}@example.com"
        add_room(server, email)
        folder_id = server.store.mailbox(email).calendar.id
        if (folder_id == rest(folder_id)) is is_alike:
            return email
    raise AssertionError


def other(world: MovingWorld) -> str:
    connection = world.calendar.connection
    assert connection is not None
    return "ews" if connection.wire == "graph" else "graph"


def furnish(world: MovingWorld) -> None:
    """Single bookings of both sides, all-day ones, and series of which some occurrences are others now."""
    outlook = world.outlook
    world.book(24, "Stand-up")
    world.book(26, "  Two   spaces ")
    day = world.at(0).date()
    span = Span.days(day + 9 * DAY, day + 10 * DAY, world.resource.time_zone)
    bookings.book(resource=world.resource, span=span, title="Whole days", by=None)
    outlook.book(world.at(28), world.at(29), "Theirs")
    outlook.book(world.at(34), world.at(35), "Asked", is_invitation=True)
    midnight = world.at(0).replace(hour=0) + 5 * DAY
    outlook.book(midnight, midnight + DAY, "Whole day", is_all_day=True)
    days = outlook.book_series(world.at(50), HOUR, days=1, count=5, subject="Daily",
                               time_zone="Europe/London")  # fmt: skip
    outlook.move(days[1], world.at(50 + 24 + 3))
    outlook.change(days[2], subject="Other words")
    outlook.delete(days[3])
    world.settle()


def refuse_to_translate(world: MovingWorld) -> None:
    world.fault(
        "error", operation="POST translateExchangeIds", code="ErrorAccessDenied", count=None
    )


def here(world: MovingWorld) -> list[tuple[Any, ...]]:
    rows = Booking.objects.filter(resource=world.resource)
    return sorted(
        (row.pk, row.revision, row.status, row.starts_at, row.ends_at, row.title) for row in rows
    )


def uninstall(world: MovingWorld) -> None:
    assert world.calendar.connection is not None
    leave.uninstall(world.calendar.connection, keeps_ours_there=True, keeps_theirs_here=True)
    world.calendar.refresh_from_db()
    assert world.calendar.state == "not_connected"


def disconnect_and_uninstall(world: MovingWorld) -> None:
    connection = world.calendar.connection
    assert connection is not None
    leave.leave(world.calendar, keeps_ours_there=True, keeps_theirs_here=True)
    leave.uninstall(connection, keeps_ours_there=True, keeps_theirs_here=True)


def install(world: MovingWorld, wire: str) -> ExchangeConnection:
    return microsoft(world.server, world.resource.tenant, wire, "Installed anew")


def reconnect(world: MovingWorld, connection: ExchangeConnection) -> None:
    """As *Install* offers it, or as somebody types the address again."""
    world.calendar.refresh_from_db()
    world.resource.refresh_from_db()
    connecting.connect(resource=world.resource, email=world.calendar.email, connection=connection)
    world.calendar.refresh_from_db()
    world.settle()


LEAVING = {"uninstalled": uninstall, "disconnected, uninstalled": disconnect_and_uninstall}


@pytest.mark.parametrize(
    ("wire", "how", "translates", "is_alike"),
    [
        ("ews", "uninstalled", True, False),
        ("ews", "uninstalled", False, True),
        ("ews", "disconnected, uninstalled", True, True),
        ("graph", "uninstalled", False, False),
        ("graph", "disconnected, uninstalled", False, True),
    ],
)
def test_every_pair_is_the_same_over_the_other_wire(
    server: SandboxServer,
    resource: Resource,
    wire: str,
    how: str,
    *,
    translates: bool,
    is_alike: bool,
) -> None:
    world = connected(server, resource, wire, is_alike=is_alike)
    furnish(world)
    before, there = here(world), world.blocking_there()
    following = other(world)
    if not translates:
        refuse_to_translate(world)
    LEAVING[how](world)
    world.forget_requests()

    reconnect(world, install(world, following))

    assert world.calendar.state == "in_sync"
    agreed(world)
    assert here(world) == before
    assert world.blocking_there() == there


def agreed(world: MovingWorld) -> None:
    assert world.writes() == []
    assert not world.conflicts()
    assert not world.held()
    assert not EventLink.objects.filter(state="dormant").exists()


@pytest.mark.parametrize("wire", ["ews", "graph"])
def test_what_was_changed_meanwhile_is_agreed_on_and_doubled_on_neither_side(
    server: SandboxServer, resource: Resource, wire: str
) -> None:
    world = connected(server, resource, wire)
    moved, cancelled, gone, both = (
        world.book(hours, f"Ours {hours}") for hours in (24, 28, 32, 36)
    )
    theirs = world.outlook.book(world.at(40), world.at(41), "Theirs")
    daily = world.outlook.book_series(world.at(72), HOUR, days=1, count=4, subject="Daily")
    world.settle()
    keys = {one: world.key_of(one) for one in (gone, both)}
    following = other(world)
    uninstall(world)
    world.move(moved, 25)
    world.cancel(cancelled)
    world.move(both, 37)
    world.book(60, "New here")
    world.outlook.delete(keys[gone])
    world.outlook.move(keys[both], world.at(38))
    world.outlook.move(theirs, world.at(42))
    world.outlook.delete(daily[1])
    world.outlook.book(world.at(64), world.at(65), "New there")

    reconnect(world, install(world, following))

    assert world.calendar.state == "in_sync"
    # Both moved one booking: that is to be asked, and nothing else.
    assert [one.kind for one in world.conflicts()] == ["both_changed"]
    assert not world.held()
    open_here = {world.at(37): 1}
    open_there = {world.at(38): 1}
    starts_here = Counter(at for at, _end in world.blocking_here())
    starts_there = Counter(at for at, _end in world.blocking_there())
    agreed_on = [world.at(hours) for hours in (25, 42, 60, 64, 72, 72 + 48, 72 + 72)]
    assert starts_here == Counter(agreed_on) + Counter(open_here)
    assert starts_there == Counter(agreed_on) + Counter(open_there)
    gone.refresh_from_db()
    assert gone.status == "cancelled"


@pytest.mark.parametrize("wire", ["ews", "graph"])
def test_where_folders_tell_nothing_an_event_that_both_have_proves_the_mailbox(
    server: SandboxServer, resource: Resource, monkeypatch: pytest.MonkeyPatch, wire: str
) -> None:
    world = connected(server, resource, wire)
    furnish(world)
    before, following = here(world), other(world)
    monkeypatch.setattr(crossing, "is_same_folder", lambda _one, _other: False)
    uninstall(world)
    world.forget_requests()

    reconnect(world, install(world, following))

    agreed(world)
    assert here(world) == before


def test_another_mailbox_over_the_other_wire_wakes_nothing(
    server: SandboxServer, resource: Resource
) -> None:
    world = connected(server, resource, "ews")
    world.outlook.book(world.at(28), world.at(29), "Theirs")
    world.settle()
    before = here(world)
    world.server.store.replace_mailbox(world.calendar.email)
    uninstall(world)

    reconnect(world, install(world, "graph"))

    assert world.calendar.state == "in_sync"
    assert EventLink.objects.get().state == "dormant"
    assert here(world) == before


def test_there_and_back_again_keeps_every_pair(server: SandboxServer, resource: Resource) -> None:
    world = connected(server, resource, "ews", is_alike=True)
    furnish(world)
    before = here(world)
    refuse_to_translate(world)
    for wire in ("graph", "ews", "graph"):
        uninstall(world)
        world.forget_requests()
        reconnect(world, install(world, wire))

        agreed(world)
        assert here(world) == before


@pytest.mark.parametrize(
    ("wire", "is_late"),
    [("ews", True), ("graph", True), ("graph", False)],
    ids=["ews, later", "graph, later", "graph, at once"],
)
def test_create_without_an_answer_is_one_event_over_the_other_wire_too(
    server: SandboxServer, resource: Resource, wire: str, *, is_late: bool
) -> None:
    world = connected(server, resource, wire)
    world.settle()
    following = other(world)
    booking = world.book(50, "Lost reply")
    operation = "CreateItem" if wire == "ews" else "POST events"
    world.fault("late" if is_late else "cut-after", operation=operation)
    world.sync()
    uninstall(world)

    reconnect(world, install(world, following))
    if is_late:
        world.server.faults.land()
    world.later(10 * MINUTE)
    world.settle()
    world.later(10 * MINUTE)
    world.settle()

    assert world.calendar.state == "in_sync"
    assert not world.conflicts()
    assert world.blocking_there() == world.blocking_here() == [(world.at(50), world.at(51))]
    assert EventLink.objects.get(state="live").booking == booking
