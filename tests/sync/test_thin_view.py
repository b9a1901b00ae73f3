"""List answers of real servers leave fields out: that says nothing about an event."""

from __future__ import annotations

import datetime as dt

import pytest

from apps.bookings.models import Booking
from apps.exchange import errors
from apps.exchange.calendar import Content
from apps.sync.mapping import stamp
from apps.sync.models import EventLink, RemoteEvent, SyncChange
from apps.tenants.installation import this_installation
from tests.sync.world import World

pytestmark = pytest.mark.django_db


@pytest.fixture
def world(world: World) -> World:
    world.port.is_view_thin = True
    return world


def known_whole(world: World) -> RemoteEvent:
    """An event of Exchange's that came as a change, with every field."""
    world.sync()
    world.outlook.book(world.at(24), world.at(25), "Review")
    world.sync()
    row = RemoteEvent.objects.get()
    assert (row.uid, row.organizer_email) == ("uid-Item1", "olga@example.com")
    return row


def test_full_round_over_a_thin_view_changes_nothing(world: World) -> None:
    row = known_whole(world)
    world.book(48)
    world.sync()
    ours = RemoteEvent.objects.exclude(pk=row.pk).get()
    attempt = EventLink.objects.get(booking__origin=Booking.Origin.OPTIXSYNC).attempt_id
    done = SyncChange.objects.count()
    revisions = list(Booking.objects.values_list("pk", "revision"))

    world.later(dt.timedelta(hours=1))
    world.sync(is_full=True)

    for before in (row, ours):
        now = RemoteEvent.objects.get(pk=before.pk)
        for name in ("uid", "attempt_id", "organizer", "organizer_email", "fingerprint"):
            assert getattr(now, name) == getattr(before, name)
    assert ours.attempt_id == attempt
    assert SyncChange.objects.count() == done
    assert list(Booking.objects.values_list("pk", "revision")) == revisions


def test_fields_that_a_list_left_out_are_no_change_when_they_come(world: World) -> None:
    key = world.outlook.book(world.at(24), world.at(25), "Review")
    world.sync()
    booking = world.only_booking()
    assert RemoteEvent.objects.get().organizer_email == ""

    # A new change key, and nothing else.
    world.outlook.change(key)
    world.sync()

    assert RemoteEvent.objects.get().organizer_email == "olga@example.com"
    assert world.only_booking().revision == booking.revision
    assert world.conflicts() == []


def test_event_that_turns_private_loses_the_organiser_also_in_a_thin_view(world: World) -> None:
    known_whole(world)

    world.outlook.change(world.outlook.keys("Item1")[0], is_private=True)
    world.sync(is_full=True)

    row = RemoteEvent.objects.get()
    assert (row.subject, row.organizer, row.organizer_email) == ("Private", "", "")


def test_another_organiser_does_not_inherit_the_address(world: World) -> None:
    known_whole(world)

    world.outlook.change(world.outlook.keys("Item1")[0], organizer="Pia")
    world.sync(is_full=True)

    row = RemoteEvent.objects.get()
    assert (row.organizer, row.organizer_email) == ("Pia", "")


@pytest.mark.parametrize("is_full", [True, False])
def test_create_whose_reply_was_lost_is_adopted_though_the_view_does_not_tell_whose_it_is(
    world: World, is_full: bool
) -> None:
    world.sync()
    world.book(24)
    lose_a_reply(world)
    world.sync()

    for _run in range(3):
        world.later(dt.timedelta(minutes=10))
        world.sync(is_full=is_full)

    assert world.blocking_there() == world.blocking_here() == [(world.at(24), world.at(25))]
    assert EventLink.objects.get().state == "live"


def test_create_that_lands_before_the_look_of_its_retry_is_adopted(world: World) -> None:
    world.sync()
    booking = world.book(24)
    lose_a_reply(world, "before")
    world.sync()
    world.later(dt.timedelta(minutes=10))
    value = stamp(this_installation().uuid, world.resource.uuid, booking.uuid)
    content = Content("Stand-up", world.at(24), world.at(25), False, "Europe/London")
    attempt = EventLink.objects.get().attempt_id

    def hook(name: str, when: str) -> None:
        if name == "view":
            world.port.hook = quiet
            world.port.land_create(content, stamp=value, attempt_id=attempt)

    world.port.hook = hook
    world.sync()
    world.later(dt.timedelta(minutes=10))
    world.sync(is_full=True)

    assert world.blocking_there() == world.blocking_here() == [(world.at(24), world.at(25))]
    assert EventLink.objects.get().state == "live"


def test_copy_of_our_event_is_an_ordinary_event_also_in_a_thin_view(world: World) -> None:
    world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.copy(event.key, world.at(48))

    world.sync(is_full=True)
    world.sync()

    assert sorted(Booking.objects.values_list("origin", flat=True)) == ["exchange", "optixsync"]
    assert world.blocking_there() == world.blocking_here()


def lose_a_reply(world: World, at: str = "after") -> None:
    def hook(name: str, when: str) -> None:
        if (name, when) == ("create", at):
            world.port.hook = quiet
            raise errors.Unclear("No answer came back.")

    world.port.hook = hook


def quiet(name: str, when: str) -> None:
    """The hook of a good day."""
