"""A mailbox of twenty thousand items comes to its end, though the worker dies after each page."""

from __future__ import annotations

import pytest

from apps.bookings.models import Booking
from apps.sync.models import CalendarLink
from tests.scenarios.world import EwsWorld, fill
from tests.sync.test_trouble import MINUTE, Crash
from tests.sync.world import mirror_equals_calendar

pytestmark = pytest.mark.django_db

READS = ("advance", "changes", "view", "read", "open")


def first_sync(world: EwsWorld) -> int:
    """Sync until it is done; how many requests that took."""
    world.forget_requests()
    while world.sync().outcome != "done":
        world.later(MINUTE)
    return len(world.requests())


def die_after_each_page(world: EwsWorld) -> int:
    """The worker is gone as soon as it has stored what it read, and asks for more."""
    world.forget_requests()
    stored: set[object] = set()

    def hook(step: str, when: str) -> None:
        told = CalendarLink.objects.values_list("draft_cursor", "draft_until", "cursor").get()
        if step in READS and when == "before" and told not in stored:
            stored.add(told)
            raise Crash

    world.port.hook = hook
    while True:
        world.later(4 * MINUTE)
        try:
            if world.sync().outcome == "done":
                assert len(stored) >= 40
                return len(world.requests())
        except Crash:
            continue


def test_worker_dies_after_each_page_and_requests_are_twice_as_many_at_most(
    world: EwsWorld,
) -> None:
    fill(world.server, world.calendar.email, world.now, past=20_000, ahead=20)
    disturbed = die_after_each_page(world)
    assert Booking.objects.blocking().count() == 20
    assert mirror_equals_calendar(world)
    world.port.hook = lambda _step, _when: None
    CalendarLink.objects.update(
        cursor="", draft_cursor="", draft_until=None, draft_days=0, is_full_round_wanted=True
    )

    undisturbed = first_sync(world)

    assert undisturbed >= 40
    assert disturbed <= 2 * undisturbed
