"""Which event belongs to which booking, through all that happens to ids, keys and links."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import pytest

from apps.bookings.models import Booking
from apps.exchange import errors
from apps.exchange.calendar import ShowAs
from apps.sync import services
from apps.sync.models import Conflict, EventLink, SyncChange
from tests.sync.test_trouble import fail_once, settle
from tests.sync.world import DAY, HOUR, World

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)


def decide(world: World, choice: str) -> None:
    Conflict.objects.undecided().filter(calendar=world.calendar).update(decision=choice)
    world.sync()


def twin_of_the_only_event(world: World, hours: float) -> None:
    """A second event of ours for the same booking, which somebody moved before it was seen."""
    (event,) = world.outlook.blocking()
    stored = world.mailbox.items[event.key.item_id]
    new_id = world.mailbox.new_id()
    world.mailbox.put(new_id, replace(stored))
    world.outlook.move(world.mailbox.items[new_id].event.key, world.at(hours))


def test_twin_that_is_kept_keeps_its_time(world: World) -> None:
    booking = world.book(24)
    world.sync()
    twin_of_the_only_event(world, 48)
    world.sync()
    assert [conflict.kind for conflict in world.conflicts()] == ["twin"]

    decide(world, "this")
    settle(world)

    booking.refresh_from_db()
    assert booking.starts_at == world.at(48)
    assert world.blocking_here() == world.blocking_there() == [(world.at(48), world.at(49))]


def test_twin_that_is_kept_survives_the_loss_of_an_answer(world: World) -> None:
    booking = world.book(24)
    world.sync()
    twin_of_the_only_event(world, 48)
    world.sync()
    fail_once(world, "delete", "after", errors.Unclear("No answer came back."))

    decide(world, "this")
    settle(world)

    booking.refresh_from_db()
    assert (booking.status, booking.starts_at) == ("confirmed", world.at(48))


def test_cancelled_event_of_ours_is_sent_anew_once_when_ours_is_kept(world: World) -> None:
    booking = world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.change(event.key, is_cancelled=True)
    Booking.objects.filter(pk=booking.pk).update(title="New", revision=2)
    world.sync()
    assert [conflict.kind for conflict in world.conflicts()] == ["both_changed"]

    decide(world, "ours")
    settle(world)

    assert [e.subject for e in world.outlook.blocking()] == ["New"]
    assert not Conflict.objects.open().exists()


def test_booking_moved_from_the_past_has_its_old_event_seen_again(world: World) -> None:
    booking = world.book(2)
    world.sync()
    (old,) = world.outlook.blocking()
    world.later(4 * DAY)
    world.sync(is_full=True)
    assert EventLink.objects.get().state == "retired"
    world.sync(is_full=True)
    world.move(booking, 5 * 24)
    world.sync()

    world.outlook.move(old.key, world.at(6 * 24))
    world.sync()

    assert [conflict.kind for conflict in world.conflicts()] == ["twin"]
    decide(world, "ours")
    settle(world)
    assert world.blocking_here() == [(world.at(5 * 24), world.at(5 * 24 + 1))]


def test_occurrence_that_was_deleted_while_the_mailbox_was_left_is_found_gone(
    world: World,
) -> None:
    keys = world.outlook.book_series(world.at(24), HOUR, days=1, count=3)
    world.sync()
    # As leaving does: links asleep, the mirror forgotten; and then awake again.
    world.calendar.events.all().delete()
    world.outlook.delete(keys[1])

    world.sync(is_full=True)

    assert Booking.objects.blocking().count() == 2
    assert world.blocking_here() == world.blocking_there()


def test_event_that_is_deleted_right_after_it_was_written_is_found_gone(world: World) -> None:
    booking = world.book(24)
    world.sync()
    world.cancel(booking)
    settle(world)
    booking = world.book(30)

    def hook(name: str, when: str) -> None:
        if (name, when) == ("create", "after"):
            world.port.hook = lambda _name, _when: None
            (event,) = world.outlook.blocking()
            world.outlook.delete(event.key)

    world.port.hook = hook
    world.sync()
    settle(world)

    booking.refresh_from_db()
    assert (booking.status, booking.cancelled_by) == ("cancelled", "exchange")


def test_many_occurrences_are_removed_in_one_run(world: World) -> None:
    world.outlook.book_series(world.at(24), HOUR, days=1, count=20)
    world.sync()
    rows = list(Booking.objects.order_by("starts_at")[:10])
    for booking in rows:
        world.cancel(booking)
    EventLink.objects.filter(booking__in=rows).update(held="deletion", decision="apply")

    world.sync()

    assert len(world.blocking_there()) == 10
    assert not SyncChange.objects.filter(outcome="set_aside").exists()


def test_occurrence_that_changed_between_two_removals_is_looked_at_again(world: World) -> None:
    keys = world.outlook.book_series(world.at(24), HOUR, days=1, count=4)
    world.sync()
    for booking in Booking.objects.order_by("starts_at")[:2]:
        world.cancel(booking)
    deleted: list[int] = []

    def hook(name: str, when: str) -> None:
        if (name, when) == ("delete", "after") and not deleted:
            deleted.append(1)
            world.outlook.move(keys[1], world.at(48.5))

    world.port.hook = hook
    settle(world)

    # Staff had cancelled it, and then somebody asked anew.
    assert (world.at(48.5), world.at(49.5)) in world.blocking_here()


# --- All-day --------------------------------------------------------------------------------------


def test_event_made_all_day_in_outlook_makes_its_booking_all_day(world: World) -> None:
    start = world.at(24).replace(hour=0)
    booking = world.book((start - world.at(0)) / HOUR, length=DAY)
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.change(event.key, is_all_day=True)

    world.sync()

    booking.refresh_from_db()
    assert booking.all_day
    settle(world)


def test_booking_made_all_day_makes_its_event_all_day(world: World) -> None:
    from apps.bookings import services as bookings  # noqa: PLC0415
    from apps.bookings.walltime import Span  # noqa: PLC0415

    start = world.at(24).replace(hour=0)
    booking = world.book((start - world.at(0)) / HOUR, length=DAY)
    world.sync()
    bookings.change(
        booking=booking,
        revision=booking.revision,
        by=None,
        span=Span.days(start.date(), start.date(), "Europe/London"),
    )

    world.sync()

    (event,) = world.outlook.blocking()
    assert event.is_all_day
    settle(world)


def test_all_day_event_of_another_zone_is_no_change_each_time(world: World) -> None:
    world.resource.time_zone = "Australia/Sydney"
    world.resource.save()
    start = world.at(24).replace(hour=0)
    key = world.outlook.book(start, start + DAY, is_all_day=True)
    world.sync()
    booking = world.only_booking()

    settle(world)
    world.outlook.change(key, subject="Renamed")
    settle(world)

    booking.refresh_from_db()
    assert (booking.all_day, booking.title) == (False, "Renamed")
    assert (booking.starts_at, booking.ends_at) == (start, start + DAY)


def test_rezoned_resource_keeps_its_pairs(world: World) -> None:
    from apps.bookings.services import rezone  # noqa: PLC0415

    world.book(24)
    world.outlook.book(world.at(48), world.at(49))
    start = world.at(72).replace(hour=0)
    world.outlook.book(start, start + DAY, is_all_day=True)
    world.sync()
    writes = [step for step in world.port.requests if step in {"create", "update", "delete"}]
    rezone(resource=world.resource, time_zone="America/New_York", by=None)

    settle(world)

    assert world.blocking_here() == world.blocking_there()
    assert not world.conflicts()
    assert [s for s in world.port.requests if s in {"create", "update", "delete"}] == writes


# --- The moment around a write ---------------------------------------------------------------------


def test_booking_restored_while_its_event_was_to_be_removed_keeps_it(world: World) -> None:
    from apps.bookings import services as bookings  # noqa: PLC0415

    booking = world.book(24)
    world.sync()
    booking = world.cancel(booking)
    planned = services.dry_run(world.calendar.pk, clock=world.clock)
    assert planned.operations
    bookings.restore(booking=booking, revision=booking.revision, by=None)

    world.sync()

    assert [step for step in world.port.requests if step == "delete"] == []
    assert world.blocking_there() == [(world.at(24), world.at(25))]


def test_free_event_adopted_after_a_lost_answer_is_made_busy_again(world: World) -> None:
    world.book(24)
    fail_once(world, "create", "after", errors.Unclear("No answer came back."))
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.change(event.key, show_as=ShowAs.FREE)

    settle(world)

    assert world.blocking_here() == world.blocking_there() == [(world.at(24), world.at(25))]


def test_removal_that_lands_after_the_booking_was_restored_cancels_nothing(world: World) -> None:
    from apps.bookings import services as bookings  # noqa: PLC0415

    booking = world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.cancel(booking)
    fail_once(world, "delete", "before", errors.Unclear("No answer came back."))
    world.sync()
    booking.refresh_from_db()
    bookings.restore(booking=booking, revision=booking.revision, by=None)
    world.later(MINUTE)
    world.sync()

    # The deletion lands after all.
    world.outlook.delete(event.key)
    settle(world)

    booking.refresh_from_db()
    assert booking.status == "confirmed"
    assert world.blocking_there() == [(world.at(24), world.at(25))]


def test_full_round_of_another_mailbox_under_the_address_stops_at_once(world: World) -> None:
    world.sync()
    world.outlook.recreate_mailbox()
    world.book(24)

    world.sync()

    assert "not the mailbox" in world.calendar.cause
    assert world.blocking_there() == []
