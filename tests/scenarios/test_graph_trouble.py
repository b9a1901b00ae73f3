"""What goes wrong between two steps over Microsoft Graph: its own answers, and those that never come."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from apps.bookings.models import Booking
from apps.exchange.calendar import EventKey, Page, ShowAs
from apps.sandbox.graph.errors import KNOWN
from apps.sync.models import EventLink
from tests.scenarios.graph_world import GraphWorld
from tests.scenarios.test_trouble import revive
from tests.sync.test_trouble import (  # noqa: F401 -- these run with the world of this folder
    settle,
    test_booking_on_an_exchange_event_is_not_sent,
    test_booking_saves_while_exchange_is_down_and_arrives_later,
    test_copied_event_of_ours_is_an_ordinary_exchange_event,
    test_event_that_came_a_moment_before_our_write_opens_a_conflict,
    test_event_that_cannot_be_read_decides_nothing_and_is_read_again,
    test_forged_stamp_makes_an_ordinary_exchange_event,
    test_overslept_worker_leaves_one_event,
    test_recreated_mailbox_stops_the_calendar,
    test_restored_event_of_ours_is_an_ordinary_exchange_event,
    test_swap_in_outlook_opens_conflict_and_cursor_advances,
)
from tests.sync.world import DAY, HOUR, mirror_equals_calendar

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)
ANY: dict[str, Any] = {"count": None}
DELTA, VIEW, ITEM = "GET calendarView/delta", "GET calendarView", "GET events/{id}"
# What is asked for, and whether by a full round.
READS = ((DELTA, False), (ITEM, False), (VIEW, True), (ITEM, True), ("POST $batch", True))
# Every refusal that the documentation knows, and what else a server answers to reading instead of an answer.
FAULTS: dict[str, dict[str, Any]] = {
    **{code: {"kind": "error", "code": code, **ANY} for code in KNOWN},
    "a code of tomorrow": {"kind": "error", "code": "ErrorOfTomorrow", **ANY},
    "a 404 without a word": {"kind": "http", "status": 404, **ANY},
    "a 403 without a word": {"kind": "http", "status": 403, **ANY},
    "bandwidth": {"kind": "http", "status": 509, **ANY},
    "200 and a page of HTML": {"kind": "http", "status": 200, "text": "<html>Hello</html>", **ANY},
    "200 and no list": {"kind": "http", "status": 200, "text": '{"value": {}}', **ANY},
    "throttled without a word": {"kind": "busy", "seconds": None, **ANY},
    "cut before": {"kind": "cut-before", **ANY},
    "cut after": {"kind": "cut-after", **ANY},
    "cut JSON": {"kind": "cut-xml", **ANY},
    "cut JSON, promised whole": {"kind": "cut-xml", "promised": True, **ANY},
    "bad sync state": {"kind": "bad-sync-state", **ANY},
    "truncated": {"kind": "truncate", "keep": 1, **ANY},
    "truncated in silence": {"kind": "truncate", "keep": 1, "claims_all": True, **ANY},
}


@pytest.fixture
def wire() -> str:
    return "graph"


@pytest.mark.parametrize("fault", FAULTS)
def test_failed_or_partial_read_cancels_nothing(world: GraphWorld, fault: str) -> None:
    keys = [world.outlook.book(world.at(h), world.at(h + 1)) for h in (24, 48, 72)]
    world.sync()
    known = set(Booking.objects.values_list("pk", flat=True))
    world.outlook.refile(keys[0].item_id)
    # Codes are all judged in one place: the changes meet each, and the other ways of reading take turns.
    every = READS if fault not in KNOWN else (READS[0], READS[1 + sorted(KNOWN).index(fault) % 4])
    reads = {"bad-sync-state": READS[:1], "truncate": READS[2:3]}.get(FAULTS[fault]["kind"], every)
    for operation, is_full in reads:
        if (operation, fault) == (ITEM, "ErrorItemNotFound"):
            # That is how Graph says that it is gone.
            continue
        world.server.faults.arrange({**FAULTS[fault], "operation": operation})
        revive(world)
        world.sync(is_full=is_full)
        world.later(HOUR)
        assert known <= set(Booking.objects.blocking().values_list("pk", flat=True)), operation
        world.server.faults.forget()

    revive(world)
    for _number in range(2):
        world.later(6 * MINUTE)
        world.sync()

    assert mirror_equals_calendar(world)
    assert world.blocking_here() == world.blocking_there()


@pytest.mark.parametrize(
    "fault",
    [{"kind": "cut-after"}, {"kind": "cut-xml"}, {"kind": "cut-xml", "promised": True}],
    ids=["no answer", "half an answer", "less than was promised"],
)
def test_create_whose_reply_was_lost_is_adopted_not_repeated(
    world: GraphWorld, fault: dict[str, Any]
) -> None:
    world.book(24)
    world.server.faults.arrange({**fault, "operation": "POST events"})
    world.sync()
    assert EventLink.objects.get().state == "creating"

    settle(world)

    assert world.blocking_there() == world.blocking_here() == [(world.at(24), world.at(25))]
    assert len(world.requests("POST events")) == 1


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize("names_event", [True, False])
def test_late_create_is_adopted_by_its_second_try(
    world: GraphWorld, status: int, names_event: bool
) -> None:
    """The attempt has one transaction id: the server refuses the second, and the first is ours."""
    world.book(24)
    world.fault("late", operation="POST events")
    world.sync()
    world.later(6 * MINUTE)
    world.fault("duplicate", operation="POST events", status=status, names_event=names_event)
    world.port.hook = lambda step, when: (
        world.port.land() if (step, when) == ("create", "before") else None
    )

    settle(world)

    assert world.blocking_there() == world.blocking_here() == [(world.at(24), world.at(25))]
    assert EventLink.objects.get().state == "live"


@pytest.mark.parametrize("operation", ["PATCH events/{id}", "DELETE events/{id}"])
def test_change_whose_reply_was_lost_is_found_done(world: GraphWorld, operation: str) -> None:
    booking = world.book(24)
    world.sync()
    if operation.startswith("PATCH"):
        world.move(booking, 30)
    else:
        world.cancel(booking)
    world.fault("cut-after", operation=operation)
    world.sync()

    settle(world)

    assert world.blocking_there() == world.blocking_here()
    assert len(world.requests(operation)) == 1


def test_write_that_was_overtaken_is_planned_again(world: GraphWorld) -> None:
    booking = world.book(24)
    world.sync()
    world.move(booking, 30)
    world.fault("error", operation="PATCH events/{id}", code="ErrorIrresolvableConflict")

    settle(world)

    assert world.blocking_there() == world.blocking_here() == [(world.at(30), world.at(31))]
    assert not world.conflicts()


@pytest.mark.parametrize("is_bare", [False, True])
def test_lost_cursor_costs_one_full_round(world: GraphWorld, is_bare: bool) -> None:
    world.outlook.book(world.at(24), world.at(25))
    world.sync()
    world.outlook.book(world.at(48), world.at(49))
    world.fault("bad-sync-state", operation=DELTA, bare=is_bare)

    report = world.sync()

    assert report.outcome == "done"
    assert world.blocking_here() == world.blocking_there()
    world.forget_requests()
    world.sync()
    assert world.requests() == [DELTA]


def test_repeated_rows_empty_pages_and_thin_rows_make_no_second_booking(world: GraphWorld) -> None:
    world.sync()
    world.port.page_size = 2
    world.outlook.book_series(world.at(24), HOUR, days=1, count=5)
    world.outlook.book(world.at(26), world.at(27))
    world.fault("repeat", operation=DELTA, times=3, **ANY)
    world.fault("empty-page", operation=DELTA)

    settle(world)

    assert Booking.objects.blocking().count() == 6
    assert mirror_equals_calendar(world)
    assert world.blocking_here() == world.blocking_there()


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


def test_view_that_is_not_found_cancels_no_booking_of_an_event_beside_it(world: GraphWorld) -> None:
    key, deleted = (world.outlook.book(world.at(h), world.at(h + 1)) for h in (24, 48))
    world.outlook.book(world.at(72), world.at(73))
    world.sync()
    world.outlook.delete(deleted)
    world.outlook.move(key, world.at(24 * 400))
    world.server.faults.arrange({"kind": "error", "operation": VIEW, "code": "ErrorInvalidUser"})

    world.sync()

    assert Booking.objects.blocking().count() == 3
    world.later(HOUR)
    world.sync()
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
