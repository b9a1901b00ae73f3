from __future__ import annotations

import pytest

from apps.exchange.calendar import ShowAs
from tests.exchange.contract.room import HOUR, NOW, Room, named, whole_view


class Meaning:
    """What the fields of an event say"""

    @pytest.mark.parametrize(
        "show_as",
        [
            ShowAs.FREE,
            ShowAs.TENTATIVE,
            ShowAs.BUSY,
            ShowAs.OUT_OF_OFFICE,
            ShowAs.ELSEWHERE,
        ],
    )
    def test_event_shows_as_what_people_said(self, room: Room, show_as: ShowAs) -> None:
        room.outlook.book(NOW, NOW + HOUR, "Event", show_as=show_as)

        event = named(room.calendar, "Event")

        assert event.show_as is show_as
        assert not event.is_cancelled
        assert not event.is_declined

    @pytest.mark.parametrize(
        ("sensitivity", "is_private"),
        [("normal", False), ("personal", True), ("private", True), ("confidential", True)],
    )
    def test_privacy_is_told(self, room: Room, sensitivity: str, is_private: bool) -> None:
        room.outlook.book(NOW, NOW + HOUR, "Event", sensitivity=sensitivity)

        assert named(room.calendar, "Event").is_private is is_private

    def test_event_that_is_made_private_or_free_later_says_so(self, room: Room) -> None:
        handle = room.outlook.book(NOW, NOW + HOUR, "Event")
        room.outlook.mark(handle, "private")
        room.outlook.show_as(handle, ShowAs.FREE)

        event = named(room.calendar, "Event")

        assert event.is_private
        assert event.show_as is ShowAs.FREE

    def test_appointment_is_no_invitation(self, room: Room) -> None:
        room.outlook.book(NOW, NOW + HOUR, "Event")

        event = named(room.calendar, "Event")

        assert not event.is_invitation
        assert not event.has_attendees
        assert event.uid
        assert event.created_at is not None
        assert event.created_at.tzinfo is not None
        assert event.stamp == ""

    def test_invitation_names_its_organiser(self, room: Room) -> None:
        room.outlook.invite(NOW, NOW + HOUR, "Event", organizer=("Pia", "pia@example.com"))

        event = named(room.calendar, "Event")

        assert event.is_invitation
        assert event.has_attendees
        assert (event.organizer, event.organizer_email) == ("Pia", "pia@example.com")
        assert not event.is_declined

    def test_meeting_that_the_room_called_is_no_invitation(self, room: Room) -> None:
        room.outlook.call(NOW, NOW + HOUR, "Event")

        event = named(room.calendar, "Event")

        assert event.has_attendees
        assert not event.is_invitation

    def test_cancelled_invitation_says_so(self, room: Room) -> None:
        room.outlook.cancel(room.outlook.invite(NOW, NOW + HOUR, "Event"))

        # Servers put a word before its subject.
        (event,) = whole_view(room.calendar)

        assert event.is_cancelled

    @pytest.mark.parametrize(
        ("response", "is_declined"),
        [("accepted", False), ("tentative", False), ("declined", True)],
    )
    def test_declined_invitation_says_so(
        self, room: Room, response: str, is_declined: bool
    ) -> None:
        room.outlook.invite(NOW, NOW + HOUR, "Event", response=response)

        assert named(room.calendar, "Event").is_declined is is_declined

    @pytest.mark.parametrize("subject", ["", "Ünïcödé ☕", "<b>&amp;</b>"])
    def test_subject_is_read_as_it_stands(self, room: Room, subject: str) -> None:
        room.outlook.book(NOW, NOW + HOUR, subject)

        assert named(room.calendar, subject).subject == subject
