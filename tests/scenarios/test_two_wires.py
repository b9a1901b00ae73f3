"""One mailbox, told by both wires: an event means the same over either, so that a move changes nothing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from apps.exchange import services as connections
from apps.exchange.calendar import CalendarEvent, ShowAs
from apps.exchange.graph import session as graph_session
from apps.resources.models import Resource
from apps.sandbox.server import SandboxServer
from apps.sync.fingerprint import fingerprint, normal
from apps.sync.mapping import Kept, masked
from apps.sync.session import window_of
from tests.exchange.contract.room import whole_view
from tests.scenarios.moving import MovingWorld, be_the_sandbox, make_moving_world
from tests.sync.world import DAY, HOUR

pytestmark = pytest.mark.django_db

LONG = "Very long words " * 40
ODD = "  Tabs\tand\nlines,   and     space  "


@pytest.fixture(autouse=True)
def _microsoft_is_the_sandbox(settings: Any, server: SandboxServer) -> Iterator[None]:
    be_the_sandbox(settings, server)
    yield
    graph_session.close_connections()


@pytest.fixture
def world(server: SandboxServer, resource: Resource) -> MovingWorld:
    return make_moving_world(server, resource)


def furnish(world: MovingWorld) -> None:
    outlook = world.outlook
    for number, subject in enumerate((LONG, ODD, "", "Plain", "Ünïcödé 会議 🚪")):
        outlook.book(world.at(24 + 2 * number), world.at(25 + 2 * number), subject)
    for number, show_as in enumerate(ShowAs):
        outlook.book(world.at(48 + number), world.at(49 + number), show_as, show_as=show_as)
    outlook.book(world.at(60), world.at(61), "Secret", is_private=True)
    outlook.book(world.at(62), world.at(62), "No length")
    outlook.book(world.at(64), world.at(65), "Asked", is_invitation=True)
    outlook.book(world.at(66), world.at(67), "Declined", is_invitation=True, is_declined=True)
    outlook.book(world.at(68), world.at(69), "Off", is_invitation=True, is_cancelled=True)
    outlook.book(world.at(70), world.at(71), "Guests", has_attendees=True)
    for number, zone in enumerate(("UTC", "Europe/London", "Australia/Sydney", "America/New_York")):
        day = dt.datetime(2027, 3, 20 + number, tzinfo=dt.UTC)
        first = day.astimezone(ZoneInfo(zone)).replace(hour=0)
        # Over the change of the clock, north and south.
        outlook.book(first.astimezone(dt.UTC), (first + 16 * DAY).astimezone(dt.UTC),
                     f"Days in {zone}", is_all_day=True)  # fmt: skip
        outlook.book_series(
            world.at(80 + number), HOUR, days=7, count=8, time_zone=zone, subject=f"Weekly {zone}"
        )
    moved = outlook.book_series(world.at(90), HOUR, days=1, count=6, subject="Daily")
    outlook.move(moved[1], world.at(90 + 24 + 5))
    outlook.change(moved[2], subject="Other")
    outlook.change(moved[3], is_private=True)
    outlook.delete(moved[4])


def told_by(world: MovingWorld, connection: Any) -> dict[tuple[str, dt.datetime, str], Any]:
    """What an event means, and what else the planner looks at, by what tells it from others."""
    port = connections.calendar_for(connection, world.calendar.email)
    return {
        (event.key.original_start, event.starts_at, normal(event.subject)): meaning(event)
        for event in whole_view(port, window_of(world.now, 180))
    }


def meaning(event: CalendarEvent) -> tuple[object, ...]:
    return (
        fingerprint(masked(event, Kept.SUBJECT)),
        event.ends_at,
        event.is_all_day,
        event.show_as,
        event.is_invitation,
        event.has_attendees,
        event.stamp,
    )


def test_both_wires_tell_the_same(world: MovingWorld) -> None:
    furnish(world)

    over_ews, over_graph = (told_by(world, one) for one in (world.over_ews, world.over_graph))

    assert over_graph.keys() == over_ews.keys()
    assert len(over_ews) > 50
    for key, known in over_ews.items():
        assert over_graph[key] == known, key
