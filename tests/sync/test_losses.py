"""What is taken away on either side: one or two at once, many by a person's word alone."""

from __future__ import annotations

import pytest

from apps.bookings.models import Booking
from apps.exchange.calendar import EventKey
from apps.sync.models import Conflict, EventLink
from tests.sync.world import DAY, HOUR, World

pytestmark = pytest.mark.django_db


def test_one_occurrence_of_each_of_two_series_is_cancelled_without_asking(world: World) -> None:
    series = [world.outlook.book_series(world.at(h), HOUR, days=1) for h in (24, 28)]
    world.sync()
    for occurrences in series:
        world.outlook.delete(occurrences[1])

    world.sync()

    assert not world.held()
    assert Booking.objects.blocking().count() == 6


def test_lost_series_counts_as_one_for_a_day(world: World) -> None:
    series = world.outlook.book_series(world.at(24), HOUR, days=1, count=12)
    singles = [world.outlook.book(world.at(h), world.at(h + 1)) for h in range(40, 140, 10)]
    world.sync()
    world.outlook.delete(EventKey(series[0].item_id))
    world.sync()
    assert not world.held()
    world.outlook.delete(singles[0])

    world.sync()

    assert not world.held()


def test_eleventh_loss_within_a_day_is_held_and_the_next_day_none(world: World) -> None:
    singles = [world.outlook.book(world.at(h), world.at(h + 1)) for h in range(100, 600, 10)]
    world.sync()
    for key in singles[:10]:
        world.outlook.delete(key)
        world.sync()
    assert not world.held()
    world.outlook.delete(singles[10])
    world.sync()
    assert len(world.held()) == 1

    world.later(DAY + HOUR)
    world.outlook.delete(singles[11])
    world.sync()

    # What is held waits for its own decision.
    assert len(world.held()) == 1
    assert Booking.objects.blocking().count() == 50 - 11


def test_decision_about_a_loss_lapses_when_the_event_comes_back(world: World) -> None:
    singles = [world.outlook.book(world.at(h), world.at(h + 1)) for h in (24, 48, 72, 96)]
    world.sync()
    for key in singles[:3]:
        world.outlook.delete(key)
    world.sync()
    EventLink.objects.exclude(held="").update(decision="apply")
    back = [world.outlook.put_back(key.item_id) for key in singles[:3]]
    world.sync()
    assert Booking.objects.blocking().count() == 4

    for key in back:
        world.outlook.delete(key)
    world.sync()

    assert len(world.held()) == 3
    assert Booking.objects.blocking().count() == 4


def test_decision_waits_while_the_event_cannot_be_read(world: World) -> None:
    bookings = [world.book(h) for h in (24, 48, 72, 96)]
    world.sync()
    for booking in bookings[:3]:
        world.cancel(booking)
    world.sync()
    assert len(world.held()) == 3
    unread = min(world.outlook.blocking(), key=lambda event: event.starts_at).key
    world.mailbox.items[unread.item_id].problem = "The item is damaged."
    world.mailbox.log.append(unread.item_id)
    EventLink.objects.exclude(held="").update(decision="apply")
    world.sync()
    assert len(world.held()) == 1

    world.mailbox.items[unread.item_id].problem = ""
    world.later(HOUR)
    world.sync()

    assert world.blocking_there() == [(world.at(96), world.at(97))]


# --- First sync ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("policy", ["exchange", "optixsync", "first_come"])
def test_overlap_of_a_first_sync_goes_on_waiting_for_a_person(world: World, policy: str) -> None:
    tenant = world.resource.tenant
    tenant.conflict_policy = policy
    tenant.save()
    world.outlook.book(world.at(24), world.at(25))
    world.book(24)

    for _number in range(3):
        world.sync()
        world.later(HOUR)

    assert [conflict.kind for conflict in world.conflicts()] == ["overlap"]
    assert Booking.objects.blocking().count() == 2

    Conflict.objects.update(decision="ours")
    for _number in range(2):
        world.sync()
    assert Booking.objects.blocking().get().origin == "optixsync"
    assert world.blocking_here() == world.blocking_there()


def test_long_event_of_ours_dragged_over_two_others_asks_about_both(world: World) -> None:
    long = world.book(24, length=4 * HOUR)
    others = [world.book(48), world.book(50)]
    world.sync()
    event = next(e for e in world.outlook.blocking() if e.starts_at == world.at(24))
    world.outlook.move(event.key, world.at(47.5))

    world.sync()

    assert {conflict.other_id for conflict in world.conflicts()} == {b.pk for b in others}
    long.refresh_from_db()
    assert long.starts_at == world.at(47.5)
    assert long.clashing


@pytest.mark.parametrize("policy", ["exchange", "ask"])
def test_event_that_made_room_before_another_came_is_no_overlap(world: World, policy: str) -> None:
    world.sync()
    tenant = world.resource.tenant
    tenant.conflict_policy = policy
    tenant.save()
    booking = world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.move(event.key, world.at(48))
    world.outlook.book(world.at(24), world.at(25))

    world.sync()

    booking.refresh_from_db()
    assert (booking.status, booking.starts_at) == ("confirmed", world.at(48))
    assert not Conflict.objects.exists()


def test_event_of_ours_that_made_way_for_another_is_cancelled_by_exchange(world: World) -> None:
    world.sync()
    tenant = world.resource.tenant
    tenant.conflict_policy = "exchange"
    tenant.save()
    booking = world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.delete(event.key)
    world.outlook.book(world.at(24), world.at(25))

    world.sync()

    booking.refresh_from_db()
    assert (booking.status, booking.cancelled_by) == ("cancelled", "exchange")
