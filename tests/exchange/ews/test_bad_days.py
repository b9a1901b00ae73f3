"""On a bad day a read tells the truth, says what it could not read, or fails: it never tells less."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest

from apps.exchange.calendar import Calendar, CalendarEvent, Item
from apps.exchange.errors import ExchangeError, NotFound, SyncStateInvalid, Transient
from apps.exchange.recurrence import Frequency, Pattern, Range, Recurrence
from tests.exchange.contract.room import (
    DAY,
    HOUR,
    NOW,
    WINDOW,
    changed,
    cursor_now,
    plain,
    thin,
    whole_view,
)
from tests.exchange.ews.sandbox_room import SandboxRoom

DAILY = Recurrence(Pattern(Frequency.DAILY), Range(NOW.date(), count=5))
CODES = [
    "ErrorServerBusy", "ErrorInternalServerError", "ErrorInternalServerTransientError",
    "ErrorMailboxStoreUnavailable", "ErrorMailboxMoveInProgress", "ErrorTimeoutExpired",
    "ErrorAccessDenied", "ErrorImpersonateUserDenied", "ErrorSchemaValidation", "ErrorOdd",
    "ErrorExceededConnectionCount", "ErrorConnectionFailed", "ErrorCorruptData",
]  # fmt: skip
BAD_DAYS: list[dict[str, Any]] = [
    *({"kind": "fault", "code": code} for code in CODES),
    *({"kind": "error", "code": code} for code in CODES),
    *({"kind": "http", "status": status} for status in (400, 401, 403, 404, 429, 500, 502, 503)),
    {"kind": "http", "status": 200, "text": "<html>Down</html>"},
    {"kind": "http", "status": 200, "text": ""},
    {"kind": "cut-before"},
    {"kind": "cut-after"},
    *(
        {"kind": "cut-xml", "part": part, "promised": promised}
        for part in (0.1, 0.5, 0.99)
        for promised in (True, False)
    ),
]


def filled(room: SandboxRoom) -> str:
    """Singles and a series with a moved and a deleted occurrence; the cursor from before."""
    cursor = cursor_now(room.calendar)
    for number in range(3):
        room.outlook.book(NOW + number * DAY, NOW + number * DAY + HOUR, f"Single {number}")
    series = room.outlook.book_series(DAILY, dt.time(12), HOUR, "Daily")
    room.outlook.move(room.outlook.occurrence(series, "2027-03-02T12:00:00Z"), NOW + DAY + 5 * HOUR)
    room.outlook.delete(room.outlook.occurrence(series, "2027-03-04T12:00:00Z"))
    return cursor


def by_changes(calendar: Calendar, cursor: str) -> dict[str, Item]:
    return changed(calendar, cursor).items


def by_ids(calendar: Calendar, truth: dict[str, Item]) -> dict[str, Item]:
    return {item_id: calendar.read(item_id, WINDOW) for item_id in truth}


def is_told(items: dict[str, Item], truth: dict[str, Item]) -> bool:
    """Every item as it is, or with a problem."""
    return items.keys() == truth.keys() and all(
        items[key].problem or _events(items[key]) == _events(truth[key]) for key in truth
    )


def _events(item: Item) -> set[CalendarEvent]:
    return {plain(event) for event in item.events}


@pytest.mark.parametrize("nth", [1, 2])
@pytest.mark.parametrize("day", BAD_DAYS, ids=lambda day: "-".join(map(str, day.values())))
def test_failed_or_partial_read_tells_no_less(
    room: SandboxRoom, day: dict[str, Any], nth: int
) -> None:
    cursor = filled(room)
    truth = by_changes(room.calendar, cursor)
    seen = {thin(event) for event in whole_view(room.calendar)}
    reads: list[Callable[[Calendar], bool]] = [
        lambda calendar: is_told(by_changes(calendar, cursor), truth),
        lambda calendar: is_told(by_ids(calendar, truth), truth),
        lambda calendar: _is_seen(calendar, seen),
    ]

    for read in reads:
        room.server.faults.forget()
        room.server.faults.arrange({**day, "nth": nth})
        try:
            is_true = read(room.fresh())
        except (NotFound, SyncStateInvalid):
            pytest.fail("A bad day was taken for something that is gone.")
        except ExchangeError:
            continue
        assert is_true


def _is_seen(calendar: Calendar, truth: set[CalendarEvent]) -> bool:
    page = calendar.view(WINDOW)
    missing = truth - {thin(event) for event in page.events}
    return not page.next and (not missing or bool(page.problems))


@pytest.mark.parametrize("keep", [0, 1, 3])
@pytest.mark.parametrize("operation", ["FindItem", "SyncFolderItems"])
def test_list_that_the_server_cuts_is_read_to_its_end(
    room: SandboxRoom, operation: str, keep: int
) -> None:
    cursor = filled(room)
    truth = by_changes(room.calendar, cursor)
    room.server.faults.arrange({"kind": "truncate", "operation": operation, "keep": keep})
    calendar = room.fresh()

    assert len(whole_view(calendar)) == 7
    assert is_told(by_changes(calendar, cursor), truth)


ODD: list[dict[str, Any]] = [
    {"element": "Start", "fraction": ".1234567"},
    {"element": "End", "fraction": ".5"},
    {"element": "Organizer", "remove": True},
    {"element": "UID", "remove": True},
    {"element": "CalendarItemType", "remove": True},
    {"element": "OriginalStart", "remove": True},
    {"element": "StartTimeZone", "attribute": "Id", "value": "tzone://Microsoft/Custom"},
    {"element": "StartTimeZone", "remove": True},
    {"element": "LegacyFreeBusyStatus", "remove": True},
    {"element": "LegacyFreeBusyStatus", "value": "Sleeping"},
    {"element": "DateTimeCreated", "value": "0001-01-01T00:00:00Z"},
    {"element": "Sensitivity", "value": ""},
    {"element": "IsAllDayEvent", "remove": True},
    {"element": "AppointmentState", "value": ""},
    {"element": "ParentFolderId", "remove": True},
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: "-".join(map(str, odd.values())))
def test_value_that_is_odd_or_missing_hides_no_event_and_renames_none(
    room: SandboxRoom, odd: dict[str, Any]
) -> None:
    cursor = filled(room)
    truth = by_changes(room.calendar, cursor)
    keys = {event.key for event in whole_view(room.calendar)}
    room.server.faults.arrange({"kind": "odd", "count": None, **odd})
    # What is odd is no valid answer.
    room.server.ews.check_answers = False
    calendar = room.fresh()

    assert {event.key for event in whole_view(calendar)} == keys
    assert {
        event.key for item in by_changes(calendar, cursor).values() for event in item.events
    } == {event.key for item in truth.values() for event in item.events}


@pytest.mark.parametrize("value", ["", "9999-99-99", "soon"])
def test_time_that_cannot_be_told_is_a_problem_of_that_item(room: SandboxRoom, value: str) -> None:
    filled(room)
    handle = room.outlook.find("Single 1")
    room.server.ews.check_answers = False
    room.server.faults.arrange(
        {"kind": "odd", "element": "Start", "value": value, "item": handle, "count": None}
    )

    page = room.fresh().view(WINDOW)

    assert len(page.events) == 6
    assert [item_id for item_id, _why in page.problems] == [handle]


@pytest.mark.parametrize("kind", ["error", "fault"])
@pytest.mark.parametrize("code", ["ErrorNonExistentMailbox", "ErrorFolderNotFound"])
def test_mailbox_that_is_not_found_says_nothing_of_an_event(
    room: SandboxRoom, kind: str, code: str
) -> None:
    room.outlook.book(NOW, NOW + HOUR, "Single")
    (event,) = whole_view(room.calendar)
    day = {"kind": kind, "operation": "GetItem", "code": code, "count": None}
    room.server.faults.arrange(day)

    with pytest.raises(Transient):
        room.calendar.read(event.key.item_id, WINDOW)
