"""Bad days of Microsoft 365, as the sandbox plays them."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable

import pytest

from apps.exchange import errors
from apps.exchange.calendar import Calendar, EventRef
from apps.exchange.graph import session
from apps.exchange.graph.codes import Duplicate
from apps.exchange.recurrence import Frequency, Pattern, Range, Recurrence
from tests.exchange.contract.room import (
    DAY,
    HOUR,
    NOW,
    STAMP,
    WINDOW,
    changed,
    content,
    cursor_now,
    named,
    occurrences,
    subjects,
    whole_view,
    write,
)
from tests.exchange.contract.updating import ALL, LATER
from tests.exchange.ews.sandbox_room import ROOM
from tests.exchange.graph.sandbox_room import GraphRoom

ATTEMPT = "0f0c5d1f-8a52-4a57-8c53-3f2a0c6a9b01"
DAILY = Recurrence(Pattern(Frequency.DAILY), Range(NOW.date(), count=5))
READS: dict[str, Callable[[Calendar], object]] = {
    "GET calendar": lambda calendar: calendar.open(),
    "GET calendarView/delta": lambda calendar: calendar.advance("", WINDOW),
    "GET calendarView": lambda calendar: calendar.view(WINDOW),
    "GET events": lambda calendar: calendar.find(WINDOW, stamp=STAMP),
}
WRITES: dict[str, Callable[[Calendar], object]] = {
    "POST events": write,
    "PATCH events/{id}": lambda calendar: calendar.update(_own(calendar), LATER, ALL),
    "DELETE events/{id}": lambda calendar: calendar.delete(_own(calendar)),
}


def _own(calendar: Calendar) -> EventRef:
    return named(calendar, "Ours").ref


def operations(room: GraphRoom) -> list[str]:
    return [line.operation for line in room.server.requests.lines()]


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (404, "ErrorInvalidUser", errors.NotFound),
        (404, "MailboxNotEnabledForRESTAPI", errors.Misconfigured),
        (404, "ResourceNotFound", errors.Misconfigured),
        (403, "ErrorAccessDenied", errors.AccessDenied),
        (423, "ErrorMailboxMoveInProgress", errors.Transient),
        (500, "ErrorInternalServerError", errors.Transient),
        (503, "ErrorMailboxStoreUnavailable", errors.Transient),
        (504, "UnknownError", errors.Transient),
    ],
)
def test_refused_read_says_what_to_do(
    room: GraphRoom, operation: str, status: int, code: str, expected: type[errors.ExchangeError]
) -> None:
    room.bad_days.arrange(kind="error", operation=operation, code=code, status=status, count=None)

    with pytest.raises(expected) as told:
        READS[operation](room.calendar)

    assert not isinstance(told.value, errors.Unclear)


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize(("fault", "is_done"), [("cut-before", False), ("cut-after", True)])
def test_write_whose_answer_never_came_is_unclear_and_left_once(
    room: GraphRoom, operation: str, fault: str, is_done: bool
) -> None:
    if operation != "POST events":
        write(room.calendar)
    before = subjects(whole_view(room.calendar))
    room.bad_days.arrange(kind=fault, operation=operation, count=None)

    with pytest.raises(errors.Unclear):
        WRITES[operation](room.calendar)

    assert operations(room).count(operation) == 1
    room.server.faults.forget()
    assert (subjects(whole_view(room.fresh())) != before) is is_done


def test_create_that_lands_late_is_found_by_its_second_try(room: GraphRoom) -> None:
    room.bad_days.arrange(kind="late", operation="POST events")
    with pytest.raises(errors.Unclear):
        write(room.calendar, attempt_id=ATTEMPT)
    assert whole_view(room.calendar) == []

    room.server.faults.land()
    ref = write(room.calendar, attempt_id=ATTEMPT)

    (event,) = whole_view(room.calendar)
    assert event.ref == ref


@pytest.mark.parametrize("status", [400, 409])
@pytest.mark.parametrize("names_event", [True, False])
def test_second_create_of_an_attempt_adopts_the_first(
    room: GraphRoom, status: int, names_event: bool
) -> None:
    first = write(room.calendar, attempt_id=ATTEMPT)
    room.bad_days.arrange(kind="duplicate", status=status, names_event=names_event)

    second = write(room.fresh(), attempt_id=ATTEMPT)

    assert second == first
    assert len(whole_view(room.calendar)) == 1


def test_attempt_whose_event_lies_in_another_calendar_is_not_adopted(room: GraphRoom) -> None:
    write(room.calendar, attempt_id=ATTEMPT)
    room.outlook.file_elsewhere(room.outlook.find("Ours"))

    with pytest.raises(errors.AttemptSpent):
        write(room.calendar, attempt_id=ATTEMPT)


def test_attempt_whose_event_was_deleted_needs_another(room: GraphRoom) -> None:
    ref = write(room.calendar, attempt_id=ATTEMPT)
    room.calendar.delete(ref)
    # What the sandbox does not remember, Microsoft may.
    room.bad_days.arrange(
        kind="error", operation="POST events", code="ErrorDuplicateTransactionId", status=409,
        values={"@event.existingEventId": ref.key.item_id},
    )  # fmt: skip

    with pytest.raises(errors.AttemptSpent):
        write(room.calendar, attempt_id=ATTEMPT)


def test_attempt_that_is_taken_and_cannot_be_found_concerns_this_event_alone(
    room: GraphRoom,
) -> None:
    room.bad_days.arrange(
        kind="error", operation="POST events", code="ErrorDuplicateTransactionId", status=409
    )

    with pytest.raises(Duplicate):
        write(room.calendar, attempt_id=ATTEMPT)


@pytest.mark.parametrize("page", [1, 2, 3])
def test_cursor_lost_at_any_page_is_told_and_the_old_one_serves_again(
    room: GraphRoom, page: int
) -> None:
    calendar = room.fresh(page_size=2)
    cursor = cursor_now(calendar)
    for number in range(5):
        room.outlook.book(NOW, NOW + HOUR, f"Event {number}")
    room.bad_days.arrange(kind="bad-sync-state", operation="GET calendarView/delta", nth=page)

    with pytest.raises(errors.SyncStateInvalid):
        changed(calendar, cursor)

    assert len(changed(calendar, cursor).items) == 5


@pytest.mark.parametrize("bare", [True, False])
@pytest.mark.parametrize("page", [1, 2])
def test_step_towards_a_cursor_that_is_lost_begins_anew(
    room: GraphRoom, page: int, bare: bool
) -> None:
    for number in range(5):
        room.outlook.book(NOW, NOW + HOUR, f"Event {number}")
    calendar = room.fresh(page_size=2)
    room.bad_days.arrange(
        kind="bad-sync-state", operation="GET calendarView/delta", nth=page, bare=bare
    )

    with pytest.raises(errors.SyncStateInvalid):
        cursor_now(calendar)

    assert changed(calendar, cursor_now(calendar)).items == {}


@pytest.mark.parametrize(
    ("status", "code"),
    [(410, "syncStateInvalid"), (410, "resyncRequired"), (400, "SYNCSTATENOTFOUND"), (400, "BadRequest")],
)  # fmt: skip
def test_every_word_for_a_lost_cursor_is_understood(
    room: GraphRoom, status: int, code: str
) -> None:
    cursor = cursor_now(room.calendar)
    room.bad_days.arrange(
        kind="error", operation="GET calendarView/delta", code=code, status=status
    )

    with pytest.raises(errors.SyncStateInvalid):
        room.calendar.changes(cursor, WINDOW)


def test_stale_write_is_told_even_where_the_code_is_new(room: GraphRoom) -> None:
    ref = write(room.calendar)
    room.bad_days.arrange(
        kind="error", operation="PATCH events/{id}", code="SomethingNew", status=412
    )

    with pytest.raises(errors.StaleChangeKey):
        room.calendar.update(ref, LATER, ALL)


@pytest.mark.parametrize("seconds", [None, 3])
@pytest.mark.parametrize("operation", [*READS, *WRITES])
def test_throttled_call_tells_the_dispatcher_and_is_not_repeated(
    room: GraphRoom, operation: str, seconds: int | None
) -> None:
    if operation in WRITES and operation != "POST events":
        write(room.calendar)
    room.bad_days.arrange(kind="busy", operation=operation, seconds=seconds, count=None)
    before = operations(room).count(operation)

    with pytest.raises(errors.Throttled) as told:
        (READS | WRITES)[operation](room.calendar)

    # Looking for the event to write is a read of its own.
    assert operations(room).count(operation) == before + 1
    expected = None if seconds is None else dt.timedelta(seconds=seconds)
    assert told.value.retry_after == expected


def test_throttled_part_of_a_batch_keeps_the_cursor(room: GraphRoom) -> None:
    cursor = cursor_now(room.calendar)
    for number in range(3):
        room.outlook.book(NOW, NOW + HOUR, f"Event {number}")
    room.bad_days.arrange(kind="busy", operation="GET events/{id}", seconds=5)

    with pytest.raises(errors.Throttled) as told:
        room.calendar.changes(cursor, WINDOW)

    assert told.value.retry_after == dt.timedelta(seconds=5)
    assert len(room.calendar.changes(cursor, WINDOW).items) == 3


@pytest.mark.parametrize("operation", READS)
@pytest.mark.parametrize("promised", [True, False])
def test_json_that_ends_early_is_tried_again_later(
    room: GraphRoom, operation: str, promised: bool
) -> None:
    room.outlook.book(NOW, NOW + HOUR, "Event")
    room.bad_days.arrange(kind="cut-xml", operation=operation, promised=promised, count=None)
    # Within a batch a part cannot end early: the batch does.
    room.bad_days.arrange(kind="cut-xml", operation="POST $batch", promised=promised, count=None)

    with pytest.raises(errors.Transient):
        READS[operation](room.calendar)


def test_answers_in_small_chunks_are_read(room: GraphRoom) -> None:
    room.outlook.book(NOW, NOW + HOUR, "Event")
    room.bad_days.arrange(kind="split", size=7, count=None)

    assert subjects(whole_view(room.calendar)) == ["Event"]


def test_repeated_rows_and_empty_pages_change_nothing(room: GraphRoom) -> None:
    calendar = room.fresh(page_size=2)
    cursor = cursor_now(calendar)
    for number in range(4):
        room.outlook.book(NOW, NOW + HOUR, f"Event {number}")
    room.bad_days.arrange(kind="repeat", times=3, count=None)
    for nth in (1, 3):
        room.bad_days.arrange(kind="empty-page", operation="GET calendarView/delta", nth=nth)

    found = changed(calendar, cursor)

    told = [event.subject for item in found.items.values() for event in item.events]
    assert sorted(told) == [f"Event {number}" for number in range(4)]
    assert found.gone == set()


def test_view_with_an_empty_page_is_read_to_its_end(room: GraphRoom) -> None:
    room.outlook.book(NOW, NOW + HOUR, "Event")
    room.bad_days.arrange(kind="empty-page", operation="GET calendarView")

    assert subjects(whole_view(room.calendar)) == ["Event"]


def test_ids_stay_when_an_event_comes_back(room: GraphRoom) -> None:
    ref = write(room.calendar)

    room.outlook.refile(room.outlook.find("Ours"))

    assert named(room.calendar, "Ours").key == ref.key


@pytest.mark.parametrize(
    ("element", "value"),
    [
        ("showAs", "somethingNew"),
        ("responseStatus", None),
        ("organizer", 7),
        ("attendees", "odd"),
        ("originalStartTimeZone", "tzone://Microsoft/Custom"),
        ("createdDateTime", "0001-01-01T00:00:00Z"),
        ("iCalUId", None),
        ("type", "somethingNew"),
        ("sensitivity", ""),
    ],
)
def test_odd_field_never_raises_out_of_a_page(room: GraphRoom, element: str, value: object) -> None:
    cursor = cursor_now(room.calendar)
    room.outlook.book(NOW, NOW + HOUR, "Odd")
    room.outlook.book(NOW, NOW + HOUR, "Sound")
    room.bad_days.arrange(
        kind="odd", element=element, value=value, item=room.outlook.find("Odd"), count=None
    )

    found = changed(room.calendar, cursor)

    told = sorted(event.subject for item in found.items.values() for event in item.events)
    assert told == ["Odd", "Sound"]
    assert sorted(subjects(whole_view(room.calendar))) == ["Odd", "Sound"]


def test_series_whose_master_is_gone_meanwhile_is_told_as_gone(room: GraphRoom) -> None:
    cursor = cursor_now(room.calendar)
    room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
    item_id = occurrences(room.calendar, "Daily")[0].key.item_id
    room.bad_days.arrange(
        kind="error", operation="GET events/{id}", code="ErrorItemNotFound", count=None
    )

    page = room.calendar.changes(cursor, WINDOW)

    assert page.items == ()
    assert page.gone == (item_id,)


def test_series_that_cannot_be_expanded_is_a_problem_of_its_own(room: GraphRoom) -> None:
    cursor = cursor_now(room.calendar)
    room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
    room.outlook.book(NOW, NOW + HOUR, "Sound")
    room.bad_days.arrange(
        kind="error", operation="GET events/{id}/instances", code="ErrorInvalidRequest", count=None
    )

    items = changed(room.calendar, cursor).items.values()

    assert {bool(item.problem) for item in items} == {True, False}
    assert [subjects(item.events) for item in items if not item.problem] == [["Sound"]]


def test_token_that_expires_amid_a_round_is_refreshed_once(room: GraphRoom) -> None:
    cursor = cursor_now(room.calendar)
    room.outlook.book(NOW, NOW + HOUR, "Event")
    room.server.store.set_clock(NOW + 2 * HOUR)

    found = changed(room.calendar, cursor)

    assert len(found.items) == 1
    assert len(room.tokens.refused) == 1


def test_at_most_two_calls_reach_a_mailbox_at_once(room: GraphRoom) -> None:
    room.bad_days.arrange(kind="slow", seconds=0.05, operation="GET calendarView", count=None)
    wrong: list[BaseException] = []

    def look() -> None:
        try:
            room.fresh().view(WINDOW)
        except BaseException as error:  # noqa: BLE001 -- told below
            wrong.append(error)

    workers = [threading.Thread(target=look) for _one in range(8)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(10)

    assert wrong == []


def test_no_change_is_one_request(room: GraphRoom) -> None:
    for number in range(5):
        room.outlook.book(NOW, NOW + HOUR, f"Event {number}")
    room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
    cursor = cursor_now(room.calendar)
    room.server.requests.forget()

    page = room.calendar.changes(cursor, WINDOW)

    assert (page.items, page.gone, page.is_last) == ((), (), True)
    assert operations(room) == ["GET calendarView/delta"]


def test_changes_of_many_items_are_one_batch(room: GraphRoom) -> None:
    cursor = cursor_now(room.calendar)
    for number in range(6):
        room.outlook.book(NOW, NOW + HOUR, f"Event {number}")
    for number in range(3):
        room.outlook.book_series(DAILY, dt.time(10 + number), HOUR, f"Daily {number}")
    room.server.requests.forget()

    page = room.calendar.changes(cursor, WINDOW)

    assert len(page.items) == 9
    sent = [line.operation for line in room.server.requests.lines() if not line.in_batch]
    assert sent == ["GET calendarView/delta", "POST $batch"]


def test_invitations_are_told_by_the_delta_alone(room: GraphRoom) -> None:
    cursor = cursor_now(room.calendar)
    room.outlook.invite(NOW, NOW + HOUR, "Invitation")
    room.server.requests.forget()

    page = room.calendar.changes(cursor, WINDOW)

    assert [subjects(item.events) for item in page.items] == [["Invitation"]]
    assert operations(room) == ["GET calendarView/delta"]


def test_many_removals_are_looked_up_at_once(room: GraphRoom) -> None:
    handles = [room.outlook.book(NOW, NOW + HOUR, f"Event {number}") for number in range(10)]
    cursor = cursor_now(room.calendar)
    for handle in handles:
        room.outlook.delete(handle)
    page = room.calendar.changes(cursor, WINDOW)
    room.server.requests.forget()

    for item_id in page.gone:
        with pytest.raises(errors.NotFound):
            room.calendar.read(item_id, WINDOW)

    assert len(page.gone) == 10
    sent = [line.operation for line in room.server.requests.lines() if not line.in_batch]
    assert sent == ["POST $batch"]


@pytest.mark.parametrize(
    ("operation", "code"),
    [
        ("GET calendarView", "ErrorInvalidUser"),
        ("GET calendarView", "ErrorItemNotFound"),
        ("GET calendar", "ErrorInvalidUser"),
        ("GET calendar", "ErrorItemNotFound"),
        ("GET events/{id}", "ErrorInvalidUser"),
    ],
)
def test_mailbox_that_is_not_found_says_nothing_of_an_event(
    room: GraphRoom, operation: str, code: str
) -> None:
    """Beside an event its calendar is asked for, and beside many of them the mailbox itself."""
    handles = [room.outlook.book(NOW, NOW + HOUR, f"Event {number}") for number in range(3)]
    cursor = cursor_now(room.calendar)
    for handle in handles:
        room.outlook.move(handle, WINDOW.ends_at + DAY)
    item_id, *_others = room.calendar.changes(cursor, WINDOW).gone
    room.bad_days.arrange(kind="error", operation=operation, code=code, status=404, count=None)

    with pytest.raises(errors.Transient):
        room.calendar.read(item_id, WINDOW)


def test_what_was_looked_up_once_is_looked_up_again(room: GraphRoom) -> None:
    handles = [room.outlook.book(NOW, NOW + HOUR, f"Event {number}") for number in range(2)]
    cursor = cursor_now(room.calendar)
    for handle in handles:
        room.outlook.delete(handle)
    first, second = room.calendar.changes(cursor, WINDOW).gone
    for _time in range(2):
        for item_id in (first, second):
            with pytest.raises(errors.NotFound):
                room.calendar.read(item_id, WINDOW)

    room.server.requests.forget()
    with pytest.raises(errors.NotFound):
        room.calendar.read(first, WINDOW)
    assert operations(room) == ["GET events/{id}"]


def test_exception_of_a_series_of_days_is_named_by_its_day_in_every_way(room: GraphRoom) -> None:
    """A view shows no master, and an exception alone does not tell whether its series is of days."""
    cursor = cursor_now(room.calendar)
    series = room.outlook.book_series(
        DAILY, dt.time(0), DAY, "Days", is_all_day=True, time_zone="Europe/London"
    )
    second = room.outlook.occurrence(series, "2027-03-02")
    room.server.store.change(
        second, {"all_day": False, "start": NOW + DAY, "end": NOW + DAY + HOUR}
    )

    by_view = {event.key.original_start for event in whole_view(room.calendar)}
    (item,) = changed(room.calendar, cursor).items.values()

    assert by_view == {event.key.original_start for event in item.events}
    assert by_view == {f"2027-03-0{day}" for day in range(1, 6)}


def test_session_is_closed_with_its_connection(room: GraphRoom) -> None:
    room.calendar.open()
    before = session.session_for(room.settings)

    session.close_connection("room")

    assert session.session_for(room.settings) is not before
    assert room.fresh().open().key


def test_mailbox_is_asked_for_by_its_address(room: GraphRoom) -> None:
    room.calendar.open()

    assert {line.mailbox for line in room.server.requests.lines() if line.mailbox} == {ROOM}


@pytest.mark.parametrize("by", ["stamp", "uid"])
def test_server_that_does_not_search_is_looked_through(room: GraphRoom, by: str) -> None:
    write(room.calendar)
    room.outlook.book(NOW, NOW + HOUR, "Another")
    uid = named(room.calendar, "Ours").uid
    room.bad_days.arrange(
        kind="error", operation="GET events", code="ErrorInvalidUrlQueryFilter", count=None
    )

    (item,) = room.calendar.find(WINDOW, **{"stamp": STAMP} if by == "stamp" else {"uid": uid})

    assert subjects(item.events) == ["Ours"]


def test_content_that_a_calendar_cannot_take_is_refused_alone(room: GraphRoom) -> None:
    for code in ("ErrorOccurrenceCrossingBoundary", "ErrorMessageSizeExceeded"):
        room.bad_days.arrange(kind="error", operation="POST events", code=code, status=400)
        with pytest.raises(errors.Rejected):
            write(room.calendar, content("Refused"))

    write(room.calendar, content("Next"))
    assert subjects(whole_view(room.calendar)) == ["Next"]
