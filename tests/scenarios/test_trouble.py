"""What goes wrong between two steps, with real faults on the wire; in the end both sides agree."""

from __future__ import annotations

import datetime as dt

import pytest

from apps.bookings.models import Booking
from apps.exchange.calendar import EventKey
from apps.sync.models import CalendarLink, EventLink
from tests.scenarios.world import EwsWorld
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
ANY = {"count": None}
# What a server answers to reading instead of an answer.
FAULTS: dict[str, dict[str, object]] = {
    "busy": {"kind": "busy", **ANY},
    "401": {"kind": "http", "status": 401, **ANY},
    "403": {"kind": "http", "status": 403, **ANY},
    "404": {"kind": "http", "status": 404, **ANY},
    "503": {"kind": "http", "status": 503, "headers": {"Retry-After": "30"}, **ANY},
    "500": {"kind": "http", "status": 500, "text": "Oops", **ANY},
    "200 and a page of HTML": {"kind": "http", "status": 200, "text": "<html>Hello</html>", **ANY},
    "cut before": {"kind": "cut-before", **ANY},
    "cut after": {"kind": "cut-after", **ANY},
    "cut XML": {"kind": "cut-xml", **ANY},
    "cut XML, promised whole": {"kind": "cut-xml", "promised": True, **ANY},
    "SOAP fault": {"kind": "fault", "code": "ErrorInternalServerTransientError", **ANY},
    "store gone": {"kind": "error", "code": "ErrorMailboxStoreUnavailable", **ANY},
    "moving": {"kind": "error", "code": "ErrorMailboxMoveInProgress", **ANY},
    "no folder": {"kind": "error", "code": "ErrorFolderNotFound", **ANY},
    "no item": {"kind": "error", "code": "ErrorItemNotFound", **ANY},
    "no access": {"kind": "error", "code": "ErrorAccessDenied", **ANY},
    "no impersonation": {"kind": "error", "code": "ErrorImpersonateUserDenied", **ANY},
    "no mailbox": {"kind": "error", "code": "ErrorNonExistentMailbox", **ANY},
    "too many at once": {"kind": "error", "code": "ErrorTooManyObjectsOpened", **ANY},
    "a code of tomorrow": {"kind": "error", "code": "ErrorOfTomorrow", **ANY},
    "bad sync state": {"kind": "bad-sync-state", **ANY},
    "truncated": {"kind": "truncate", "keep": 1, **ANY},
    "truncated in silence": {"kind": "truncate", "keep": 1, "claims_all": True, **ANY},
    "nothing at all": {"kind": "truncate", "keep": 0, "claims_all": True, **ANY},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_failed_or_partial_read_cancels_nothing(world: EwsWorld, fault: str) -> None:
    keys = [world.outlook.book(world.at(h), world.at(h + 1)) for h in (24, 48, 72)]
    world.sync()
    known = set(Booking.objects.values_list("pk", flat=True))
    world.outlook.refile(keys[0].item_id)
    operations = {"bad-sync-state": ["SyncFolderItems"], "truncate": ["FindItem"]}.get(
        str(FAULTS[fault]["kind"]), ["SyncFolderItems", "FindItem", "GetItem"]
    )
    for operation in operations:
        world.server.faults.arrange({**FAULTS[fault], "operation": operation})
        for is_full in (False, True):
            revive(world)
            world.sync(is_full=is_full)
            world.later(HOUR)
        assert known <= set(Booking.objects.blocking().values_list("pk", flat=True)), operation
        world.server.faults.forget()

    revive(world)
    settle(world)

    assert world.blocking_here() == world.blocking_there()


def revive(world: EwsWorld) -> None:
    """A person mended it, and pressed the button."""
    connection = world.calendar.connection
    assert connection is not None
    connection.stopped_at = None
    connection.save()
    CalendarLink.objects.filter(pk=world.calendar.pk).update(
        state="in_sync", failures=0, barren_starts=0
    )


@pytest.mark.parametrize(
    "fault",
    [{"kind": "cut-after"}, {"kind": "cut-xml"}, {"kind": "cut-xml", "promised": True}],
    ids=["no answer", "half an answer", "less than was promised"],
)
def test_create_whose_reply_was_lost_is_adopted_not_repeated(
    world: EwsWorld, fault: dict[str, object]
) -> None:
    world.book(24)
    world.server.faults.arrange({**fault, "operation": "CreateItem"})
    world.sync()
    assert EventLink.objects.get().state == "creating"

    settle(world)

    assert world.blocking_there() == world.blocking_here() == [(world.at(24), world.at(25))]
    assert len(world.requests("CreateItem")) == 1


@pytest.mark.parametrize("operation", ["UpdateItem", "DeleteItem"])
def test_change_whose_reply_was_lost_is_found_done(world: EwsWorld, operation: str) -> None:
    booking = world.book(24)
    world.sync()
    if operation == "UpdateItem":
        world.move(booking, 30)
    else:
        world.cancel(booking)
    world.fault("cut-after", operation=operation)
    world.sync()

    settle(world)

    assert world.blocking_there() == world.blocking_here()
    assert len(world.requests(operation)) == 1


def lose_the_create(world: EwsWorld) -> None:
    world.fault("late", operation="CreateItem")
    world.sync()
    assert world.blocking_there() == []


def test_late_create_leaves_one_event(world: EwsWorld) -> None:
    world.book(24)
    lose_the_create(world)
    settle(world)
    assert len(world.blocking_there()) == 1

    world.port.land()
    settle(world)

    assert world.blocking_there() == [(world.at(24), world.at(25))]


def test_late_create_of_a_cancelled_booking_is_deleted(world: EwsWorld) -> None:
    booking = world.book(24)
    lose_the_create(world)
    world.cancel(booking)
    settle(world)

    world.port.land()
    settle(world)

    assert world.blocking_there() == []
    assert Booking.objects.count() == 1


def test_late_update_moves_nothing_back(world: EwsWorld) -> None:
    booking = world.book(24)
    world.sync()
    world.move(booking, 30)
    world.fault("late", operation="UpdateItem")
    world.sync()
    settle(world)
    assert world.blocking_there() == [(world.at(30), world.at(31))]

    world.port.land()
    settle(world)

    assert world.blocking_there() == world.blocking_here() == [(world.at(30), world.at(31))]


def test_bad_sync_state_costs_one_full_round(world: EwsWorld) -> None:
    world.outlook.book(world.at(24), world.at(25))
    world.sync()
    world.server.store.forget_sync_states(world.mailbox.box.calendar.id)
    world.outlook.book(world.at(48), world.at(49))

    report = world.sync()

    assert report.outcome == "done"
    assert world.blocking_here() == world.blocking_there()


def test_item_that_cannot_be_read_spoils_no_other(world: EwsWorld) -> None:
    keys = [world.outlook.book(world.at(h), world.at(h + 1)) for h in (24, 48, 72)]
    world.sync()
    world.mailbox.damage(keys[1].item_id, is_damaged=True)
    for key, hours in zip(keys, (30, 54, 78), strict=True):
        world.outlook.move(key, world.at(hours))
    world.sync()
    starts = [start for start, _end in world.blocking_here()]
    assert starts == [world.at(30), world.at(48), world.at(78)]

    world.mailbox.damage(keys[1].item_id, is_damaged=False)
    world.later(6 * MINUTE)
    world.sync()

    assert world.blocking_here() == world.blocking_there()


def test_one_item_of_a_batch_that_is_refused_leaves_the_rest(world: EwsWorld) -> None:
    world.sync()
    keys = [world.outlook.book(world.at(h), world.at(h + 1)) for h in range(24, 44)]
    spoilt = {"code": "ErrorItemCorrupt", "item": keys[16].item_id, "count": None}
    world.fault("error", operation="GetItem", **spoilt)

    world.sync()

    assert Booking.objects.blocking().count() == 19
    world.server.faults.forget()
    settle(world)
    assert Booking.objects.blocking().count() == 20


def test_seventeenth_of_a_batch_that_is_too_many_at_once_is_asked_for_again(
    world: EwsWorld,
) -> None:
    """As where a server bears so many at once, and refuses the next alone."""
    world.sync()
    keys = [world.outlook.book(world.at(h), world.at(h + 1)) for h in range(24, 44)]
    refused = {"code": "ErrorTooManyObjectsOpened", "item": keys[16].item_id}
    world.fault("error", operation="GetItem", **refused)

    world.sync()

    assert Booking.objects.blocking().count() == 20
    assert mirror_equals_calendar(world)


def test_answers_in_single_bytes_are_read(world: EwsWorld) -> None:
    world.outlook.book(world.at(24), world.at(25))
    world.fault("split", size=1, count=None)

    world.sync()

    assert Booking.objects.blocking().count() == 1


def test_page_by_page_nothing_is_skipped(world: EwsWorld) -> None:
    world.sync()
    world.port.page_size = 2
    for hours in range(24, 34):
        world.outlook.book(world.at(hours), world.at(hours + 1))

    world.sync()

    assert world.blocking_here() == world.blocking_there()
    assert len(world.requests("SyncFolderItems")) >= 5


def test_event_that_came_and_went_between_two_pages_leaves_no_booking(world: EwsWorld) -> None:
    """A server tells of what was removed only to who was told that it was there."""
    world.sync()
    world.book(24)
    done: list[EventKey] = []

    def hook(step: str, when: str) -> None:
        if (step, when) == ("view", "before") and not done:
            done.append(world.outlook.book(world.at(24.5), world.at(26)))

    world.port.hook = hook
    world.sync()
    world.outlook.delete(done[0])

    settle(world)

    assert world.blocking_there() == world.blocking_here() == [(world.at(24), world.at(25))]
    assert not world.conflicts()


def test_no_change_costs_one_request(world: EwsWorld) -> None:
    world.book(24)
    world.outlook.book_series(world.at(48), HOUR)
    world.sync()
    world.sync()
    world.forget_requests()

    world.sync()

    assert world.requests() == ["SyncFolderItems"]


def test_series_that_began_long_before_the_window_is_read(world: EwsWorld) -> None:
    """The window is over occurrences, not over when somebody made them."""
    world.outlook.book_series(world.at(24) - 728 * DAY, HOUR, count=None)

    world.sync()

    starts = [start for start, _end in world.blocking_here()]
    assert starts[0] == world.at(24)
    assert len(starts) == 26
