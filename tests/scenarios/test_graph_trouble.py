"""What goes wrong over Microsoft Graph alone, and that both sides still come to agree."""

from __future__ import annotations

import pytest

from apps.bookings.models import Booking
from tests.scenarios.graph_world import GraphWorld
from tests.sync.world import DAY, mirror_equals_calendar

pytestmark = pytest.mark.django_db


@pytest.fixture
def wire() -> str:
    return "graph"


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
    assert mirror_equals_calendar(world)


def test_event_that_leaves_the_window_and_comes_back_keeps_its_booking(world: GraphWorld) -> None:
    key = world.outlook.book(world.at(24), world.at(25))
    world.sync()
    (before,) = Booking.objects.all()
    world.outlook.move(key, world.at(24 * 400))
    world.sync()
    world.outlook.move(key, world.at(30))

    world.sync()

    assert Booking.objects.blocking().get() == before
    assert world.blocking_here() == world.blocking_there()


def test_access_token_that_expired_in_the_night_costs_no_run(world: GraphWorld) -> None:
    world.outlook.book(world.at(48), world.at(49))
    world.sync()
    world.later(DAY)
    world.outlook.book(world.at(72), world.at(73))

    assert world.sync().outcome == "done"

    assert Booking.objects.blocking().count() == 2
