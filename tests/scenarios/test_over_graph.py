"""The engine over Microsoft Graph, and that a day ends as it does over EWS."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from apps.bookings.models import Booking
from apps.exchange.graph import session as graph_session
from apps.resources.models import Resource
from apps.sandbox.server import SandboxServer
from apps.sync.models import EventLink
from tests.factories import ResourceFactory
from tests.scenarios import over_graph
from tests.scenarios import world as over_ews
from tests.scenarios.over_graph import GraphWorld, make_graph_world
from tests.scenarios.world import EwsWorld, make_world
from tests.sync.world import DAY, HOUR, mirror_equals_calendar

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture(autouse=True)
def _over_graph(settings: Any) -> Iterator[None]:
    settings.CALENDAR_FACTORY = "tests.scenarios.over_graph.calendar_for"
    yield
    graph_session.close_connections()


@pytest.fixture
def world(server: SandboxServer, resource: Resource) -> GraphWorld:
    return make_graph_world(server, resource)


def settled(world: EwsWorld) -> bool:
    """Both sides say the same, and there is nothing left to do."""
    for _number in range(4):
        world.later(6 * MINUTE)
        world.sync()
    assert not world.sync().counts
    assert world.blocking_here() == world.blocking_there()
    return mirror_equals_calendar(world)


def test_no_change_costs_one_request(world: GraphWorld) -> None:
    for number in range(4):
        world.outlook.book(world.at(24 + 2 * number), world.at(25 + 2 * number))
    world.outlook.book_series(world.at(50), HOUR)
    assert settled(world)
    world.forget_requests()

    world.sync()

    assert world.requests() == ["GET calendarView/delta"]


def test_what_people_do_on_either_side_is_found_on_the_other(world: GraphWorld) -> None:
    booking = world.book(24)
    theirs = world.outlook.book(world.at(48), world.at(49))
    world.sync()
    assert world.blocking_here() == world.blocking_there()

    world.move(booking, 30)
    world.outlook.move(theirs, world.at(52))
    world.sync()

    both = [(world.at(30), world.at(31)), (world.at(52), world.at(53))]
    assert world.blocking_here() == world.blocking_there() == both
    assert settled(world)


def test_occurrence_deleted_in_outlook_cancels_its_booking_alone(world: GraphWorld) -> None:
    keys = world.outlook.book_series(world.at(24), HOUR)
    world.sync()
    world.outlook.delete(keys[1])

    world.sync()

    assert Booking.objects.blocking().count() == 3
    assert settled(world)


def test_create_whose_reply_was_lost_is_adopted_not_repeated(world: GraphWorld) -> None:
    world.book(24)
    world.fault("cut-after", operation="POST events")
    world.sync()

    assert settled(world)

    assert len(list(world.outlook.blocking())) == 1
    assert EventLink.objects.get().state == EventLink.State.LIVE


def test_lost_token_costs_a_full_round_and_no_booking(world: GraphWorld) -> None:
    world.book(24)
    gone = world.outlook.book(world.at(48), world.at(49))
    world.outlook.book(world.at(72), world.at(73))
    world.sync()
    world.outlook.delete(gone)
    world.server.store.forget_sync_states(world.mailbox.box.calendar.id)

    world.sync()

    both = [(world.at(24), world.at(25)), (world.at(72), world.at(73))]
    assert world.blocking_here() == world.blocking_there() == both
    assert settled(world)


def test_event_that_leaves_the_window_and_comes_back_keeps_its_booking(world: GraphWorld) -> None:
    key = world.outlook.book(world.at(24), world.at(25))
    world.sync()
    (before,) = Booking.objects.all()
    world.outlook.move(key, world.at(24 * 400))
    world.sync()
    world.outlook.move(key, world.at(30))

    world.sync()

    assert Booking.objects.blocking().get() == before
    assert settled(world)


def test_token_that_expires_in_the_night_is_refreshed(world: GraphWorld) -> None:
    world.outlook.book(world.at(48), world.at(49))
    world.sync()
    world.later(DAY)
    world.outlook.book(world.at(72), world.at(73))

    assert world.sync().outcome == "done"

    assert Booking.objects.blocking().count() == 2


def _day(world: EwsWorld) -> None:
    """What may happen on a day, with runs in between."""
    first, second = world.book(24), world.book(26, "Late")
    days = world.outlook.book(world.at(15), world.at(39), "Day", is_all_day=True)
    asked = world.outlook.book(
        world.at(54), world.at(55), "Asked", is_invitation=True, has_attendees=True
    )
    series = world.outlook.book_series(world.at(60), HOUR, days=1, count=5, time_zone="Europe/London")  # fmt: skip
    world.sync()
    world.later(10 * MINUTE)
    world.outlook.delete(days)
    world.outlook.delete(series[1])
    world.outlook.move(series[2], world.at(110))
    world.outlook.change(asked, is_private=True)
    world.move(first, 34)
    world.sync()
    world.later(10 * MINUTE)
    world.cancel(second)
    world.outlook.copy(series[0], world.at(140))
    world.outlook.change(asked, is_cancelled=True)
    world.fault("late", operation="CreateItem")
    world.fault("late", operation="POST events")
    world.book(170, "On its way")
    world.sync()
    world.later(10 * MINUTE)
    world.port.land()
    world.sync(is_full=True)


def test_same_day_over_both_wires_ends_equal(server: SandboxServer, settings: Any) -> None:
    ends: list[Any] = []
    makers: list[tuple[str, Callable[..., EwsWorld]]] = [
        (over_graph.__name__, make_graph_world),
        (over_ews.__name__, make_world),
    ]
    for number, (factory, make) in enumerate(makers):
        settings.CALENDAR_FACTORY = f"{factory}.calendar_for"
        world = make(server, ResourceFactory.create(), f"room{number}@example.com")
        _day(world)
        assert settled(world)
        rows = Booking.objects.filter(resource=world.resource)
        ends.append(
            (
                world.blocking_there(),
                sorted(rows.values_list("title", "status", "starts_at", "ends_at", "all_day")),
            )
        )

    assert ends[0] == ends[1]
    assert ends[0][0]
