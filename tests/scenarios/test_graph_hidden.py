"""Views that hide what is there, with 200 and an empty page: over Graph they are no evidence that an event is gone."""

from __future__ import annotations

import pytest

from apps.bookings.models import Booking
from apps.sync.models import RemoteEvent
from apps.sync.telling import condition
from apps.sync.telling_bookings import BookingShown, condition_of
from tests.scenarios.graph_world import GraphWorld
from tests.sync.test_trouble import settle
from tests.sync.world import HOUR, mirror_equals_calendar

pytestmark = pytest.mark.django_db

VIEW, INSTANCES, HOME = "GET calendarView", "GET events/{id}/instances", "GET events/{id}/calendar"


@pytest.fixture
def wire() -> str:
    return "graph"


def hide_all(world: GraphWorld) -> None:
    """Every list of what lies in a range is complete, and empty; what has an id is read by it."""
    for operation in (VIEW, INSTANCES):
        world.fault("truncate", operation=operation, keep=0, claims_all=True, count=None)


def show_all(world: GraphWorld) -> None:
    world.server.faults.forget()
    world.later(HOUR)
    settle(world)


def agree(world: GraphWorld) -> None:
    assert world.blocking_here() == world.blocking_there()
    assert mirror_equals_calendar(world)
    assert not RemoteEvent.objects.exclude(problem="").exists()
    assert not world.conflicts()
    assert not world.held()


@pytest.mark.parametrize("what", ["ours", "theirs", "a series", "many"])
def test_event_that_views_hide_is_no_loss_and_people_are_told(world: GraphWorld, what: str) -> None:
    match what:
        case "ours":
            world.book(24)
        case "theirs":
            world.outlook.book(world.at(24), world.at(25))
        case "many":
            for hours in (24, 48, 72):
                world.outlook.book(world.at(hours), world.at(hours + 1))
        case _:
            world.outlook.book_series(world.at(72), HOUR, days=7, count=5)
    world.sync()
    before = world.blocking_here()
    hide_all(world)

    world.sync(is_full=True)

    assert world.blocking_here() == before
    assert not world.held()
    told = condition_of(Booking.objects.order_by("starts_at")[0], world.now)
    assert told.shown is BookingShown.CHECKING
    assert "show" in told.words
    counts = condition(world.calendar, world.now).counts
    assert counts is not None
    assert counts.doubtful == len(before)
    show_all(world)
    assert world.blocking_here() == before
    agree(world)


def test_event_of_ours_that_is_sent_while_views_hide_everything_is_sent_once(
    world: GraphWorld,
) -> None:
    world.outlook.book(world.at(48), world.at(49))
    world.sync()
    hide_all(world)
    booking = world.book(24)
    world.sync()
    assert world.blocking_here() == world.blocking_there()

    show_all(world)

    booking.refresh_from_db()
    assert booking.status == "confirmed"
    assert len(world.requests("POST events")) == 1
    agree(world)


def test_what_was_moved_to_another_calendar_is_gone_also_while_views_hide_everything(
    world: GraphWorld,
) -> None:
    filed = world.outlook.book(world.at(24), world.at(25))
    world.outlook.book(world.at(48), world.at(49))
    world.sync()
    hide_all(world)
    world.outlook.file_elsewhere(filed.item_id)

    world.sync()

    assert world.blocking_here() == [(world.at(48), world.at(49))]
    show_all(world)
    agree(world)


def test_last_occurrences_that_were_deleted_or_moved_away_one_by_one_are_gone(
    world: GraphWorld,
) -> None:
    days = world.outlook.book_series(world.at(72), HOUR, days=1, count=3)
    world.outlook.book(world.at(30), world.at(31))
    world.sync()
    for day in days[:2]:
        world.outlook.delete(day)
    world.sync()
    assert Booking.objects.blocking().count() == 2

    # A series that shows nothing any more, and says so.
    world.outlook.delete(days[2])
    world.sync()

    assert Booking.objects.blocking().count() == 1
    agree(world)


def test_no_change_and_a_plain_deletion_cost_no_more_requests(world: GraphWorld) -> None:
    gone = world.outlook.book(world.at(24), world.at(25))
    world.outlook.book(world.at(48), world.at(49))
    world.sync()
    world.forget_requests()

    world.sync()
    assert world.requests() == ["GET calendarView/delta"]

    world.outlook.delete(gone)
    world.forget_requests()
    world.sync()
    assert HOME not in world.requests()
    agree(world)
