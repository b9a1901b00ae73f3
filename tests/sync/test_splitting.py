"""However many runs a set of changes is spread over, both sides end the same."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Callable

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from apps.bookings.models import Booking
from apps.exchange.calendar import EventKey, ShowAs
from tests.factories import ResourceFactory
from tests.sync.world import World, make_world

Change = Callable[[World, list[EventKey]], object]
# Each event and each booking has hours of its own, so that none is in another's way.
PLACES = st.integers(0, 3)


def shown(place: int, show_as: ShowAs) -> Change:
    return lambda world, keys: world.outlook.change(keys[place], show_as=show_as)


def renamed(place: int, subject: str) -> Change:
    return lambda world, keys: world.outlook.change(keys[place], subject=subject)


def hidden(place: int, is_private: bool) -> Change:
    return lambda world, keys: world.outlook.change(keys[place], is_private=is_private)


def moved(place: int, by: int) -> Change:
    def do(world: World, keys: list[EventKey]) -> None:
        world.outlook.move(keys[place], world.at(24 + 10 * place + by))

    return do


CHANGES = st.one_of(
    st.builds(shown, PLACES, st.sampled_from([ShowAs.FREE, ShowAs.BUSY, ShowAs.ELSEWHERE])),
    st.builds(renamed, PLACES, st.sampled_from(["One", "Two"])),
    st.builds(hidden, PLACES, st.booleans()),
    st.builds(moved, PLACES, st.integers(0, 8)),
)


def lived(changes: list[tuple[Change, bool]]) -> list[tuple[object, ...]]:
    """What is booked after these changes, with a run after each that says so, and two at the end."""
    world = make_world(ResourceFactory.create(), email=f"room{os.urandom(4).hex()}@example.com")
    keys = [
        world.outlook.book(world.at(24 + 10 * place), world.at(25 + 10 * place), f"Event {place}")
        for place in range(4)
    ]
    world.book(90)
    world.sync()
    for change, runs in changes:
        change(world, keys)
        if runs:
            world.sync()
    for _number in range(2):
        world.later(dt.timedelta(minutes=6))
        world.sync()
    assert world.blocking_here() == world.blocking_there()
    rows = Booking.objects.filter(resource=world.resource).order_by("starts_at", "title")
    # What blocks no longer says when it did, and under which name, when it was seen last.
    return [
        (row.starts_at, row.ends_at, row.title, row.person, row.origin)
        for row in rows.filter(status="confirmed")
    ] + [(status,) for status in sorted(rows.values_list("status", flat=True))]


@pytest.mark.django_db
@settings(
    max_examples=int(os.environ.get("MACHINE_EXAMPLES", "8")),
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.generate],
)
@given(st.lists(st.tuples(CHANGES, st.booleans()), min_size=2, max_size=8))
def test_changes_spread_over_any_number_of_runs_end_the_same(
    changes: list[tuple[Change, bool]],
) -> None:
    ends = []
    for runs in (None, True, False):
        with transaction.atomic():
            ends.append(lived([(c, own if runs is None else runs) for c, own in changes]))
            transaction.set_rollback(True)

    assert ends[0] == ends[1] == ends[2]
