"""What goes wrong over Microsoft Graph alone, and that both sides still come to agree."""

from __future__ import annotations

import datetime as dt

import pytest

from apps.bookings.models import Booking
from apps.exchange.calendar import EventKey, Page, ShowAs
from apps.sync.models import EventLink
from tests.scenarios.graph_world import GraphWorld
from tests.sync.world import DAY, HOUR, mirror_equals_calendar

pytestmark = pytest.mark.django_db
MINUTE = dt.timedelta(minutes=1)


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


def test_event_that_was_deleted_before_we_knew_of_it_is_written_once_more_and_delays_no_other(
    world: GraphWorld,
) -> None:
    first, second = world.book(24), world.book(48)
    world.fault("cut-after", operation="POST events")
    world.sync()
    (event,) = world.mailbox.box.calendar.items
    world.outlook.delete(EventKey(world.mailbox.wire_id(event)))
    attempt = EventLink.objects.get(booking=first).attempt_id
    world.fault(
        "error", operation="POST events", code="ErrorDuplicateTransactionId", status=409,
        values={"@event.existingEventId": world.mailbox.wire_id(event)},
    )  # fmt: skip
    world.later(6 * MINUTE)

    world.sync()

    assert world.blocking_there() == [(second.starts_at, second.ends_at)]
    world.later(6 * MINUTE)
    world.sync()
    assert world.blocking_there() == world.blocking_here()
    assert len(world.blocking_here()) == 2
    assert EventLink.objects.get(booking=first).attempt_id != attempt
    assert world.sync().counts == {}


def test_way_to_a_cursor_that_is_always_lost_waits_before_it_is_tried_again(
    world: GraphWorld,
) -> None:
    for hours in (24, 48, 72):
        world.outlook.book(world.at(hours), world.at(hours + 1))
    world.port.page_size = 1
    world.fault("bad-sync-state", operation="GET calendarView/delta", nth=2)
    world.fault("bad-sync-state", operation="GET calendarView/delta", nth=4)
    world.forget_requests()

    report = world.sync()

    assert (report.outcome, report.goes_on) == ("failed", False)
    assert world.calendar.error_kind == "transient"
    assert world.calendar.due_at > world.now
    assert world.requests().count("GET calendarView/delta") == 4
    world.later(HOUR)
    world.sync()
    assert world.blocking_here() == world.blocking_there()


def test_write_that_is_refused_as_stale_without_a_change_is_tried_twice_a_run(
    world: GraphWorld,
) -> None:
    booking = world.book(24)
    world.sync()
    world.move(booking, 30)
    world.fault(
        "error", operation="PATCH events/{id}", code="ErrorIrresolvableConflict", count=None
    )
    world.forget_requests()

    report = world.sync()

    assert report.outcome == "done"
    assert world.requests().count("PATCH events/{id}") == 2
    world.server.faults.forget()
    world.sync()
    assert world.blocking_there() == world.blocking_here() == [(world.at(30), world.at(31))]


def test_version_that_no_delta_told_of_is_read_where_it_refuses_a_write(
    world: GraphWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = world.book(24)
    world.sync()
    world.move(booking, 30)
    (event,) = world.mailbox.box.calendar.items
    world.outlook.change(EventKey(world.mailbox.wire_id(event)), show_as=ShowAs.OUT_OF_OFFICE)
    monkeypatch.setattr(
        "apps.exchange.graph.calendar.GraphCalendar.changes",
        lambda _self, cursor, _window: Page((), (), cursor, is_last=True),
    )

    world.sync()

    assert world.blocking_there() == world.blocking_here() == [(world.at(30), world.at(31))]
