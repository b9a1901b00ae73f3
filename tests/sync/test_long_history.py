"""A mailbox with a long history is read to its end, whatever happens on the way."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, cast

import pytest

from apps.exchange.calendar import Window
from apps.exchange.memory import MemoryCalendar
from tests.factories import ResourceFactory
from tests.sync.world import CALENDARS, World, make_world, mirror_equals_calendar

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)


class Killed(BaseException):
    """The worker is gone, without another word."""


class Deadly:
    """A calendar in memory whose caller is killed after each page of reading, once each."""

    def __init__(self, port: MemoryCalendar) -> None:
        self._port = port
        self._told: set[object] = set()
        self.mails_attendees = False

    def __getattr__(self, step: str) -> Callable[..., Any]:
        def call(*args: Any, **fields: Any) -> Any:
            answer = getattr(self._port, step)(*args, **fields)
            page = (step, *(a.starts_at if isinstance(a, Window) else a for a in args))
            if step in {"advance", "changes", "view"} and page not in self._told:
                self._told.add(page)
                raise Killed
            return answer

        return call


def fill(world: World, past: int, ahead: int) -> None:
    for number in range(past):
        world.outlook.book(world.at(-49 - number), world.at(-48 - number))
    for number in range(ahead):
        world.outlook.book(world.at(24 + 4 * number), world.at(25 + 4 * number))


def requests_of_a_first_sync(world: World, page_size: int) -> int:
    world.port.page_size = page_size
    while world.sync().outcome != "done":
        continue
    return len(world.port.requests)


@pytest.mark.parametrize(
    ("past", "ahead", "page_size", "most"),
    [(20_000, 30, 100, 2), (100, 120, 6, 3)],
    ids=["20,000 items", "many pages in a part"],
)
def test_first_sync_that_is_killed_after_each_page_ends_at_little_cost(
    world: World, past: int, ahead: int, page_size: int, most: int
) -> None:
    calm = make_world(ResourceFactory.create(location=world.resource.location), "b@example.com")
    for place in (world, calm):
        fill(place, past, ahead)
    needed = requests_of_a_first_sync(calm, page_size)
    CALENDARS[world.calendar.email] = cast("Any", Deadly(world.port))
    world.port.page_size = page_size

    kills = 0
    while world.calendar.first_synced_at is None:
        try:
            world.sync()
        except Killed:
            kills += 1
            world.later(4 * MINUTE)
        # A round that was resumed ends with the page of what changed since, killed once too; and
        # the mailbox proves anew that it is the same one, for each part that is read again.
        proofs = world.port.requests.count("open")
        assert len(world.port.requests) - proofs <= most * needed + 2

    assert kills >= needed
    assert world.blocking_here() == calm.blocking_here()
    assert mirror_equals_calendar(world)


def test_what_changes_between_two_parts_of_a_round_is_read_on_top(world: World) -> None:
    gone, stays = (world.outlook.book(world.at(h), world.at(h + 1)) for h in (24, 48))
    comes = world.outlook.book(world.at(24 * 60), world.at(24 * 60 + 1))
    views: list[str] = []

    def kill_in_the_second_part(step: str, when: str) -> None:
        if (step, when) == ("view", "before"):
            views.append(step)
            if len(views) == 2:
                raise Killed

    world.port.hook = kill_in_the_second_part
    with pytest.raises(Killed):
        world.sync()
    world.outlook.delete(gone)
    world.outlook.move(stays, world.at(24 * 90))
    world.outlook.move(comes, world.at(72))
    world.outlook.book(world.at(96), world.at(97))
    world.later(4 * MINUTE)

    world.sync()

    assert world.blocking_here() == world.blocking_there()
    assert len(world.blocking_here()) == 3
    assert mirror_equals_calendar(world)
