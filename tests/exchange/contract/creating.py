from __future__ import annotations

import datetime as dt
import re

import pytest

from apps.exchange.calendar import ShowAs, Window
from tests.exchange.contract.room import (
    DAY,
    HOUR,
    NOW,
    STAMP,
    WINDOW,
    Details,
    Room,
    content,
    named,
    whole_view,
    write,
)

ATTEMPT = "0f0c5d1f-8a52-4a57-8c53-3f2a0c6a9b01"


class Creating:
    """create()"""

    def test_event_of_ours_is_busy_and_invites_nobody(self, room: Room) -> None:
        write(room.calendar)

        event = named(room.calendar, "Ours")

        assert (event.starts_at, event.ends_at) == (NOW + DAY, NOW + DAY + HOUR)
        assert event.show_as is ShowAs.BUSY
        assert not event.is_all_day
        assert not event.is_private
        assert not event.is_invitation
        assert not event.has_attendees
        assert not event.is_occurrence
        assert event.created_at is not None

    def test_event_of_ours_has_no_text_no_reminder_and_mails_nobody(self, room: Room) -> None:
        write(room.calendar)

        assert room.outlook.details(room.outlook.find("Ours")) == Details()
        assert room.outlook.mails() == []

    def test_create_tells_key_and_version_as_they_are_read(self, room: Room) -> None:
        ref = write(room.calendar)

        event = named(room.calendar, "Ours")

        assert (ref.key, ref.change_key) == (event.key, event.change_key)

    def test_stamp_and_attempt_id_are_read_afterwards(self, room: Room) -> None:
        write(room.calendar, attempt_id=ATTEMPT)

        event = named(room.calendar, "Ours")

        assert event.stamp == STAMP
        assert event.attempt_id == ATTEMPT

    def test_stamp_is_told_by_every_way_of_reading(self, room: Room) -> None:
        write(room.calendar, attempt_id=ATTEMPT)

        (seen,) = whole_view(room.calendar)

        assert seen.stamp == STAMP

    def test_copy_has_our_stamp_and_another_attempt_id(self, room: Room) -> None:
        write(room.calendar, attempt_id=ATTEMPT)
        room.outlook.copy(room.outlook.find("Ours"), NOW + 3 * DAY)

        copied = named(room.calendar, "Ours", Window(NOW + 2 * DAY, NOW + 4 * DAY))

        assert copied.stamp == STAMP
        assert copied.attempt_id != ATTEMPT

    def test_attempt_id_stays_when_somebody_changes_the_event(self, room: Room) -> None:
        write(room.calendar, attempt_id=ATTEMPT)
        handle = room.outlook.find("Ours")
        room.outlook.move(handle, NOW + 3 * DAY)
        room.outlook.rename(handle, "Theirs")

        event = named(room.calendar, "Theirs")

        assert (event.stamp, event.attempt_id) == (STAMP, ATTEMPT)

    def test_event_that_came_back_from_elsewhere_has_stamp_and_attempt_id(self, room: Room) -> None:
        write(room.calendar, attempt_id=ATTEMPT)
        room.outlook.refile(room.outlook.find("Ours"))

        event = named(room.calendar, "Ours")

        assert (event.stamp, event.attempt_id) == (STAMP, ATTEMPT)

    @pytest.mark.parametrize(
        ("time_zone", "starts_at", "ends_at"),
        [
            ("UTC", "2027-03-05T00:00", "2027-03-06T00:00"),
            ("Europe/London", "2027-07-04T23:00", "2027-07-05T23:00"),
            ("Asia/Kolkata", "2027-03-04T18:30", "2027-03-06T18:30"),
            ("America/New_York", "2027-03-05T05:00", "2027-03-06T05:00"),
            # Days of 23 and of 25 hours, in both halves of the world.
            ("Europe/London", "2027-03-28T00:00", "2027-03-28T23:00"),
            ("Australia/Sydney", "2027-04-03T13:00", "2027-04-04T14:00"),
            # The clock skips the midnight with which the day begins, or ends.
            ("Asia/Beirut", "2027-03-27T22:00", "2027-03-28T21:00"),
            ("Asia/Beirut", "2027-03-26T22:00", "2027-03-27T22:00"),
        ],
    )
    def test_all_day_event_has_the_midnights_of_its_zone(
        self, room: Room, time_zone: str, starts_at: str, ends_at: str
    ) -> None:
        begins, ends = _utc(starts_at), _utc(ends_at)
        write(room.calendar, content("Day", begins, ends, is_all_day=True, time_zone=time_zone))

        event = named(room.calendar, "Day")

        assert event.is_all_day
        assert (event.starts_at, event.ends_at) == (begins, ends)

    @pytest.mark.parametrize(
        ("time_zone", "starts_at", "ends_at"),
        [
            # Over the hour that is skipped, and in, before and over the one that comes twice.
            ("Europe/London", "2027-03-28T00:30", "2027-03-28T01:30"),
            ("America/New_York", "2027-03-14T06:30", "2027-03-14T07:30"),
            ("Australia/Sydney", "2027-04-03T15:15", "2027-04-03T15:45"),
            ("Australia/Sydney", "2027-04-03T16:15", "2027-04-03T16:45"),
            ("Australia/Sydney", "2027-04-03T14:30", "2027-04-03T17:30"),
        ],
    )
    def test_event_keeps_its_instants_when_the_clock_changes(
        self, room: Room, time_zone: str, starts_at: str, ends_at: str
    ) -> None:
        begins, ends = _utc(starts_at), _utc(ends_at)
        write(room.calendar, content("Change", begins, ends, time_zone=time_zone))

        event = named(room.calendar, "Change")

        assert (event.starts_at, event.ends_at) == (begins, ends)

    @pytest.mark.parametrize(
        "subject",
        [
            "\"Quoted\" and 'quoted'",
            "🎉 Fête 漢字 עברית",
            "<b>&amp;</b> ]]> <!-- -->",
            "x" * 255,
            "é" * 255,
            "\\n %s {0} $1",
        ],
    )
    def test_odd_subject_survives(self, room: Room, subject: str) -> None:
        write(room.calendar, content(subject))

        assert named(room.calendar, subject).subject == subject

    @pytest.mark.parametrize(
        "subject", ["  spaces  around ", "Tab\tand\nline", "Bell\x07\x1b\ufffe rings"]
    )
    def test_subject_that_cannot_be_written_as_it_is_keeps_its_words(
        self, room: Room, subject: str
    ) -> None:
        ref = write(room.calendar, content(subject))

        (event,) = room.calendar.read(ref.key.item_id, WINDOW).events

        assert re.findall(r"\w+", event.subject) == re.findall(r"\w+", subject)

    def test_two_creates_make_two_events(self, room: Room) -> None:
        one = write(room.calendar, stamp="1:a", attempt_id="11111111-1111-4111-8111-111111111111")
        two = write(room.calendar, stamp="1:b", attempt_id="22222222-2222-4222-8222-222222222222")

        assert one.key != two.key
        assert len(whole_view(room.calendar)) == 2

    def test_event_far_in_the_future_is_written(self, room: Room) -> None:
        starts_at = NOW.replace(year=2036)
        ref = write(room.calendar, content("Far", starts_at))

        (event,) = room.calendar.read(ref.key.item_id, WINDOW).events

        assert event.starts_at == starts_at


def _utc(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)
