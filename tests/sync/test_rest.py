"""A run that has nothing new to look at makes no plan, and any news makes one."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apps.bookings.models import Booking
from apps.exchange.calendar import ShowAs
from apps.sync import services
from apps.sync.models import EventLink, RemoteEvent
from apps.sync.services import make_plan
from apps.sync.session import Session
from tests.sync.world import DAY, HOUR, World

pytestmark = pytest.mark.django_db

Change = Callable[[World], object]


@pytest.fixture
def plans(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The plans made since the start of the test, one entry each."""
    made: list[int] = []

    def counted(session: Session) -> object:
        made.append(session.run.pk)
        return make_plan(session)

    monkeypatch.setattr(services, "make_plan", counted)
    return made


@pytest.fixture
def resting(world: World, plans: list[int]) -> World:
    """A booking on each side, in agreement."""
    world.book(24)
    world.outlook.book(world.at(48), world.at(49))
    for _number in range(3):
        world.sync()
    plans.clear()
    return world


def test_nothing_new_makes_no_plan(resting: World, plans: list[int]) -> None:
    for _number in range(5):
        resting.later(HOUR)
        assert resting.sync().outcome == "done"

    assert plans == []
    assert resting.calendar.last_good_at == resting.now


def set_policy(world: World) -> None:
    world.resource.tenant.conflict_policy = "optixsync"
    world.resource.tenant.save()


def set_words(world: World) -> None:
    world.resource.tenant.sent_details = "title_and_person"
    world.resource.tenant.save()


def first_event(world: World) -> object:
    return next(iter(world.outlook.blocking())).key


NEWS: dict[str, Change] = {
    "booked": lambda world: world.book(72),
    "moved": lambda world: world.move(Booking.objects.get(origin="optixsync"), 30),
    "cancelled": lambda world: world.cancel(Booking.objects.get(origin="optixsync")),
    "clash": lambda world: Booking.objects.filter(origin="optixsync").update(clashing=True),
    "event booked": lambda world: world.outlook.book(world.at(90), world.at(91)),
    "event deleted": lambda world: world.outlook.delete(first_event(world)),  # type: ignore[arg-type]
    "policy": set_policy,
    "words": set_words,
    "loss decided": lambda world: EventLink.objects.update(decision="keep"),
    "mirror mended by hand": lambda world: RemoteEvent.objects.update(subject="x"),
    "first sync again": lambda world: type(world.calendar).objects.update(first_synced_at=None),
    "another day": lambda world: world.later(DAY),
}


@pytest.mark.parametrize("change", NEWS.values(), ids=NEWS)
def test_any_news_makes_a_plan(resting: World, plans: list[int], change: Change) -> None:
    change(resting)

    resting.sync()

    assert plans


def test_what_waits_is_looked_at_in_every_run(world: World, plans: list[int]) -> None:
    world.outlook.book(world.at(24), world.at(25))
    world.sync()
    world.book(24)
    world.sync()
    assert world.conflicts()
    plans.clear()

    for _number in range(3):
        world.sync()

    assert len(plans) == 3


def test_booking_that_is_saved_while_a_plan_is_made_is_not_overlooked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()

    def and_book(session: Session) -> object:
        planned = make_plan(session)
        monkeypatch.setattr(services, "make_plan", make_plan)
        world.book(24)
        return planned

    monkeypatch.setattr(services, "make_plan", and_book)
    world.outlook.book(world.at(48), world.at(49), show_as=ShowAs.FREE)
    world.sync()
    world.sync()

    assert (world.at(24), world.at(25)) in world.blocking_there()
