"""A booking that moves to another resource leaves one mailbox and enters the other."""

from __future__ import annotations

import pytest

from apps.bookings import services as bookings
from apps.bookings.models import Booking
from apps.exchange import errors
from apps.resources.models import Location
from apps.sync.models import EventLink
from tests.factories import ResourceFactory
from tests.sync.world import World, make_world

pytestmark = pytest.mark.django_db


@pytest.fixture
def other(location: Location) -> World:
    return make_world(
        ResourceFactory.create(location=location, name="Harbour"), email="harbour@example.com"
    )


def to(world: World, booking: Booking) -> Booking:
    booking.refresh_from_db()
    return bookings.change(
        booking=booking, revision=booking.revision, by=None, resource=world.resource
    )


@pytest.mark.parametrize("order", [(0, 1), (1, 0)], ids=["old-first", "new-first"])
def test_event_goes_where_its_booking_went(
    world: World, other: World, order: tuple[int, int]
) -> None:
    booking = world.book(24)
    world.sync()
    other.sync()
    to(other, booking)
    both = (world, other)

    for number in order:
        both[number].sync()

    assert world.blocking_there() == []
    assert other.blocking_there() == [(world.at(24), world.at(25))]
    assert world.sync().counts == other.sync().counts == {}


def test_new_mailbox_does_not_wait_for_the_old_one(world: World, other: World) -> None:
    booking = world.book(24)
    world.sync()
    world.port.hook = lambda _name, _when: (_ for _ in ()).throw(errors.Transient("Down."))
    to(other, booking)

    world.sync()
    other.sync()

    assert other.blocking_there() == [(world.at(24), world.at(25))]
    world.port.hook = lambda _name, _when: None
    world.sync()
    assert world.blocking_there() == []


def test_there_and_back_again_leaves_one_event(world: World, other: World) -> None:
    booking = world.book(24)
    world.sync()
    to(other, booking)
    other.sync()
    to(world, booking)

    for _number in range(2):
        world.sync()
        other.sync()

    assert world.blocking_there() == [(world.at(24), world.at(25))]
    assert other.blocking_there() == []
    assert EventLink.objects.current().count() == 1


def test_event_that_was_moved_meanwhile_is_removed_all_the_same(world: World, other: World) -> None:
    booking = world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    to(other, booking)
    world.outlook.move(event.key, world.at(48))

    world.sync()
    other.sync()

    booking.refresh_from_db()
    assert booking.starts_at == world.at(24)
    assert world.blocking_there() == []


def test_many_that_moved_away_are_held_and_can_stay(world: World, other: World) -> None:
    rows = [world.book(hours) for hours in (24, 48, 72, 96)]
    world.sync()
    for booking in rows[:3]:
        to(other, booking)
    world.sync()
    assert len(world.held()) == 3

    EventLink.objects.exclude(held="").update(decision="keep")
    world.sync()
    other.sync()

    # What stays there is Exchange's own from now on; ours are where they went.
    assert len(world.blocking_there()) == 4
    assert world.blocking_here() == world.blocking_there()
    assert other.blocking_here() == other.blocking_there()
    assert Booking.objects.filter(resource=other.resource, status="confirmed").count() == 3
