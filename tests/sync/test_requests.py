"""What each thing costs in requests to Exchange: one line a scenario, so that a dearer one shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from apps.exchange.calendar import EventKey, ShowAs
from apps.sync.models import EventLink
from tests.sync.world import DAY, HOUR, World

pytestmark = pytest.mark.django_db


@dataclass
class Start:
    """A world in agreement: a booking of ours, an event of Exchange's, a series of four."""

    world: World
    ours: EventKey
    theirs: EventKey
    series: list[EventKey]

    @property
    def booking(self) -> object:
        return EventLink.objects.get(item_id=self.ours.item_id).booking


@pytest.fixture
def start(world: World) -> Start:
    world.book(24)
    theirs = world.outlook.book(world.at(48), world.at(49))
    series = world.outlook.book_series(world.at(72), HOUR)
    for _number in range(3):
        world.sync()
    (ours,) = [e.key for e in world.outlook.blocking() if e.stamp]
    return Start(world, ours, theirs, series)


def cancel_theirs(start: Start) -> object:
    return start.world.cancel(EventLink.objects.get(item_id=start.theirs.item_id).booking)


def invite(start: Start) -> object:
    """A meeting that another mailbox called, cancelled here: it is declined."""
    world = start.world
    world.outlook.book(world.at(96), world.at(97), is_invitation=True)
    world.sync()
    world.port.requests.clear()
    return world.cancel(EventLink.objects.order_by("-pk")[0].booking)


def book_three(start: Start) -> object:
    return [start.world.book(hours) for hours in (120, 122, 200)]


# A run after something happened: what was asked for, in order.
SCENARIOS: dict[str, tuple[Callable[[Start], object], str]] = {
    "nothing": (lambda s: None, "changes"),
    "event booked": (lambda s: s.world.outlook.book(s.world.at(90), s.world.at(91)), "changes"),
    "event moved": (lambda s: s.world.outlook.move(s.theirs, s.world.at(90)), "changes"),
    "event renamed": (lambda s: s.world.outlook.change(s.theirs, subject="New"), "changes"),
    "event freed": (lambda s: s.world.outlook.change(s.theirs, show_as=ShowAs.FREE), "changes"),
    # Gone needs evidence: it is read by its id, the mailbox proves itself, its UID is looked for.
    "event deleted": (lambda s: s.world.outlook.delete(s.theirs), "changes read open find"),
    "event of ours moved": (lambda s: s.world.outlook.move(s.ours, s.world.at(90)), "changes"),
    # Our title is put back.
    "event of ours renamed": (
        lambda s: s.world.outlook.change(s.ours, subject="New"),
        "changes update view",
    ),
    "event of ours deleted": (lambda s: s.world.outlook.delete(s.ours), "changes read open find"),
    "series shifted": (
        lambda s: s.world.outlook.shift_series(s.series[0].item_id, HOUR),
        "changes read open",
    ),
    "occurrence moved": (lambda s: s.world.outlook.move(s.series[1], s.world.at(300)), "changes"),
    "occurrence deleted": (lambda s: s.world.outlook.delete(s.series[1]), "changes read open"),
    "series deleted": (
        lambda s: s.world.outlook.delete(EventKey(s.series[0].item_id)),
        "changes read open find",
    ),
    # The range is read before and after each write; the echo comes with the next run.
    "booked": (lambda s: s.world.book(120), "changes view create view"),
    "three booked, two near": (
        book_three,
        "changes view create view create view view create view",
    ),
    "moved": (lambda s: s.world.move(s.booking, 120), "changes view update view"),  # type: ignore[arg-type]
    "cancelled": (lambda s: s.world.cancel(s.booking), "changes delete"),  # type: ignore[arg-type]
    "event's booking cancelled": (cancel_theirs, "changes delete"),
    "meeting's booking cancelled": (invite, "changes decline"),
    "another day": (lambda s: s.world.later(DAY), "changes"),
}


@pytest.mark.parametrize(("happens", "asked"), SCENARIOS.values(), ids=SCENARIOS)
def test_requests_of_a_run_and_one_of_the_run_after_it(
    start: Start, happens: Callable[[Start], object], asked: str
) -> None:
    requests = start.world.port.requests
    requests.clear()
    happens(start)
    start.world.sync()
    assert requests == asked.split()

    requests.clear()
    start.world.sync()

    assert requests == ["changes"]


def test_full_round_of_a_quiet_calendar(start: Start) -> None:
    start.world.port.requests.clear()

    start.world.sync(is_full=True)

    # 16 days, 64, and the rest.
    assert start.world.port.requests == ["advance", "open", "view", "view", "view"]


def test_first_sync_costs_a_request_a_page_and_what_is_sent(world: World) -> None:
    for number in range(250):
        world.outlook.book(world.at(24 + 2 * number), world.at(25 + 2 * number))
    world.book(23)
    world.book(24 * 170)

    world.sync()

    # 250 events are three pages to pass; the first 16 days hold two pages, the next 16 and 64 days
    # and the rest one each.
    asked = ["open", *["advance"] * 3, *["view"] * 5]
    assert world.port.requests == [*asked, "view", "create", "view", "view", "create", "view"]
