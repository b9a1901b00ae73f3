from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from apps.exchange.errors import NotFound, Rejected, StaleChangeKey
from apps.exchange.recurrence import Frequency, Pattern, Range, Recurrence
from tests.exchange.contract.room import (
    DAY,
    HOUR,
    NOW,
    Can,
    Room,
    changed,
    cursor_now,
    named,
    needs,
    occurrences,
    subjects,
    whole_view,
    write,
)

DAILY = Recurrence(Pattern(Frequency.DAILY), Range(NOW.date(), count=4))


class Removing:
    """delete() and decline()"""

    def test_deleted_event_lies_in_the_deleted_items(self, room: Room) -> None:
        room.calendar.delete(write(room.calendar))

        assert whole_view(room.calendar) == []
        assert room.outlook.deleted_items() == ["Ours"]
        assert room.outlook.mails() == []

    def test_delete_is_told_as_gone(self, room: Room) -> None:
        ref = write(room.calendar)
        cursor = cursor_now(room.calendar)

        room.calendar.delete(ref)

        assert changed(room.calendar, cursor).gone == {ref.key.item_id}

    def test_event_of_other_people_is_deleted_too(self, room: Room) -> None:
        room.outlook.book(NOW, NOW + HOUR, "Theirs")

        room.calendar.delete(named(room.calendar, "Theirs").ref)

        assert whole_view(room.calendar) == []

    def test_second_delete_is_not_found(self, room: Room) -> None:
        ref = write(room.calendar)
        room.calendar.delete(ref)

        with pytest.raises(NotFound):
            room.calendar.delete(ref)

    def test_delete_as_of_an_old_version_deletes_nothing(self, room: Room) -> None:
        ref = write(room.calendar)
        room.outlook.rename(room.outlook.find("Ours"), "Quicker")

        with pytest.raises(StaleChangeKey):
            room.calendar.delete(ref)

        assert subjects(whole_view(room.calendar)) == ["Quicker"]

    def test_delete_of_one_occurrence_leaves_the_others(self, room: Room) -> None:
        room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        second = occurrences(room.calendar, "Daily")[1]

        room.calendar.delete(second.ref)

        left = occurrences(room.calendar, "Daily")
        assert [event.starts_at for event in left] == [NOW, NOW + 2 * DAY, NOW + 3 * DAY]

    def test_exception_is_deleted_like_any_occurrence(self, room: Room) -> None:
        series = room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        third = room.outlook.occurrence(series, "2027-03-03T09:00:00Z")
        room.outlook.move(third, NOW + 2 * DAY + 5 * HOUR)

        room.calendar.delete(occurrences(room.calendar, "Daily")[2].ref)

        left = occurrences(room.calendar, "Daily")
        assert [event.starts_at for event in left] == [NOW, NOW + DAY, NOW + 3 * DAY]

    def test_deleted_occurrence_is_not_found_again(self, room: Room) -> None:
        room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        second = occurrences(room.calendar, "Daily")[1]
        room.calendar.delete(second.ref)
        version = occurrences(room.calendar, "Daily")[0].change_key

        with pytest.raises(NotFound):
            room.calendar.delete(replace(second.ref, change_key=version))

    def test_delete_of_an_occurrence_as_of_an_old_version_deletes_nothing(self, room: Room) -> None:
        series = room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        second = occurrences(room.calendar, "Daily")[1]
        room.outlook.rename(room.outlook.occurrence(series, second.key.original_start), "Quicker")

        with pytest.raises(StaleChangeKey):
            room.calendar.delete(second.ref)

        assert len(occurrences(room.calendar, "Daily")) == 4

    @needs(Can.MAIL_ATTENDEES)
    def test_port_says_whether_a_delete_mails_attendees(self, room: Room) -> None:
        room.outlook.call(NOW, NOW + HOUR, "Called")
        room.calendar.delete(named(room.calendar, "Called").ref)

        assert (room.outlook.mails() == ["cancel"]) is room.calendar.mails_attendees

    def test_declined_invitation_leaves_and_its_organiser_is_mailed(self, room: Room) -> None:
        room.outlook.invite(NOW, NOW + HOUR, "Invitation")
        event = named(room.calendar, "Invitation")
        cursor = cursor_now(room.calendar)

        room.calendar.decline(event.ref)

        assert whole_view(room.calendar) == []
        assert room.outlook.mails() == ["decline"]
        assert changed(room.calendar, cursor).gone == {event.key.item_id}

    @pytest.mark.parametrize("verb", ["book", "call"])
    def test_what_nobody_else_called_cannot_be_declined(self, room: Room, verb: str) -> None:
        getattr(room.outlook, verb)(NOW, NOW + HOUR, "Own")
        before = named(room.calendar, "Own")

        with pytest.raises(Rejected):
            room.calendar.decline(before.ref)

        assert named(room.calendar, "Own").change_key == before.change_key
        assert room.outlook.mails() == []

    def test_decline_as_of_an_old_version_mails_nobody(self, room: Room) -> None:
        handle = room.outlook.invite(NOW, NOW + HOUR, "Invitation")
        event = named(room.calendar, "Invitation")
        room.outlook.rename(handle, "Quicker")

        with pytest.raises(StaleChangeKey):
            room.calendar.decline(event.ref)

        assert subjects(whole_view(room.calendar)) == ["Quicker"]
        assert room.outlook.mails() == []

    def test_decline_of_an_invitation_that_is_gone_is_not_found(self, room: Room) -> None:
        handle = room.outlook.invite(NOW, NOW + HOUR, "Invitation")
        event = named(room.calendar, "Invitation")
        room.outlook.delete(handle)

        with pytest.raises(NotFound):
            room.calendar.decline(event.ref)

        assert room.outlook.mails() == []
