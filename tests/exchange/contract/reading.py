from __future__ import annotations

import datetime as dt

import pytest

from apps.exchange.calendar import Calendar, CalendarEvent, Window
from apps.exchange.errors import NotFound
from apps.exchange.recurrence import Frequency, Pattern, Range, Recurrence
from tests.exchange.contract.room import (
    DAY,
    HOUR,
    NOW,
    STAMP,
    WINDOW,
    Room,
    changed,
    content,
    cursor_now,
    named,
    occurrences,
    plain,
    subjects,
    thin,
    whole_view,
    write,
)

DAILY = Recurrence(Pattern(Frequency.DAILY), Range(NOW.date(), count=5))
FAR = NOW.replace(year=2031)


class Reading:
    """read() and find(), and that all ways of reading agree"""

    def test_single_is_read_wherever_it_lies(self, room: Room) -> None:
        room.outlook.book(FAR, FAR + HOUR, "Far")
        item_id = named(room.calendar, "Far", Window(FAR, FAR + DAY)).key.item_id

        item = room.calendar.read(item_id, WINDOW)

        assert [(event.subject, event.starts_at) for event in item.events] == [("Far", FAR)]
        assert not item.is_series
        assert not item.problem

    def test_series_is_read_by_the_occurrences_that_overlap_the_window(self, room: Room) -> None:
        room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        item_id = occurrences(room.calendar, "Daily")[0].key.item_id

        item = room.calendar.read(item_id, Window(NOW + DAY, NOW + 2 * DAY + HOUR))

        assert item.is_series
        assert sorted(event.starts_at for event in item.events) == [NOW + DAY, NOW + 2 * DAY]

    def test_exception_is_read_wherever_it_lies(self, room: Room) -> None:
        series = room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        # The last one: Exchange lets no occurrence pass another.
        room.outlook.move(room.outlook.occurrence(series, "2027-03-05T09:00:00Z"), FAR)
        item_id = named(room.calendar, "Daily", Window(NOW, NOW + HOUR)).key.item_id

        item = room.calendar.read(item_id, Window(NOW, NOW + HOUR))

        assert {event.key.original_start: event.starts_at for event in item.events} == {
            "2027-03-01T09:00:00Z": NOW,
            "2027-03-05T09:00:00Z": FAR,
        }

    def test_exception_has_what_it_was_given_and_the_others_have_not(self, room: Room) -> None:
        series = room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        second = room.outlook.occurrence(series, "2027-03-02T09:00:00Z")
        room.outlook.rename(second, "Special")

        found = occurrences(room.calendar, "Daily")

        assert subjects(found) == ["Daily", "Special", "Daily", "Daily", "Daily"]

    def test_series_that_was_shifted_has_other_original_starts(self, room: Room) -> None:
        series = room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        room.outlook.shift(series, 2 * HOUR)

        found = occurrences(room.calendar, "Daily")

        assert [event.key.original_start for event in found] == [
            f"2027-03-0{day}T11:00:00Z" for day in range(1, 6)
        ]

    def test_series_that_was_cut_has_no_more_than_that(self, room: Room) -> None:
        series = room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        room.outlook.cut(series, 2)

        assert len(occurrences(room.calendar, "Daily")) == 2

    @pytest.mark.parametrize("item_id", ["nonsense", "AAMkAGI=", "<&>'\"", "x" * 2000])
    def test_unknown_id_is_not_found(self, room: Room, item_id: str) -> None:
        with pytest.raises(NotFound):
            room.calendar.read(item_id, WINDOW)

    def test_deleted_event_is_not_found(self, room: Room) -> None:
        handle = room.outlook.book(NOW, NOW + HOUR, "Gone")
        item_id = named(room.calendar, "Gone").key.item_id
        room.outlook.delete(handle)

        with pytest.raises(NotFound):
            room.calendar.read(item_id, WINDOW)

    def test_event_in_another_folder_is_not_found(self, room: Room) -> None:
        handle = room.outlook.book(NOW, NOW + HOUR, "Filed")
        item_id = named(room.calendar, "Filed").key.item_id
        room.outlook.file_elsewhere(handle)

        with pytest.raises(NotFound):
            room.calendar.read(item_id, WINDOW)

    def test_event_of_another_mailbox_is_not_found(self, room: Room) -> None:
        ref = write(room.fresh(room.other))

        with pytest.raises(NotFound):
            room.calendar.read(ref.key.item_id, WINDOW)

    def test_event_is_found_by_its_stamp_wherever_it_lies(self, room: Room) -> None:
        near = write(room.calendar)
        write(
            room.calendar,
            content("Another"),
            stamp="1:another",
            attempt_id="8a1d3f6e-1111-4222-8333-444455556666",
        )
        room.outlook.copy(room.outlook.find("Ours"), FAR)

        found = room.calendar.find(WINDOW, stamp=STAMP)

        events = [event for item in found for event in item.events]
        assert sorted(event.starts_at for event in events) == [NOW + DAY, FAR]
        assert near.key in {event.key for event in events}
        assert {event.stamp for event in events} == {STAMP}

    def test_event_is_found_by_its_uid(self, room: Room) -> None:
        room.outlook.book(NOW, NOW + HOUR, "One")
        room.outlook.book(NOW, NOW + HOUR, "Two")
        uid = named(room.calendar, "One").uid

        (item,) = room.calendar.find(WINDOW, uid=uid)

        assert subjects(item.events) == ["One"]

    def test_series_is_found_by_its_uid(self, room: Room) -> None:
        room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        uid = occurrences(room.calendar, "Daily")[0].uid

        (item,) = room.calendar.find(WINDOW, uid=uid)

        assert item.is_series
        assert len(item.events) == 5

    def test_copy_has_a_uid_of_its_own(self, room: Room) -> None:
        handle = room.outlook.book(NOW, NOW + HOUR, "One")
        room.outlook.copy(handle, FAR)

        (item,) = room.calendar.find(WINDOW, uid=named(room.calendar, "One").uid)

        assert [event.starts_at for event in item.events] == [NOW]

    def test_event_that_is_gone_is_not_found_by_anything(self, room: Room) -> None:
        write(room.calendar)
        uid = named(room.calendar, "Ours").uid
        room.outlook.delete(room.outlook.find("Ours"))

        assert room.calendar.find(WINDOW, stamp=STAMP) == ()
        assert room.calendar.find(WINDOW, uid=uid) == ()

    def test_unknown_stamp_and_uid_find_nothing(self, room: Room) -> None:
        room.outlook.book(NOW, NOW + HOUR, "One")

        assert room.calendar.find(WINDOW, stamp="1:2:3:4") == ()
        assert room.calendar.find(WINDOW, uid="<none> of 'these'") == ()

    def test_all_ways_of_reading_agree_on_every_field(self, room: Room) -> None:
        """A view may be thin: without UID, attempt id and the organiser's address."""
        cursor = cursor_now(room.calendar)
        room.outlook.book(NOW, NOW + HOUR, "Plain")
        room.outlook.book(NOW, NOW + HOUR, "Secret", sensitivity="private")
        room.outlook.invite(NOW, NOW + HOUR, "Invitation")
        room.outlook.call(NOW, NOW + HOUR, "Called")
        write(room.calendar)
        series = room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        room.outlook.rename(room.outlook.occurrence(series, "2027-03-02T09:00:00Z"), "Special")

        by_change = {
            event.key: event
            for item in changed(room.calendar, cursor).items.values()
            for event in item.events
        }
        by_view = {event.key: event for event in whole_view(room.calendar)}

        assert len(by_change) == 10
        assert by_view.keys() == by_change.keys()
        for key, event in by_change.items():
            (by_id,) = _one(room.calendar, event)
            assert plain(by_id) == plain(event)
            assert thin(by_view[key]) == thin(event)
            assert by_view[key].uid in {"", event.uid}
            assert by_view[key].attempt_id in {"", event.attempt_id}
            assert by_view[key].organizer_email in {"", event.organizer_email}

    def test_found_item_is_the_item_that_is_read(self, room: Room) -> None:
        ref = write(room.calendar)

        (found,) = room.calendar.find(WINDOW, stamp=STAMP)
        item = room.calendar.read(ref.key.item_id, WINDOW)

        assert [plain(event) for event in found.events] == [plain(event) for event in item.events]

    def test_change_key_stays_while_nothing_changes(self, room: Room) -> None:
        room.outlook.book(NOW, NOW + HOUR, "Still")
        room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")

        def keys(calendar: Calendar) -> dict[object, str]:
            return {event.key: event.change_key for event in whole_view(calendar)}

        before = keys(room.calendar)
        room.calendar.read(named(room.calendar, "Still").key.item_id, WINDOW)

        assert keys(room.calendar) == keys(room.fresh()) == before

    def test_change_key_changes_with_the_event(self, room: Room) -> None:
        handle = room.outlook.book(NOW, NOW + HOUR, "One")
        before = named(room.calendar, "One")
        room.outlook.rename(handle, "Two")

        after = named(room.calendar, "Two")

        assert after.key == before.key
        assert after.change_key != before.change_key


def _one(calendar: Calendar, event: CalendarEvent) -> list[CalendarEvent]:
    item = calendar.read(event.key.item_id, WINDOW)
    return [found for found in item.events if found.key == event.key]
