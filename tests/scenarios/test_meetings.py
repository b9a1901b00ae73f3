"""Meetings, their organisers and the room's attendant: who gets mail, and what is left of a meeting."""

from __future__ import annotations

from typing import Any

import pytest

from apps.bookings.models import Booking
from apps.sandbox.store import Attendee
from tests.exchange.ews.sandbox_room import DOMAIN, OLGA
from tests.scenarios.world import EwsWorld
from tests.sync.test_trouble import settle

pytestmark = pytest.mark.django_db


def invite(world: EwsWorld, hours: float, subject: str = "Review", **fields: Any) -> str:
    """Olga invites the room; its attendant answers."""
    store = world.server.store
    room = Attendee(name="Room", address=world.calendar.email, role="Resource")
    made = store.create(
        store.mailbox(OLGA).calendar.id,
        {
            "subject": subject, "start": world.at(hours), "end": world.at(hours + 1),
            "attendees": (room,), "body": "Bring the plans.", **fields,
        },
        send=True,
    )  # fmt: skip
    return str(made.id)


def mails(world: EwsWorld) -> list[str]:
    """What the room sent."""
    outbox = world.server.store.organisation(DOMAIN).outbox
    return [mail.kind for mail in outbox if mail.sender == world.calendar.email]


def test_accepted_request_is_a_booking_of_its_organiser(world: EwsWorld) -> None:
    world.sync()
    invite(world, 24)

    world.sync()

    booking = world.only_booking()
    assert (booking.person, booking.person_email, booking.origin) == ("Olga", OLGA, "exchange")
    assert mails(world) == ["accept"]


def test_stripped_request_has_its_organisers_name_for_a_title(world: EwsWorld) -> None:
    """As the attendant of a room does it unless it is told otherwise."""
    invite(world, 24, "Salaries", sensitivity="Private")

    world.sync()

    assert world.only_booking().title == "Olga"


def test_request_keeps_its_subject_where_the_attendant_leaves_it(world: EwsWorld) -> None:
    world.server.store.set_attendant(
        world.calendar.email, delete_subject=False, add_organizer_to_subject=False
    )
    invite(world, 24, "Review")

    world.sync()

    assert world.only_booking().title == "Review"


def test_attendant_declines_who_invites_on_a_booking_of_ours(world: EwsWorld) -> None:
    world.book(24)
    world.sync()

    invite(world, 24)
    settle(world)

    assert mails(world) == ["decline"]
    assert world.blocking_here() == world.blocking_there() == [(world.at(24), world.at(25))]
    assert Booking.objects.count() == 1


def test_our_direct_write_is_not_touched_by_the_attendant(world: EwsWorld) -> None:
    world.server.store.set_attendant(world.calendar.email, booking_window_in_days=1)
    world.book(24 * 30, "Far ahead")

    settle(world)

    (event,) = world.outlook.blocking()
    assert event.subject == "Far ahead"
    assert mails(world) == []


def test_first_sync_mails_nobody(world: EwsWorld) -> None:
    for hours in (24, 48, 72):
        invite(world, hours)
    world.server.store.organisation(DOMAIN).outbox.clear()
    world.book(24.5)
    world.book(96)

    for _number in range(3):
        world.sync()

    assert world.server.store.organisation(DOMAIN).outbox == []


def test_staff_cancelling_a_meeting_mails_its_organiser_once(world: EwsWorld) -> None:
    invite(world, 24)
    world.sync()
    world.server.store.organisation(DOMAIN).outbox.clear()
    settle(world)
    assert mails(world) == []

    world.cancel(world.only_booking())
    settle(world)

    assert mails(world) == ["decline"]
    assert world.blocking_there() == []


def test_decline_whose_answer_was_lost_mails_once(world: EwsWorld) -> None:
    invite(world, 24)
    world.sync()
    world.server.store.organisation(DOMAIN).outbox.clear()
    world.cancel(world.only_booking())
    world.fault("cut-after", operation="CreateItem")

    settle(world)

    assert mails(world) == ["decline"]


def test_writing_and_removing_bookings_mails_nobody(world: EwsWorld) -> None:
    booking = world.book(24)
    world.sync()
    world.move(booking, 30)
    world.sync()
    world.cancel(booking)

    settle(world)

    assert world.server.store.organisation(DOMAIN).outbox == []


def test_update_of_our_event_with_guests_mails_nobody(world: EwsWorld) -> None:
    booking = world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.change(event.key, has_attendees=True)
    world.sync()
    world.move(booking, 30)

    settle(world)

    assert world.server.store.organisation(DOMAIN).outbox == []
    assert world.blocking_there() == [(world.at(30), world.at(31))]


def test_cancelled_meeting_cancels_its_booking(world: EwsWorld) -> None:
    made = invite(world, 24)
    world.sync()
    world.server.store.cancel(made)

    settle(world)

    assert world.blocking_here() == world.blocking_there() == []


def test_moved_meeting_moves_its_booking(world: EwsWorld) -> None:
    made = invite(world, 24)
    world.sync()
    booking = world.only_booking()
    world.server.store.change(made, {"start": world.at(30), "end": world.at(31)}, send=True)

    settle(world)

    booking.refresh_from_db()
    assert (booking.starts_at, booking.status) == (world.at(30), "confirmed")
