from __future__ import annotations

import datetime as dt

import pytest

from apps.exchange.errors import SyncStateInvalid
from apps.exchange.recurrence import Frequency, Pattern, Range, Recurrence
from tests.exchange.contract.room import (
    DAY,
    HOUR,
    NOW,
    WINDOW,
    Can,
    Room,
    changed,
    cursor_now,
    named,
    needs,
    occurrences,
    subjects,
    write,
)

DAILY = Recurrence(Pattern(Frequency.DAILY), Range(NOW.date(), count=5))


class Changes:
    """advance() and changes()"""

    def test_cursor_that_stands_at_now_passes_what_is_there(self, room: Room) -> None:
        for number in range(3):
            room.outlook.book(NOW, NOW + HOUR, f"Before {number}")

        found = changed(room.calendar, cursor_now(room.calendar))

        assert found.items == {}
        assert found.gone == set()

    def test_cursor_of_an_empty_calendar_tells_the_first_event(self, room: Room) -> None:
        cursor = cursor_now(room.calendar)
        room.outlook.book(NOW, NOW + HOUR, "First")

        (item,) = changed(room.calendar, cursor).items.values()

        assert subjects(item.events) == ["First"]
        assert not item.is_series

    def test_cursor_serves_another_worker(self, room: Room) -> None:
        cursor = cursor_now(room.calendar)
        room.outlook.book(NOW, NOW + HOUR, "First")

        found = changed(room.fresh(), cursor)

        assert len(found.items) == 1
        assert changed(room.calendar, found.cursor).items == {}

    def test_cursor_may_be_used_again(self, room: Room) -> None:
        cursor = cursor_now(room.calendar)
        room.outlook.book(NOW, NOW + HOUR, "First")

        assert changed(room.calendar, cursor).items == changed(room.calendar, cursor).items != {}

    def test_pages_together_tell_every_change(self, room: Room) -> None:
        cursor = cursor_now(room.calendar)
        expected = {f"Event {number}" for number in range(7)}
        for subject in expected:
            room.outlook.book(NOW, NOW + HOUR, subject)

        found = changed(room.fresh(page_size=3), cursor)

        told = {event.subject for item in found.items.values() for event in item.events}
        assert told == expected

    def test_steps_towards_now_end_there_however_small(self, room: Room) -> None:
        for number in range(7):
            room.outlook.book(NOW, NOW + HOUR, f"Event {number}")

        assert changed(room.calendar, cursor_now(room.fresh(page_size=3))).items == {}

    def test_event_that_changed_twice_is_told_as_it_is_now(self, room: Room) -> None:
        handle = room.outlook.book(NOW, NOW + HOUR, "One")
        cursor = cursor_now(room.calendar)
        room.outlook.rename(handle, "Two")
        room.outlook.book(NOW, NOW + HOUR, "Another")
        room.outlook.rename(handle, "Three")

        found = changed(room.fresh(page_size=1), cursor)

        told = {event.subject for item in found.items.values() for event in item.events}
        assert told == {"Three", "Another"}

    def test_event_outside_the_window_is_told_by_wires_that_look_there(self, room: Room) -> None:
        cursor = cursor_now(room.calendar)
        for years in (-2, 2):
            starts_at = NOW.replace(year=NOW.year + years)
            room.outlook.book(starts_at, starts_at + HOUR, f"{years}")

        found = changed(room.calendar, cursor)

        told = {event.subject for item in found.items.values() for event in item.events}
        assert told == ({"-2", "2"} if room.tells_far_away else set())

    def test_event_that_leaves_the_window_is_told(self, room: Room) -> None:
        handle = room.outlook.book(NOW, NOW + HOUR, "Leaves")
        item_id = named(room.calendar, "Leaves").key.item_id
        cursor = cursor_now(room.calendar)
        room.outlook.move(handle, NOW.replace(year=NOW.year + 2))

        found = changed(room.calendar, cursor)

        # As gone, where nothing is told of what lies outside: that alone proves nothing.
        assert item_id in (found.items if room.tells_far_away else found.gone)
        (event,) = room.calendar.read(item_id, WINDOW).events
        assert event.starts_at.year == NOW.year + 2

    def test_what_we_wrote_is_told_like_anything(self, room: Room) -> None:
        cursor = cursor_now(room.calendar)
        ref = write(room.calendar)

        (item,) = changed(room.calendar, cursor).items.values()

        assert [event.ref.key for event in item.events] == [ref.key]
        assert item.events[0].change_key == ref.change_key

    def test_deleted_event_is_told_as_gone(self, room: Room) -> None:
        handle = room.outlook.book(NOW, NOW + HOUR, "Gone")
        item_id = named(room.calendar, "Gone").key.item_id
        cursor = cursor_now(room.calendar)
        room.outlook.delete(handle)

        found = changed(room.calendar, cursor)

        assert found.gone == {item_id}
        assert found.items == {}

    def test_event_that_went_into_another_folder_is_told_as_gone(self, room: Room) -> None:
        handle = room.outlook.book(NOW, NOW + HOUR, "Filed")
        item_id = named(room.calendar, "Filed").key.item_id
        cursor = cursor_now(room.calendar)
        room.outlook.file_elsewhere(handle)

        found = changed(room.calendar, cursor)

        assert found.gone == {item_id}
        assert found.items == {}

    def test_event_that_came_back_is_told_with_its_uid(self, room: Room) -> None:
        handle = room.outlook.book(NOW, NOW + HOUR, "Back")
        uid = named(room.calendar, "Back").uid
        cursor = cursor_now(room.calendar)
        room.outlook.refile(handle)

        items = changed(room.calendar, cursor).items.values()

        assert [event.uid for item in items for event in item.events] == [uid]

    def test_event_that_came_and_went_is_nowhere(self, room: Room) -> None:
        cursor = cursor_now(room.calendar)
        room.outlook.delete(room.outlook.book(NOW, NOW + HOUR, "Short"))

        assert changed(room.calendar, cursor).items == {}

    def test_series_is_told_whole(self, room: Room) -> None:
        cursor = cursor_now(room.calendar)
        room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")

        (item,) = changed(room.calendar, cursor).items.values()

        assert item.is_series
        assert sorted(event.key.original_start for event in item.events) == [
            f"2027-03-0{day}T09:00:00Z" for day in range(1, 6)
        ]
        assert {event.key.item_id for event in item.events} == {item.item_id}

    def test_change_of_one_occurrence_tells_the_whole_series(self, room: Room) -> None:
        series = room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        cursor = cursor_now(room.calendar)
        second = room.outlook.occurrence(series, "2027-03-02T09:00:00Z")
        third = room.outlook.occurrence(series, "2027-03-03T09:00:00Z")
        room.outlook.move(second, NOW + DAY + 5 * HOUR)
        room.outlook.delete(third)

        (item,) = changed(room.calendar, cursor).items.values()

        starts = {event.key.original_start: event.starts_at for event in item.events}
        assert starts == {
            "2027-03-01T09:00:00Z": NOW,
            "2027-03-02T09:00:00Z": NOW + DAY + 5 * HOUR,
            "2027-03-04T09:00:00Z": NOW + 3 * DAY,
            "2027-03-05T09:00:00Z": NOW + 4 * DAY,
        }

    def test_deleted_series_is_told_as_gone(self, room: Room) -> None:
        series = room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        item_id = occurrences(room.calendar, "Daily")[0].key.item_id
        cursor = cursor_now(room.calendar)
        room.outlook.delete(series)

        found = changed(room.calendar, cursor)

        # Some servers name its occurrences beside it.
        assert item_id in found.gone
        assert found.items == {}

    @pytest.mark.parametrize("cursor", ["garbage", "H4sIAAAAAAA=", "x" * 4000, "<&>'\""])
    def test_damaged_cursor_is_refused(self, room: Room, cursor: str) -> None:
        with pytest.raises(SyncStateInvalid):
            room.calendar.changes(cursor, WINDOW)

    def test_cursor_of_another_mailbox_is_refused(self, room: Room) -> None:
        cursor = cursor_now(room.fresh(room.other))

        with pytest.raises(SyncStateInvalid):
            room.calendar.changes(cursor, WINDOW)
        with pytest.raises(SyncStateInvalid):
            room.calendar.advance(cursor, WINDOW)

    @needs(Can.FORGET_CURSORS)
    def test_cursor_that_the_server_forgot_is_refused(self, room: Room) -> None:
        cursor = cursor_now(room.calendar)
        room.faults.forget_cursors()

        with pytest.raises(SyncStateInvalid):
            room.calendar.changes(cursor, WINDOW)
        assert cursor_now(room.calendar)
