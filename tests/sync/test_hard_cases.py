"""What a sharp eye found: cases that are rare, and would hurt."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connection as database
from django.utils import timezone

from apps.bookings import services as bookings
from apps.bookings.models import Booking
from apps.exchange import errors
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Location, Resource
from apps.sync import connecting, leave, services
from apps.sync.listener import Listener
from apps.sync.models import CalendarLink, EventLink
from tests.factories import ResourceFactory
from tests.sync.world import NOW, World, make_world, mirror_equals_calendar

State = CalendarLink.State
MINUTE = dt.timedelta(minutes=1)


def refused(_name: str, _when: str) -> None:
    raise errors.AuthenticationFailed("The password was refused.")


@pytest.mark.django_db(transaction=True)
def test_dry_run_keeps_nobody_waiting_for_the_calendars_row(resource: Resource) -> None:
    world = make_world(resource)
    world.sync()
    world.outlook.book(world.at(24), world.at(25))
    waited: list[bool] = []

    def nudge() -> None:
        try:
            with database.cursor() as cursor:
                cursor.execute("SET lock_timeout = '2s'")
            CalendarLink.objects.filter(pk=world.calendar.pk).update(is_nudged=True)
            waited.append(False)
        except Exception:  # noqa: BLE001 -- told below
            waited.append(True)
        finally:
            database.close()

    def hook(name: str, when: str) -> None:
        if (name, when) == ("changes", "after"):
            thread = threading.Thread(target=nudge)
            thread.start()
            thread.join()

    world.port.hook = hook
    services.dry_run(world.calendar.pk, clock=world.clock)

    assert waited == [False]


@pytest.mark.django_db
def test_refused_sign_in_in_a_dry_run_stops_the_connection(world: World) -> None:
    world.sync()
    world.port.hook = refused

    with pytest.raises(errors.AuthenticationFailed):
        services.dry_run(world.calendar.pk, clock=world.clock)

    assert ExchangeConnection.objects.get().stopped_at is not None


@pytest.mark.django_db
def test_dry_runs_are_no_barren_starts(world: World) -> None:
    world.sync()

    for _number in range(8):
        services.dry_run(world.calendar.pk, clock=world.clock)

    assert world.sync().outcome == "done"


@pytest.mark.django_db
def test_run_with_an_old_password_does_not_stop_the_connection_that_was_mended(
    world: World,
) -> None:
    world.sync()

    def hook(name: str, when: str) -> None:
        if (name, when) == ("changes", "before"):
            ExchangeConnection.objects.update(revision=7)
            refused(name, when)

    world.port.hook = hook
    world.sync()

    assert ExchangeConnection.objects.get().stopped_at is None


@pytest.mark.django_db
def test_run_asks_nothing_more_once_the_connection_was_changed(world: World) -> None:
    world.sync()
    world.outlook.book(world.at(24), world.at(25))
    world.port.requests.clear()
    world.port.hook = lambda name, when: None if when == "before" else changed_connection()

    world.sync(is_full=True)

    assert len(world.port.requests) == 1
    assert world.calendar.error_kind == "stopped"


def changed_connection() -> None:
    ExchangeConnection.objects.update(revision=7)


@pytest.mark.django_db
def test_booking_that_moved_while_its_mailbox_was_left_is_not_doubled(
    world: World, location: Location
) -> None:
    other = make_world(ResourceFactory.create(location=location), "other@example.com")
    other.sync()
    booking = world.book(24)
    world.sync()
    leave.leave(world.calendar, keeps_ours_there=True, keeps_theirs_here=True)
    booking.refresh_from_db()
    bookings.change(booking=booking, revision=booking.revision, by=None, resource=other.resource)
    other.sync()

    connecting.connect(resource=world.resource, email=world.calendar.email)
    for _number in range(3):
        world.sync()
        world.later(6 * MINUTE)

    assert Booking.objects.count() == 1
    assert world.blocking_there() == []
    assert other.blocking_there() == [(world.at(24), world.at(25))]


@pytest.mark.django_db
def test_of_two_sleeping_pairs_of_one_event_the_newest_wakes(world: World) -> None:
    world.book(24)
    world.sync()
    leave.leave(world.calendar, keeps_ours_there=True, keeps_theirs_here=True)
    link = EventLink.objects.get()
    link.pk = None
    link.save(force_insert=True)

    connecting.connect(resource=world.resource, email=world.calendar.email)
    world.sync()

    assert world.calendar.state == State.IN_SYNC
    states = EventLink.objects.order_by("pk").values_list("state", flat=True)
    assert list(states) == ["forgotten", "live"]


@pytest.mark.django_db
def test_mass_deletion_that_is_more_than_one_tasks_work_ends_held(world: World) -> None:
    for hours in range(80):
        world.outlook.book(world.at(24 + hours), world.at(25 + hours))
    while world.sync().outcome != "done":
        continue
    for item_id in list(world.mailbox.items):
        world.outlook.delete(world.outlook.keys(item_id)[0])
    # Each look by id takes a while: all of them are more than a task has time for.
    world.port.hook = lambda name, when: (
        world.later(dt.timedelta(seconds=1)) if (name, when) == ("read", "before") else None
    )

    outcomes = [world.sync().outcome for _number in range(8)]

    assert "continues" in outcomes
    assert outcomes[-1] == "done"
    assert len(world.held()) == 80
    assert Booking.objects.blocking().count() == 80
    # None was looked up twice.
    assert world.port.requests.count("read") == 80


@pytest.mark.django_db
def test_event_on_its_way_is_removed_too_when_the_mailbox_is_left(world: World) -> None:
    world.sync()
    world.book(24)

    def lose(name: str, when: str) -> None:
        if (name, when) == ("create", "after"):
            raise errors.Unclear("No answer came back.")

    world.port.hook = lose
    world.sync()
    world.port.hook = lambda _name, _when: None
    assert len(world.blocking_there()) == 1

    leave.leave(world.calendar, keeps_ours_there=False, keeps_theirs_here=True, now=world.now)
    world.sync()

    assert world.calendar.state == State.NOT_CONNECTED
    assert world.blocking_there() == []


@pytest.mark.django_db
def test_leaving_waits_for_an_event_that_may_still_arrive(world: World) -> None:
    world.sync()
    world.book(24)

    def lose(name: str, when: str) -> None:
        if (name, when) == ("create", "before"):
            raise errors.Unclear("No answer came back.")

    world.port.hook = lose
    world.sync()
    world.port.hook = lambda _name, _when: None
    leave.leave(world.calendar, keeps_ours_there=False, keeps_theirs_here=True, now=world.now)
    world.sync()
    assert world.calendar.state == State.LEAVING

    world.later(6 * MINUTE)
    world.sync()

    assert world.calendar.state == State.NOT_CONNECTED


@pytest.mark.django_db
def test_old_page_that_gives_up_removing_leaves_the_next_mailbox_alone(world: World) -> None:
    world.sync()
    before = world.calendar.email

    leave.leave_the_rest(world.calendar)

    world.calendar.refresh_from_db()
    assert (world.calendar.state, world.calendar.email) == (State.IN_SYNC, before)


@pytest.mark.django_db
def test_copied_database_listens_to_nobody(world: World, settings: object) -> None:
    world.sync()
    settings.INSTALLATION_ID = "elsewhere"  # type: ignore[attr-defined]
    listener = Listener(clock=lambda: NOW)

    listener.step(patience=0)

    assert not listener.servers
    world.calendar.refresh_from_db()
    assert world.calendar.push_until is None
    with pytest.raises(errors.Misconfigured):
        services.dry_run(world.calendar.pk, clock=timezone.now)
    assert mirror_equals_calendar(world)
