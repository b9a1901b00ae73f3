from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from apps.exchange.calendar import CalendarEvent, EventKey, Parts, ShowAs
from apps.exchange.errors import NotFound, StaleChangeKey
from apps.exchange.recurrence import Frequency, Pattern, Range, Recurrence
from tests.exchange.contract.room import (
    DAY,
    HOUR,
    NOW,
    STAMP,
    WINDOW,
    Can,
    Room,
    changed,
    content,
    cursor_now,
    named,
    needs,
    occurrences,
    plain,
    subjects,
    whole_view,
    write,
)

DAILY = Recurrence(Pattern(Frequency.DAILY), Range(NOW.date(), count=4))
SECOND = "2027-03-02T09:00:00Z"
LATER = content("Later", NOW + 2 * DAY, NOW + 2 * DAY + 2 * HOUR)
TIME = Parts(time=True)
SUBJECT = Parts(subject=True)
SHOW_AS = Parts(show_as=True)
ALL = Parts(subject=True, time=True, show_as=True)


class Updating:
    """update()"""

    def test_all_parts_are_written(self, room: Room) -> None:
        room.calendar.update(write(room.calendar), LATER, ALL)

        (event,) = whole_view(room.calendar)

        assert event.subject == "Later"
        assert (event.starts_at, event.ends_at) == (LATER.starts_at, LATER.ends_at)
        assert event.show_as is ShowAs.BUSY

    def test_only_the_parts_that_are_sent_change(self, room: Room) -> None:
        ref = write(room.calendar)

        ref = room.calendar.update(ref, LATER, SUBJECT)
        event = named(room.calendar, "Later")
        assert (event.starts_at, event.ends_at) == (NOW + DAY, NOW + DAY + HOUR)

        room.calendar.update(ref, replace(LATER, subject="Never"), TIME)
        event = named(room.calendar, "Later")
        assert (event.starts_at, event.ends_at) == (LATER.starts_at, LATER.ends_at)

    def test_event_that_somebody_made_free_is_made_busy_again(self, room: Room) -> None:
        write(room.calendar)
        room.outlook.show_as(room.outlook.find("Ours"), ShowAs.FREE)
        room.calendar.update(named(room.calendar, "Ours").ref, LATER, SUBJECT)
        assert named(room.calendar, "Later").show_as is ShowAs.FREE

        room.calendar.update(named(room.calendar, "Later").ref, LATER, SHOW_AS)

        assert named(room.calendar, "Later").show_as is ShowAs.BUSY

    def test_update_tells_key_and_version_as_they_are_read(self, room: Room) -> None:
        ref = write(room.calendar)

        updated = room.calendar.update(ref, LATER, ALL)
        event = named(room.calendar, "Later")

        assert updated.key == ref.key == event.key
        assert updated.change_key == event.change_key != ref.change_key

    def test_update_after_update_goes_by_the_version_that_the_first_gave(self, room: Room) -> None:
        ref = room.calendar.update(write(room.calendar), LATER, ALL)

        room.fresh().update(ref, content("Third"), SUBJECT)

        assert subjects(whole_view(room.calendar)) == ["Third"]

    def test_update_keeps_stamp_attempt_id_and_uid(self, room: Room) -> None:
        ref = write(room.calendar)
        before = named(room.calendar, "Ours")

        room.calendar.update(ref, LATER, ALL)
        after = named(room.calendar, "Later")

        assert (after.stamp, after.attempt_id, after.uid) == (STAMP, before.attempt_id, before.uid)

    def test_update_is_told_as_a_change(self, room: Room) -> None:
        ref = write(room.calendar)
        cursor = cursor_now(room.calendar)

        room.calendar.update(ref, LATER, ALL)

        (item,) = changed(room.calendar, cursor).items.values()
        assert subjects(item.events) == ["Later"]

    def test_event_becomes_all_day_and_back(self, room: Room) -> None:
        day = content("Day", NOW.replace(hour=0), NOW.replace(hour=0) + DAY, is_all_day=True)

        ref = room.calendar.update(write(room.calendar), day, ALL)
        event = named(room.calendar, "Day")
        assert event.is_all_day
        assert (event.starts_at, event.ends_at) == (day.starts_at, day.ends_at)

        room.calendar.update(ref, LATER, TIME)
        event = named(room.calendar, "Day")
        assert not event.is_all_day
        assert (event.starts_at, event.ends_at) == (LATER.starts_at, LATER.ends_at)

    @pytest.mark.parametrize("days", [-30, 30])
    def test_event_may_move_far_in_either_direction(self, room: Room, days: int) -> None:
        starts_at = NOW + days * DAY
        ref = room.calendar.update(write(room.calendar), content("Moved", starts_at), ALL)

        (event,) = room.calendar.read(ref.key.item_id, WINDOW).events

        assert (event.starts_at, event.ends_at) == (starts_at, starts_at + HOUR)

    @pytest.mark.parametrize("parts", [ALL, TIME, SUBJECT, SHOW_AS])
    def test_update_as_of_an_old_version_writes_nothing(self, room: Room, parts: Parts) -> None:
        ref = write(room.calendar)
        room.outlook.rename(room.outlook.find("Ours"), "Quicker")
        before = named(room.calendar, "Quicker")

        with pytest.raises(StaleChangeKey):
            room.calendar.update(ref, LATER, parts)

        assert plain(named(room.calendar, "Quicker")) == plain(before)

    def test_second_of_two_workers_is_told_that_it_was_slower(self, room: Room) -> None:
        ref = write(room.calendar)
        room.fresh().update(ref, LATER, ALL)

        with pytest.raises(StaleChangeKey):
            room.calendar.update(ref, content("Slower"), ALL)

        assert subjects(whole_view(room.calendar)) == ["Later"]

    def test_update_of_a_deleted_event_is_not_found(self, room: Room) -> None:
        ref = write(room.calendar)
        room.outlook.delete(room.outlook.find("Ours"))

        with pytest.raises(NotFound):
            room.calendar.update(ref, LATER, ALL)

        assert whole_view(room.calendar) == []

    def test_update_of_an_event_that_was_filed_elsewhere_is_not_found(self, room: Room) -> None:
        ref = write(room.calendar)
        room.outlook.file_elsewhere(room.outlook.find("Ours"))

        with pytest.raises(NotFound):
            room.calendar.update(ref, LATER, ALL)

    def test_update_of_an_unknown_id_is_not_found(self, room: Room) -> None:
        ref = write(room.calendar)

        with pytest.raises(NotFound):
            room.calendar.update(
                replace(ref, key=EventKey("nonsense"), wire_id="nonsense"), LATER, ALL
            )

    def test_update_of_one_occurrence_leaves_the_others(self, room: Room) -> None:
        room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        (second,) = [e for e in occurrences(room.calendar, "Daily") if e.starts_at == NOW + DAY]
        moved = content("Moved", NOW + DAY + 3 * HOUR)

        ref = room.calendar.update(second.ref, moved, ALL)

        found = occurrences(room.calendar, "Daily")
        assert [(event.subject, event.starts_at) for event in found] == [
            ("Daily", NOW),
            ("Moved", moved.starts_at),
            ("Daily", NOW + 2 * DAY),
            ("Daily", NOW + 3 * DAY),
        ]
        assert found[1].key == second.key == ref.key
        assert found[1].change_key == ref.change_key

    def test_occurrence_can_be_updated_again_and_again(self, room: Room) -> None:
        room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        ref = _second(room).ref

        ref = room.calendar.update(ref, content("Two", NOW + DAY + HOUR), ALL)
        ref = room.calendar.update(ref, content("Three"), SUBJECT)
        room.fresh().update(_second(room).ref, content("Four"), SUBJECT)

        assert _second(room).subject == "Four"
        assert _second(room).starts_at == NOW + DAY + HOUR

    def test_update_of_an_occurrence_as_of_an_old_version_writes_nothing(self, room: Room) -> None:
        series = room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        ref = _second(room).ref
        room.outlook.rename(room.outlook.occurrence(series, SECOND), "Quicker")

        with pytest.raises(StaleChangeKey):
            room.calendar.update(ref, LATER, ALL)

        assert _second(room).subject == "Quicker"

    @needs(Can.MAIL_ATTENDEES)
    def test_port_says_whether_an_update_mails_attendees(self, room: Room) -> None:
        room.outlook.call(NOW, NOW + HOUR, "Called")
        room.calendar.update(named(room.calendar, "Called").ref, content("Renamed"), SUBJECT)

        assert (room.outlook.mails() == ["update"]) is room.calendar.mails_attendees


def _second(room: Room) -> CalendarEvent:
    item_id = room.calendar.view(WINDOW).events[0].key.item_id
    events = room.calendar.read(item_id, WINDOW).events
    (event,) = [event for event in events if event.key.original_start == SECOND]
    return event
