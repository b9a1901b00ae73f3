"""What a clock says in one place and another: over the wire, on both sides of both changes of the clock."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from apps.bookings import services as bookings
from apps.bookings.models import Booking
from apps.bookings.walltime import Span
from apps.sandbox import zones
from apps.sync.session import window_of
from tests.scenarios.world import EwsWorld
from tests.sync.world import DAY, HOUR, mirror_equals_calendar

pytestmark = pytest.mark.django_db

# Two days before and after each change of the clock, in the north and in the south.
CHANGES = [
    ("Europe/London", dt.date(2027, 3, 28)),
    ("Europe/London", dt.date(2027, 10, 31)),
    ("America/New_York", dt.date(2027, 3, 14)),
    ("America/New_York", dt.date(2027, 11, 7)),
    ("Australia/Sydney", dt.date(2027, 4, 4)),
    ("Australia/Sydney", dt.date(2027, 10, 3)),
]


def begin(world: EwsWorld, zone: str, changes_on: dt.date) -> None:
    """A week before the clock changes, in that zone."""
    world.resource.time_zone = zone
    world.resource.save()
    noon = dt.datetime.combine(changes_on, dt.time(12), tzinfo=dt.UTC)
    world.now = world.start = noon - 7 * DAY
    world.server.store.set_clock(world.now)


def wall(zone: str, day: dt.date, hour: int) -> dt.datetime:
    return dt.datetime.combine(day, dt.time(hour), tzinfo=ZoneInfo(zone)).astimezone(dt.UTC)


@pytest.mark.parametrize(("zone", "changes_on"), CHANGES)
def test_booking_keeps_its_hour_on_both_sides_of_the_change(
    world: EwsWorld, zone: str, changes_on: dt.date
) -> None:
    begin(world, zone, changes_on)
    days = [changes_on + dt.timedelta(days=number) for number in (-1, 0, 1)]
    for day in days:
        span = Span(day, dt.time(9), day, dt.time(10), zone)
        bookings.book(resource=world.resource, span=span, title="Nine", by=None)

    world.sync()

    starts = [wall(zone, day, 9) for day in days]
    assert world.blocking_there() == [(start, start + HOUR) for start in starts]
    named = {item.item.start_zone for item in world.mailbox.items.values()}
    assert named == {zones.windows_name(zone)}


@pytest.mark.parametrize(("zone", "changes_on"), CHANGES)
def test_series_keeps_its_hour_and_its_exceptions_across_the_change(
    world: EwsWorld, zone: str, changes_on: dt.date
) -> None:
    begin(world, zone, changes_on)
    first = wall(zone, changes_on - dt.timedelta(days=2), 9)
    keys = world.outlook.book_series(first, HOUR, days=1, count=5, time_zone=zone)
    world.outlook.move(keys[3], wall(zone, changes_on + dt.timedelta(days=1), 11))
    world.outlook.delete(keys[1])

    world.sync()

    hours = [at.astimezone(ZoneInfo(zone)).hour for at, _end in world.blocking_here()]
    assert hours == [9, 9, 11, 9]
    assert world.blocking_here() == world.blocking_there()
    assert mirror_equals_calendar(world)


@pytest.mark.parametrize(("zone", "changes_on"), CHANGES)
def test_day_that_is_short_or_long_is_one_day_on_both_sides(
    world: EwsWorld, zone: str, changes_on: dt.date
) -> None:
    begin(world, zone, changes_on)
    midnights = wall(zone, changes_on, 0), wall(zone, changes_on + dt.timedelta(days=1), 0)
    assert midnights[1] - midnights[0] in {23 * HOUR, 25 * HOUR}
    span = Span.days(changes_on, changes_on, zone)
    ours = bookings.book(resource=world.resource, span=span, title="Ours", by=None)
    world.sync()
    assert world.blocking_there() == [midnights]
    assert [item.item.all_day for item in world.mailbox.items.values()] == [True]
    world.cancel(ours)
    world.sync()

    world.outlook.book(*midnights, "Theirs", is_all_day=True)
    world.sync()

    booking = Booking.objects.blocking().get()
    assert (booking.starts_at, booking.ends_at, booking.all_day) == (*midnights, True)


@pytest.mark.parametrize("zone", ["Europe/London", "Australia/Sydney", "America/New_York"])
def test_all_day_at_the_edges_of_the_window_is_not_lost(world: EwsWorld, zone: str) -> None:
    begin(world, zone, dt.date(2027, 3, 28))
    window = window_of(world.now, world.resource.tenant.window_days)
    edges = [window.starts_at.date(), (window.ends_at - DAY).date()]
    for day in edges:
        starts_at, ends_at = Span.days(day, day, zone).instants()
        world.outlook.book(starts_at, ends_at, "Edge", is_all_day=True)

    for is_full in (False, True):
        world.sync(is_full=is_full)
        inside = [span for span in world.blocking_there() if window.overlaps(*span)]
        assert world.blocking_here() == inside
    assert mirror_equals_calendar(world)


def test_event_of_another_zone_is_taken_as_the_time_that_it_blocks(world: EwsWorld) -> None:
    """What says Tokyo blocks here when it is that time in Tokyo."""
    starts_at = dt.datetime(2027, 3, 2, 18, tzinfo=ZoneInfo("Asia/Tokyo")).astimezone(dt.UTC)
    tokyo = zones.windows_name("Asia/Tokyo")
    world.server.store.create(
        world.mailbox.box.calendar.id,
        {"subject": "Call", "start": starts_at, "end": starts_at + HOUR,
         "start_zone": tokyo, "end_zone": tokyo},
    )  # fmt: skip

    world.sync()

    assert world.blocking_here() == [(world.at(24), world.at(25))]
