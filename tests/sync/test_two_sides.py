"""What people do on one side is found on the other."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from apps.bookings.models import Booking, BookingChange
from apps.exchange.calendar import Page, ShowAs, Window
from apps.exchange.memory import MemoryCalendar
from apps.sync.models import RemoteEvent, SyncChange
from tests.sync.world import DAY, HOUR, World, mirror_equals_calendar

pytestmark = pytest.mark.django_db


def agreed(world: World) -> bool:
    """Both sides say the same, the mirror is right, and there is nothing left to do."""
    report = world.sync()
    done = {name: count for name, count in report.counts.items() if name != "held"}
    assert not done, report
    assert world.blocking_here() == world.blocking_there()
    return mirror_equals_calendar(world)


def test_booking_arrives_in_exchange(world: World) -> None:
    world.book(24)

    world.sync()

    (event,) = world.outlook.blocking()
    assert (event.subject, event.starts_at, event.ends_at) == (
        "Stand-up",
        world.at(24),
        world.at(25),
    )
    assert agreed(world)


def test_event_arrives_here_as_a_booking_of_exchange(world: World) -> None:
    world.outlook.book(world.at(24), world.at(25), "Review")

    world.sync()

    booking = world.only_booking()
    assert (booking.title, booking.person, booking.origin) == ("Review", "Olga", "exchange")
    assert agreed(world)


def test_moved_booking_moves_its_event(world: World) -> None:
    booking = world.book(24)
    world.sync()
    world.move(booking, 30)

    world.sync()

    assert world.blocking_there() == [(world.at(30), world.at(31))]
    assert agreed(world)


def test_cancelled_booking_deletes_its_event(world: World) -> None:
    booking = world.book(24)
    world.sync()
    world.cancel(booking)

    world.sync()

    assert world.blocking_there() == []
    assert agreed(world)


def test_event_deleted_in_outlook_cancels_booking(world: World) -> None:
    booking = world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.delete(event.key)

    world.sync()

    booking.refresh_from_db()
    assert (booking.status, booking.cancelled_by) == ("cancelled", "exchange")
    assert agreed(world)


def test_our_event_moved_in_outlook_moves_the_booking(world: World) -> None:
    booking = world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.move(event.key, world.at(48))

    world.sync()

    booking.refresh_from_db()
    assert booking.starts_at == world.at(48)
    assert agreed(world)


def test_title_changed_in_outlook_is_put_back_once_then_asked_about(world: World) -> None:
    world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.change(event.key, subject="Mine now")
    world.sync()
    assert [event.subject for event in world.outlook.blocking()] == ["Stand-up"]

    world.outlook.change(event.key, subject="Mine now")
    world.sync()

    assert [conflict.kind for conflict in world.conflicts()] == ["both_changed"]
    assert [event.subject for event in world.outlook.blocking()] == ["Mine now"]


def test_our_event_shown_as_free_is_made_busy_again_once(world: World) -> None:
    world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.change(event.key, show_as=ShowAs.FREE)

    world.sync()

    assert len(world.blocking_there()) == 1
    assert agreed(world)


def test_released_booking_comes_back_without_conflict(world: World) -> None:
    key = world.outlook.book(world.at(24), world.at(25))
    world.sync()
    world.outlook.change(key, show_as=ShowAs.FREE)
    world.sync()
    assert world.only_booking().status == Booking.Status.RELEASED
    world.outlook.change(key, show_as=ShowAs.TENTATIVE)

    world.sync()

    assert world.only_booking().status == Booking.Status.CONFIRMED
    assert not world.conflicts()
    assert agreed(world)


def test_free_event_makes_no_booking(world: World) -> None:
    world.outlook.book(world.at(24), world.at(25), show_as=ShowAs.FREE)

    world.sync()

    assert not Booking.objects.exists()


def test_cancelled_event_makes_no_booking(world: World) -> None:
    world.outlook.book(world.at(24), world.at(25), is_cancelled=True)

    world.sync()

    assert not Booking.objects.exists()


def test_private_subject_is_never_stored(world: World) -> None:
    world.outlook.book(world.at(24), world.at(25), "Secret merger", is_private=True)

    world.sync()

    booking = world.only_booking()
    assert (booking.title, booking.person, booking.person_email) == ("Private", "", "")


def test_event_made_private_erases_what_was_known_of_it(world: World) -> None:
    key = world.outlook.book(world.at(24), world.at(25), "Secret merger")
    world.sync()
    world.outlook.change(key, is_private=True)

    world.sync()

    assert world.only_booking().title == "Private"
    kept = [
        *BookingChange.objects.values_list("before", "after"),
        *SyncChange.objects.values_list("before", "after"),
        *RemoteEvent.objects.values_list("subject", "organizer"),
    ]
    assert "Secret" not in str(kept)
    assert "Olga" not in str(kept)
    assert agreed(world)


def test_staff_cancelling_a_meeting_declines_it(world: World) -> None:
    world.outlook.book(world.at(24), world.at(25), is_invitation=True, has_attendees=True)
    world.sync()
    world.cancel(world.only_booking())

    world.sync()

    assert world.mailbox.outbox == ["decline"]
    assert world.blocking_there() == []


def test_staff_cancelling_an_appointment_deletes_it(world: World) -> None:
    world.outlook.book(world.at(24), world.at(25))
    world.sync()
    world.cancel(world.only_booking())

    world.sync()

    assert world.mailbox.outbox == []
    assert world.blocking_there() == []


def test_past_is_never_sent(world: World) -> None:
    world.book(-5)

    world.sync()

    assert world.blocking_there() == []


def test_first_sync_sends_no_mail(world: World) -> None:
    world.outlook.book(world.at(24), world.at(25), is_invitation=True, has_attendees=True)
    world.book(24.5)

    world.sync()

    assert world.mailbox.outbox == []


def test_booking_past_the_window_waits_for_it(world: World) -> None:
    world.book(24 * 190)
    world.sync()
    assert world.blocking_there() == []

    world.later(20 * DAY)
    world.sync(is_full=True)

    assert len(world.blocking_there()) == 1


def test_no_change_costs_one_request(world: World) -> None:
    world.book(24)
    world.sync()
    world.sync()
    world.port.requests.clear()

    world.sync()

    assert world.port.requests == ["changes"]


def test_series_makes_a_booking_for_each_occurrence(world: World) -> None:
    keys = world.outlook.book_series(world.at(24), HOUR)

    world.sync()

    assert Booking.objects.count() == len(keys) == 4
    assert agreed(world)


def test_occurrence_deleted_in_outlook_cancels_its_booking_alone(world: World) -> None:
    keys = world.outlook.book_series(world.at(24), HOUR)
    world.sync()
    world.outlook.delete(keys[1])

    world.sync()

    assert Booking.objects.blocking().count() == 3
    assert agreed(world)


def test_occurrence_moved_in_outlook_moves_its_booking(world: World) -> None:
    keys = world.outlook.book_series(world.at(24), HOUR)
    world.sync()
    world.outlook.move(keys[1], world.at(30))

    world.sync()

    assert Booking.objects.count() == 4
    assert agreed(world)


def test_shifted_series_keeps_bookings_and_trips_no_guard(world: World) -> None:
    keys = world.outlook.book_series(world.at(24), HOUR)
    world.sync()
    before = set(Booking.objects.values_list("pk", flat=True))
    world.outlook.shift_series(keys[0].item_id, dt.timedelta(hours=2))

    world.sync()

    assert set(Booking.objects.blocking().values_list("pk", flat=True)) == before
    assert not world.held()
    assert agreed(world)


def test_single_becomes_a_series_and_back(world: World) -> None:
    key = world.outlook.book(world.at(24), world.at(25))
    world.sync()
    booking = world.only_booking()
    world.outlook.make_series(key.item_id)
    world.sync()
    assert Booking.objects.blocking().count() == 4
    assert agreed(world)

    world.outlook.make_single(key.item_id)
    world.sync()

    assert world.blocking_here()[0] == (booking.starts_at, booking.ends_at)


def test_event_moved_to_another_folder_and_back_keeps_its_booking(world: World) -> None:
    booking = world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.refile(event.key.item_id)

    world.sync()

    booking.refresh_from_db()
    assert booking.status == "confirmed"
    assert agreed(world)


def test_occurrence_that_is_told_as_gone_by_its_own_id_cancels_its_booking_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = world.outlook.book_series(world.at(24), HOUR)
    world.sync()
    row = RemoteEvent.objects.get(item_id=keys[1].item_id, original_start=keys[1].original_start)
    RemoteEvent.objects.filter(pk=row.pk).update(wire_id="its own id")
    world.outlook.delete(keys[1])
    changes = MemoryCalendar.changes

    def thin(port: MemoryCalendar, cursor: str, window: Window) -> Page:
        page = changes(port, cursor, window)
        return replace(page, items=(), gone=("its own id", "of something else"))

    monkeypatch.setattr(MemoryCalendar, "changes", thin)
    world.sync()

    assert Booking.objects.blocking().count() == 3
    assert world.blocking_here() == world.blocking_there()
