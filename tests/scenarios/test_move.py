"""Calendars that go from EWS to Microsoft Graph, and back: every pair goes with them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from apps.bookings.models import Booking
from apps.exchange.calendar import ShowAs
from apps.exchange.graph import session as graph_session
from apps.resources.models import Resource
from apps.sandbox.server import SandboxServer
from apps.sync import moving
from apps.sync.models import EventLink, RemoteEvent
from apps.sync.move_models import CalendarMove, KeptId, Move
from tests.scenarios.moving import MovingWorld, make_moving_world
from tests.sync.world import DAY, HOUR

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _microsoft_is_the_sandbox(settings: Any, server: SandboxServer) -> Iterator[None]:
    settings.CALENDAR_FACTORY = "apps.exchange.services.calendar_for"
    settings.MICROSOFT_EWS_URL = server.ews_url
    settings.MICROSOFT_GRAPH_URL = f"{server.url}/graph"
    settings.MICROSOFT_CLIENT_ID = "6d1b3f52-9a7e-4a53-8f6c-3f2a0c6a9b01"
    yield
    graph_session.close_connections()


@pytest.fixture
def world(server: SandboxServer, resource: Resource) -> MovingWorld:
    return make_moving_world(server, resource)


def furnish(world: MovingWorld) -> None:
    """Events of every kind, and bookings of ours, all agreed on."""
    outlook = world.outlook
    world.book(24, "Stand-up")
    world.book(26, "  Two   spaces ")
    outlook.book(world.at(28), world.at(29), "Theirs")
    outlook.book(world.at(30), world.at(31), "Secret", is_private=True)
    outlook.book(world.at(32), world.at(33), "Free", show_as=ShowAs.FREE)
    outlook.book(world.at(34), world.at(35), "Asked", is_invitation=True)
    midnight = world.at(0).replace(hour=0) + 5 * DAY
    outlook.book(midnight, midnight + DAY, "Whole day", is_all_day=True)
    days = outlook.book_series(world.at(50), HOUR, days=1, count=5, subject="Daily",
                               time_zone="Europe/London")  # fmt: skip
    outlook.move(days[1], world.at(50 + 24 + 3))
    outlook.change(days[2], subject="Other words")
    outlook.delete(days[3])
    world.settle()


def here(world: MovingWorld) -> list[tuple[Any, ...]]:
    rows = Booking.objects.filter(resource=world.resource)
    return sorted(
        (row.pk, row.revision, row.status, row.starts_at, row.ends_at, row.title) for row in rows
    )


def test_moved_calendar_that_nobody_changed_writes_nothing_and_keeps_every_pair(
    world: MovingWorld,
) -> None:
    furnish(world)
    bookings, links, prints = here(world), world.links(), world.fingerprints()
    world.forget_requests()

    move = world.move()
    world.settle()

    assert move.state == Move.State.ENDED
    assert world.calendar.connection == world.over_graph
    assert world.calendar.state == "in_sync"
    assert world.writes() == []
    assert world.links() == links
    assert here(world) == bookings
    assert world.fingerprints() == prints
    assert all(world.requests()[-1].startswith(verb) for verb in ("GET",))


def test_way_back_is_as_quiet(world: MovingWorld) -> None:
    furnish(world)
    bookings, links, keys = here(world), world.links(), world.calendar.mailbox_key
    items = dict(EventLink.objects.values_list("pk", "item_id"))
    move = world.move()
    world.settle()
    world.forget_requests()

    world.undo(move)
    world.settle()

    assert world.calendar.connection == world.over_ews
    assert world.calendar.mailbox_key == keys
    assert dict(EventLink.objects.values_list("pk", "item_id")) == items
    assert world.writes() == []
    assert (here(world), world.links()) == (bookings, links)
