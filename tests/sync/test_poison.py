"""One event that cannot be read, kept or written stops no other."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from apps.bookings.models import Booking
from apps.exchange import errors
from apps.exchange.calendar import ShowAs
from apps.sync.models import CalendarLink, EventLink, RemoteEvent, SyncChange, SyncRun
from tests.sync.world import HOUR, World

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)
SECRET = "Secret merger"
END_OF_TIME = dt.datetime.max.replace(tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("fields", "title"),
    [
        ({"subject": "Nu\0l"}, "Nul"),
        ({"subject": "Half \ud83d"}, "Half"),
        ({"subject": "Party \N{PARTY POPPER}"}, "Party \N{PARTY POPPER}"),
        ({"subject": "x" * 2000}, "x" * 255),
        ({"subject": "", "organizer": "O" * 400}, "O" * 255),
        ({"organizer_email": f"{'o' * 400}@example.com"}, "Meeting"),
        ({"uid": "u\0", "subject": "Odd id"}, "Odd id"),
    ],
    ids=["NUL", "surrogate", "emoji", "long", "long-organizer", "long-email", "uid"],
)
def test_odd_words_of_an_event_are_kept_as_far_as_they_can_be(
    world: World, fields: dict[str, Any], title: str
) -> None:
    world.outlook.book(world.at(24), world.at(25), **fields)

    world.sync()

    assert world.only_booking().title == title
    assert not SyncChange.objects.filter(outcome="set_aside").exists()


@pytest.mark.parametrize("hours", [0, -2], ids=["no-length", "ends-before-it-starts"])
def test_event_without_a_length_blocks_nothing(world: World, hours: int) -> None:
    world.outlook.book(world.at(24), world.at(24 + hours))
    world.outlook.book(world.at(48), world.at(49))

    world.sync()

    assert world.blocking_here() == [(world.at(48), world.at(49))]


def far_in_the_future(world: World) -> None:
    """Until the last moment that a calendar knows, which no clock east of Greenwich can show."""
    world.resource.time_zone = "Australia/Sydney"
    world.resource.save()
    world.outlook.book(world.at(24), END_OF_TIME, "For ever")
    world.outlook.book(world.at(12), world.at(13))


def test_event_that_cannot_be_a_booking_is_set_aside_alone(world: World) -> None:
    far_in_the_future(world)

    world.sync()

    assert world.blocking_here() == [(world.at(12), world.at(13))]
    aside = SyncChange.objects.get(outcome="set_aside")
    assert "OverflowError" in aside.words
    assert RemoteEvent.objects.exclude(problem="").count() == 1
    assert world.calendar.state == CalendarLink.State.IN_SYNC


def test_event_that_cannot_be_a_booking_is_tried_less_and_less_often(world: World) -> None:
    far_in_the_future(world)
    world.sync()
    tries = 0
    for _number in range(60):
        world.later(MINUTE)
        read_before = len(world.port.requests)
        world.sync()
        tries += "read" in world.port.requests[read_before:]

    assert 2 <= tries <= 5
    # Told once, and no run is kept that has nothing new to tell.
    assert SyncChange.objects.filter(outcome="set_aside").count() == 1
    assert SyncRun.objects.count() == 1


def test_event_that_cannot_be_a_booking_is_taken_when_it_is_mended(world: World) -> None:
    far_in_the_future(world)
    world.sync()
    key = next(e.key for e in world.outlook.blocking() if e.subject == "For ever")
    world.outlook.change(key, ends_at=world.at(26))

    world.sync()

    assert (world.at(24), world.at(26)) in world.blocking_here()


def test_update_that_cannot_be_kept_leaves_the_booking_as_it_is(world: World) -> None:
    world.resource.time_zone = "Australia/Sydney"
    world.resource.save()
    key = world.outlook.book(world.at(24), world.at(25))
    world.sync()
    world.outlook.change(key, ends_at=END_OF_TIME)
    world.outlook.book(world.at(12), world.at(13))

    world.sync()

    assert world.blocking_here() == [(world.at(12), world.at(13)), (world.at(24), world.at(25))]


def fail_with(world: World, error: Exception) -> None:
    def hook(_name: str, _when: str) -> None:
        raise error

    world.port.hook = hook


def test_error_of_our_own_ends_its_run_and_says_so(world: World) -> None:
    world.sync()
    SyncRun.objects.all().delete()
    world.book(24, title=SECRET)
    fail_with(world, KeyError(SECRET))

    with pytest.raises(AssertionError, match="KeyError"):
        world.sync()

    run = SyncRun.objects.get()
    assert (run.outcome, run.error_kind) == ("failed", "unexpected")
    assert "KeyError" in run.cause
    assert "Secret" not in run.cause
    assert world.calendar.state == CalendarLink.State.WAITING
    # The next start need not wait for the lease.
    world.port.hook = lambda _name, _when: None
    world.sync()
    assert len(world.blocking_there()) == 1


def test_error_of_our_own_is_logged_without_what_a_row_holds(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    fail_with(world, KeyError(SECRET))

    with pytest.raises(AssertionError, match="KeyError"):
        world.sync()

    assert "KeyError" in caplog.text
    assert "test_poison.py" in caplog.text
    assert "Secret" not in caplog.text


def test_error_of_our_own_that_stays_needs_attention(world: World) -> None:
    fail_with(world, KeyError(SECRET))

    for _number in range(6):
        with pytest.raises(AssertionError, match="KeyError"):
            world.sync()

    assert world.calendar.state == CalendarLink.State.NEEDS_ATTENTION


# --- Refused by the server ------------------------------------------------------------------------


def refuse(world: World, *steps: str) -> None:
    def hook(name: str, when: str) -> None:
        if name in steps and when == "before":
            raise errors.Rejected("The subject is too long for this server.")

    world.port.hook = hook


def tries(world: World, step: str) -> int:
    return world.port.requests.count(step)


def test_refused_event_is_tried_less_and_less_often_and_stops_no_other(world: World) -> None:
    booking = world.book(48)
    refuse(world, "create")
    for _number in range(60):
        world.sync()
        world.later(MINUTE)

    assert 3 <= tries(world, "create") <= 5
    link = EventLink.objects.get(booking=booking)
    assert "too long" in link.refusal
    assert SyncChange.objects.filter(outcome="set_aside").count() == 1

    world.port.hook = lambda _name, _when: None
    world.later(2 * HOUR)
    world.sync()
    assert world.blocking_there() == [(world.at(48), world.at(49))]
    link.refresh_from_db()
    assert (link.refusal, link.refusals, link.not_before) == ("", 0, None)


def test_another_version_of_a_refused_booking_is_tried_at_once(world: World) -> None:
    booking = world.book(24)
    refuse(world, "create")
    world.sync()
    world.port.hook = lambda _name, _when: None
    world.move(booking, 30)

    world.sync()

    assert world.blocking_there() == [(world.at(30), world.at(31))]


def test_event_moves_its_booking_also_while_our_own_change_is_refused(world: World) -> None:
    booking = world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    refuse(world, "update")
    world.outlook.change(event.key, subject="Other")
    world.sync()
    assert tries(world, "update") == 1

    world.outlook.move(event.key, world.at(48))
    world.sync()

    booking.refresh_from_db()
    assert booking.starts_at == world.at(48)


def test_refused_deletion_is_tried_less_and_less_often(world: World) -> None:
    booking = world.book(24)
    world.sync()
    world.cancel(booking)
    refuse(world, "delete")
    for _number in range(30):
        world.sync()
        world.later(MINUTE)

    assert 2 <= tries(world, "delete") <= 4


# --- Where the time cannot be judged -----------------------------------------------------------------


@pytest.mark.parametrize("kind", ["damaged", "unknown status"])
def test_nothing_is_written_where_an_event_cannot_be_read(world: World, kind: str) -> None:
    world.sync()
    key = world.outlook.book(world.at(24), world.at(25))
    if kind == "damaged":
        world.mailbox.items[key.item_id].problem = "The item is damaged."
    else:
        world.outlook.change(key, show_as=ShowAs.UNKNOWN)
    world.book(24)

    world.sync()

    assert tries(world, "create") == 0
    assert "cannot be read" in EventLink.objects.get().refusal

    world.outlook.delete(key)
    world.later(HOUR)
    world.sync()
    assert world.blocking_there() == [(world.at(24), world.at(25))]


def test_event_that_cannot_be_read_elsewhere_keeps_nothing_out(world: World) -> None:
    world.sync()
    key = world.outlook.book(world.at(48), world.at(49))
    world.mailbox.items[key.item_id].problem = "The item is damaged."
    world.book(24)

    world.sync()

    assert (world.at(24), world.at(25)) in world.blocking_there()


def test_look_before_a_write_leaves_other_occurrences_alone(world: World) -> None:
    world.outlook.book_series(world.at(24), HOUR, days=1, count=4)
    world.sync()
    world.book(24 + 2)
    world.book(48 + 2)

    world.sync()

    assert Booking.objects.blocking().count() == 6
    assert RemoteEvent.objects.filter(gone_at=None, problem="").count() == 6
    assert world.blocking_here() == world.blocking_there()
