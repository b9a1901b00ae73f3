"""A calendar that is shared with an account whose delta it may not read: the view is the cursor."""

from __future__ import annotations

import datetime as dt

import pytest

from apps.exchange import errors
from apps.exchange.recurrence import Frequency, Pattern, Range, Recurrence
from tests.exchange.contract.room import (
    DAY,
    HOUR,
    NOW,
    WINDOW,
    changed,
    cursor_now,
    named,
    occurrences,
    subjects,
    write,
)
from tests.exchange.graph.sandbox_room import GraphRoom

DAILY = Recurrence(Pattern(Frequency.DAILY), Range(NOW.date(), count=5))


@pytest.fixture
def room(shared: GraphRoom) -> GraphRoom:
    shared.bad_days.arrange(
        kind="error", operation="GET calendarView/delta", code="ErrorAccessDenied", count=None
    )
    return shared


def sent(room: GraphRoom) -> list[str]:
    return [line.operation for line in room.server.requests.lines() if not line.in_batch]


def test_new_changed_and_deleted_events_are_told(room: GraphRoom) -> None:
    changes = room.outlook.book(NOW, NOW + HOUR, "Changes")
    goes = room.outlook.book(NOW, NOW + HOUR, "Goes")
    room.outlook.book(NOW, NOW + HOUR, "Stays")
    gone_id = named(room.calendar, "Goes").key.item_id
    cursor = cursor_now(room.calendar)
    room.outlook.rename(changes, "Changed")
    room.outlook.delete(goes)
    room.outlook.book(NOW, NOW + HOUR, "New")

    found = changed(room.fresh(), cursor)

    told = [event.subject for item in found.items.values() for event in item.events]
    assert sorted(told) == ["Changed", "New"]
    assert found.gone == {gone_id}
    assert changed(room.calendar, found.cursor).items == {}


def test_what_is_ours_is_told_with_its_stamp(room: GraphRoom) -> None:
    cursor = cursor_now(room.calendar)
    ref = write(room.calendar)

    (item,) = changed(room.calendar, cursor).items.values()

    assert item.events[0].ref == ref
    assert item.events[0].stamp
    assert item.events[0].attempt_id


def test_series_is_told_whole_when_an_occurrence_goes(room: GraphRoom) -> None:
    series = room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
    cursor = cursor_now(room.calendar)
    room.outlook.delete(room.outlook.occurrence(series, "2027-03-03T09:00:00Z"))

    (item,) = changed(room.calendar, cursor).items.values()

    assert item.is_series
    assert len(item.events) == 4


def test_series_that_is_deleted_is_told_as_gone(room: GraphRoom) -> None:
    series = room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
    item_id = occurrences(room.calendar, "Daily")[0].key.item_id
    cursor = cursor_now(room.calendar)
    room.outlook.delete(series)

    assert changed(room.calendar, cursor).gone == {item_id}


def test_no_change_is_one_request_and_the_same_cursor(room: GraphRoom) -> None:
    room.outlook.book(NOW, NOW + HOUR, "Event")
    cursor = cursor_now(room.calendar)
    room.server.requests.forget()

    page = room.calendar.changes(cursor, WINDOW)

    assert (page.items, page.gone, page.cursor, page.is_last) == ((), (), cursor, True)
    assert sent(room) == ["GET calendarView"]


def test_event_that_moves_out_of_the_window_is_told_as_gone(room: GraphRoom) -> None:
    handle = room.outlook.book(NOW, NOW + HOUR, "Leaves")
    item_id = named(room.calendar, "Leaves").key.item_id
    cursor = cursor_now(room.calendar)
    room.outlook.move(handle, WINDOW.ends_at + 30 * DAY)

    assert changed(room.calendar, cursor).gone == {item_id}
    assert subjects(room.calendar.read(item_id, WINDOW).events) == ["Leaves"]


def test_cursor_is_of_no_use_for_another_mailbox(room: GraphRoom) -> None:
    cursor = cursor_now(room.calendar)

    with pytest.raises(errors.SyncStateInvalid):
        room.fresh(room.other).changes(cursor, WINDOW)


def test_cursor_that_stands_at_now_stays_there(room: GraphRoom) -> None:
    cursor = cursor_now(room.calendar)

    page = room.calendar.advance(cursor, WINDOW)

    assert (page.cursor, page.is_last) == (cursor, True)


def test_calendar_that_may_not_be_read_at_all_is_refused(room: GraphRoom) -> None:
    room.faults.take_rights()

    with pytest.raises(errors.AccessDenied):
        cursor_now(room.calendar)
