"""What people decide: losses that are held, conflicts, and many first sends."""

from __future__ import annotations

import pytest

from apps.bookings.models import Booking
from apps.sync.models import CalendarLink, Conflict, EventLink
from tests.sync.world import World

pytestmark = pytest.mark.django_db


def decide(world: World, choice: str) -> None:
    Conflict.objects.undecided().filter(calendar=world.calendar).update(decision=choice)
    world.sync()


def lose_three_of_four(world: World) -> None:
    keys = [world.outlook.book(world.at(h), world.at(h + 1)) for h in (24, 48, 72, 96)]
    world.sync()
    for key in keys[:3]:
        world.outlook.delete(key)
    world.sync()
    assert len(world.held()) == 3


def test_applied_losses_are_cancelled(world: World) -> None:
    lose_three_of_four(world)
    EventLink.objects.exclude(held="").update(decision="apply")

    world.sync()

    assert Booking.objects.blocking().count() == 1
    assert not world.held()


def test_kept_losses_are_ours_and_sent_again(world: World) -> None:
    lose_three_of_four(world)
    EventLink.objects.exclude(held="").update(decision="keep")

    world.sync()

    assert Booking.objects.filter(origin="optixsync", status="confirmed").count() == 3
    assert world.blocking_here() == world.blocking_there()
    assert len(world.blocking_there()) == 4


def test_held_loss_waits_also_when_the_others_come_back(world: World) -> None:
    lose_three_of_four(world)
    for item_id in list(world.mailbox.trash)[:2]:
        world.outlook.put_back(item_id)

    world.sync()

    assert len(world.held()) == 1
    assert Booking.objects.blocking().count() == 4


def test_many_deletions_are_held_and_can_be_kept(world: World) -> None:
    bookings = [world.book(h) for h in (24, 48, 72, 96)]
    world.sync()
    for booking in bookings[:3]:
        world.cancel(booking)
    world.sync()
    assert {link.held for link in world.held()} == {"deletion"}
    assert len(world.blocking_there()) == 4

    EventLink.objects.exclude(held="").update(decision="keep")
    world.sync()

    assert Booking.objects.blocking().count() == 4
    assert world.blocking_here() == world.blocking_there()


@pytest.mark.parametrize(
    ("choice", "title_there", "hours"), [("ours", "New", 24), ("exchange", "Stand-up", 30)]
)
def test_both_changed(world: World, choice: str, title_there: str, hours: int) -> None:
    booking = world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.move(event.key, world.at(30))
    Booking.objects.filter(pk=booking.pk).update(title="New", revision=2)
    world.sync()
    assert [conflict.kind for conflict in world.conflicts()] == ["both_changed"]

    decide(world, choice)

    assert [e.subject for e in world.outlook.blocking()] == [title_there]
    assert (
        world.blocking_here() == world.blocking_there() == [(world.at(hours), world.at(hours + 1))]
    )
    assert not Conflict.objects.open().exists()


@pytest.mark.parametrize(("choice", "left"), [("ours", "optixsync"), ("exchange", "exchange")])
def test_overlap_is_decided_for_one_side(world: World, choice: str, left: str) -> None:
    world.outlook.book(world.at(24), world.at(25))
    world.sync()
    world.book(24)
    world.sync()

    decide(world, choice)
    world.sync()

    assert Booking.objects.blocking().get().origin == left
    assert world.blocking_here() == world.blocking_there()


def test_overlap_that_may_stay_is_sent_and_not_asked_about_again(world: World) -> None:
    world.outlook.book(world.at(24), world.at(25))
    world.sync()
    world.book(24)
    world.sync()

    decide(world, "both")
    world.sync()

    assert len(world.blocking_there()) == 2
    assert not world.conflicts()


@pytest.mark.parametrize(("policy", "left"), [("exchange", "exchange"), ("optixsync", "optixsync")])
def test_policy_decides_overlaps_without_asking(world: World, policy: str, left: str) -> None:
    world.sync()
    tenant = world.resource.tenant
    tenant.conflict_policy = policy
    tenant.save()
    world.outlook.book(world.at(24), world.at(25))
    world.sync()
    world.book(24)

    world.sync()
    world.sync()

    assert Booking.objects.blocking().get().origin == left


def test_first_sync_asks_before_it_sends_many(world: World) -> None:
    for hours in range(51):
        world.book(24 + hours)
    world.sync()
    assert world.blocking_there() == []
    assert world.calendar.sends_held == 51

    CalendarLink.objects.update(are_sends_approved=True)
    while world.sync().outcome == "continues":
        pass

    assert len(world.blocking_there()) == 51


def test_event_with_attendees_waits_before_it_would_mail(world: World) -> None:
    world.port.mails_attendees = True
    booking = world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.change(event.key, has_attendees=True)
    world.sync()
    world.move(booking, 30)
    world.sync()
    assert [conflict.kind for conflict in world.conflicts()] == ["would_mail"]
    assert world.mailbox.outbox == []

    decide(world, "send")

    assert world.mailbox.outbox == ["update"]
    assert world.blocking_there() == [(world.at(30), world.at(31))]
