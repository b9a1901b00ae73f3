"""Each choice of each kind is carried out on both sides; what is stale or over is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django_q.models import OrmQ

from apps.bookings.models import Booking
from apps.sync import deciding
from apps.sync.deciding import CHOICES, CannotDecide
from apps.sync.models import Conflict, EventLink
from apps.tenants.models import User
from tests.sync.world import HOUR, World

pytestmark = pytest.mark.django_db
Kind = Conflict.Kind


def only_conflict(world: World) -> Conflict:
    (conflict,) = world.conflicts()
    return conflict


def decide(world: World, choice: str, by: User | None = None) -> Conflict:
    conflict = only_conflict(world)
    deciding.decide(conflict, choice, versions=conflict.versions, by=by)
    world.sync()
    world.sync()
    return conflict


def both_changed(world: World) -> Booking:
    booking = world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.move(event.key, world.at(30))
    Booking.objects.filter(pk=booking.pk).update(title="New", revision=2)
    world.sync()
    return booking


def changed_and_gone(world: World) -> Booking:
    booking = world.book(24)
    world.book(200, "Another, so that not all are gone")
    world.sync()
    (event,) = [one for one in world.outlook.blocking() if one.subject == "Stand-up"]
    world.outlook.delete(event.key)
    world.move(booking, 26)
    world.sync()
    return booking


def overlap(world: World, **fields: object) -> Booking:
    world.outlook.book(world.at(24), world.at(25), "Lunch", **fields)
    world.sync()
    booking = world.book(24)
    world.sync()
    return booking


def clash_of_ours(world: World) -> tuple[Booking, Booking]:
    first, second = world.book(24, "First"), world.book(26, "Second")
    world.sync()
    (event,) = [one for one in world.outlook.blocking() if one.subject == "First"]
    world.outlook.move(event.key, world.at(26))
    world.sync()
    return first, second


def twin(world: World) -> Booking:
    """Two live events with our stamp and attempt, the second of them changed."""
    booking = world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    copy = world.outlook.copy(event.key, world.at(40))
    stored, original = world.mailbox.items[copy.item_id], world.mailbox.items[event.key.item_id]
    stored.event = replace(
        stored.event,
        uid=original.event.uid,
        stamp=original.event.stamp,
        attempt_id=original.event.attempt_id,
        subject="Changed",
    )
    world.mailbox.put(copy.item_id, stored)
    world.sync()
    return booking


def would_mail(world: World) -> Booking:
    world.port.mails_attendees = True
    booking = world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.change(event.key, has_attendees=True)
    world.sync()
    world.move(booking, 30)
    world.sync()
    return booking


# --- Both changed ---------------------------------------------------------------------------------


@pytest.mark.parametrize(("choice", "hours"), [("ours", 24), ("exchange", 30)])
def test_both_changed(world: World, choice: str, hours: int) -> None:
    both_changed(world)
    assert only_conflict(world).kind == Kind.BOTH_CHANGED

    decide(world, choice)

    assert world.blocking_here() == world.blocking_there()
    assert world.blocking_here() == [(world.at(hours), world.at(hours + 1))]
    assert not Conflict.objects.open().exists()


@pytest.mark.parametrize(("choice", "count"), [("ours", 2), ("exchange", 1)])
def test_changed_here_and_gone_there(world: World, choice: str, count: int) -> None:
    changed_and_gone(world)

    decide(world, choice)

    assert len(world.blocking_here()) == count
    assert world.blocking_here() == world.blocking_there()


# --- Overlap --------------------------------------------------------------------------------------


@pytest.mark.parametrize(("fields", "outbox"), [({}, []), ({"is_invitation": True}, ["decline"])])
def test_overlap_kept_ours_removes_theirs(
    world: World, fields: dict[str, object], outbox: list[str]
) -> None:
    world.sync()
    booking = overlap(world, **fields)

    decide(world, "ours")

    assert Booking.objects.blocking().get() == booking
    assert [event.subject for event in world.outlook.blocking()] == ["Stand-up"]
    assert world.mailbox.outbox == outbox


def test_overlap_kept_exchanges_cancels_ours(world: World) -> None:
    world.sync()
    overlap(world)

    decide(world, "exchange")

    assert Booking.objects.blocking().get().origin == "exchange"
    assert world.blocking_here() == world.blocking_there()


def test_overlap_kept_both_is_remembered_until_one_moves(world: World) -> None:
    world.sync()
    booking = overlap(world)

    conflict = decide(world, "both")
    conflict.refresh_from_db()
    assert (len(world.blocking_there()), world.conflicts()) == (2, [])
    assert conflict.closed_at is None
    world.move(booking, 24.5)
    world.sync()

    assert [one.pk for one in world.conflicts()] == [conflict.pk]


@pytest.mark.parametrize(
    ("choice", "left"),
    [("ours", ["First"]), ("exchange", ["Second"]), ("both", ["First", "Second"])],
)
def test_two_of_ours_that_exchange_put_on_each_other(
    world: World, choice: str, left: list[str]
) -> None:
    first, _second = clash_of_ours(world)
    conflict = only_conflict(world)
    assert conflict.booking == first

    decide(world, choice)

    assert sorted(one.title for one in Booking.objects.blocking()) == left
    assert sorted(event.subject for event in world.outlook.blocking()) == left


# --- Twin -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("choice", "hours"), [("ours", 24), ("this", 40)])
def test_twin_leaves_the_one_that_was_chosen(world: World, choice: str, hours: int) -> None:
    twin(world)
    assert only_conflict(world).kind == Kind.TWIN

    decide(world, choice)
    world.sync()

    assert world.blocking_there() == [(world.at(hours), world.at(hours) + HOUR)]
    assert world.blocking_here() == world.blocking_there()
    assert not Conflict.objects.open().exists()


# --- Would mail -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("choice", "outbox", "hours"), [("send", ["update"], 30), ("leave", [], 24)]
)
def test_would_mail(world: World, choice: str, outbox: list[str], hours: int) -> None:
    would_mail(world)

    decide(world, choice)

    assert world.mailbox.outbox == outbox
    assert world.blocking_there() == [(world.at(hours), world.at(hours + 1))]
    assert not world.conflicts()


def test_left_alone_is_asked_again_when_somebody_wants_that(world: World) -> None:
    would_mail(world)
    conflict = decide(world, "leave")

    deciding.reconsider(conflict, by=None)
    world.sync()

    assert world.conflicts() == [conflict]
    decide(world, "send")
    assert world.mailbox.outbox == ["update"]


# --- Refused --------------------------------------------------------------------------------------


def test_every_kind_has_choices() -> None:
    assert set(CHOICES) == set(Kind)


def test_stale_versions_are_refused_and_nothing_is_stored(world: World, manager: User) -> None:
    world.sync()
    booking = overlap(world)
    seen = only_conflict(world)
    world.move(booking, 24.5)
    world.sync()

    with pytest.raises(CannotDecide, match="changed since"):
        deciding.decide(seen, "ours", versions=seen.versions, by=manager)

    assert only_conflict(world).decision == ""


def test_decision_about_versions_that_move_before_the_run_is_asked_again(world: World) -> None:
    world.sync()
    booking = overlap(world)
    conflict = only_conflict(world)
    deciding.decide(conflict, "exchange", versions=conflict.versions, by=None)
    world.move(booking, 24.5)

    world.sync()

    assert [one.pk for one in world.conflicts()] == [conflict.pk]
    assert Booking.objects.blocking().count() == 2


def test_conflict_that_is_over_is_neither_decided_nor_reconsidered(world: World) -> None:
    world.sync()
    booking = overlap(world)
    conflict = only_conflict(world)
    world.move(booking, 30)
    world.sync()

    with pytest.raises(CannotDecide, match="over"):
        deciding.decide(conflict, "ours", versions=conflict.versions, by=None)
    with pytest.raises(CannotDecide, match="over"):
        deciding.reconsider(conflict, by=None)


def test_choice_of_another_kind_is_refused(world: World) -> None:
    world.sync()
    overlap(world)
    conflict = only_conflict(world)

    with pytest.raises(CannotDecide, match="cannot be decided so"):
        deciding.decide(conflict, "this", versions=conflict.versions, by=None)


def test_decision_tells_who_and_starts_a_run_at_once(
    world: World, manager: User, django_capture_on_commit_callbacks: object
) -> None:
    world.sync()
    overlap(world)
    conflict = only_conflict(world)
    OrmQ.objects.all().delete()

    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        deciding.decide(conflict, "ours", versions=conflict.versions, by=manager)

    conflict.refresh_from_db()
    assert conflict.decided_by == manager
    assert conflict.decided_at is not None
    assert OrmQ.objects.count() == 1


# --- Held -----------------------------------------------------------------------------------------


def lose_three_of_four(world: World) -> list[int]:
    keys = [world.outlook.book(world.at(h), world.at(h + 1)) for h in (24, 48, 72, 96)]
    world.sync()
    for key in keys[:3]:
        world.outlook.delete(key)
    world.sync()
    return [link.pk for link in world.held()]


def test_held_losses_are_applied_and_kept_one_by_one(world: World, manager: User) -> None:
    first, second, third = lose_three_of_four(world)

    assert deciding.decide_held(world.calendar, [first], applies=True, by=manager) == 1
    assert deciding.decide_held(world.calendar, [second], applies=False, by=manager) == 1
    world.sync()
    world.sync()

    assert [link.pk for link in world.held()] == [third]
    bookings = EventLink.objects.in_bulk([first, second, third])
    states = [Booking.objects.get(pk=bookings[key].booking_id) for key in (first, second, third)]
    assert [one.status for one in states] == ["cancelled", "confirmed", "confirmed"]
    assert [one.origin for one in states] == ["exchange", "optixsync", "exchange"]
    assert len(world.blocking_there()) == 2


@pytest.mark.parametrize(("applies", "here"), [(True, 1), (False, 4)])
def test_held_deletions_are_sent_or_taken_back(world: World, applies: bool, here: int) -> None:
    bookings = [world.book(h) for h in (24, 48, 72, 96)]
    world.sync()
    for booking in bookings[:3]:
        world.cancel(booking)
    world.sync()
    keys = [link.pk for link in world.held()]

    assert deciding.decide_held(world.calendar, keys, applies=applies, by=None) == 3
    world.sync()
    world.sync()

    assert len(world.blocking_here()) == here
    assert world.blocking_here() == world.blocking_there()


def test_links_that_do_not_wait_or_are_anothers_are_not_decided(world: World) -> None:
    world.book(24)
    world.sync()
    link = EventLink.objects.get()

    assert deciding.decide_held(world.calendar, [link.pk, 0], applies=True, by=None) == 0


def test_approved_sends_are_sent(world: World) -> None:
    for hours in range(51):
        world.book(24 + hours)
    world.sync()
    assert world.blocking_there() == []

    deciding.approve_sends(world.calendar)
    while world.sync().outcome == "continues":
        pass

    assert len(world.blocking_there()) == 51
