"""Which calendars the dispatcher gives to the workers, and when."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.management import call_command
from django.utils import timezone
from django_q.models import OrmQ, Schedule

from apps.exchange.signals import connection_works
from apps.resources.models import Location
from apps.sync import dispatch, lease, schedules
from apps.sync.models import CalendarLink
from apps.sync.tasks import sync_calendar
from apps.tenants import installation
from tests.factories import LocationFactory, ResourceFactory
from tests.sync.world import NOW, World, make_world

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)


def test_due_calendar_is_enqueued_once(world: World) -> None:
    CalendarLink.objects.update(due_at=NOW)

    assert dispatch.dispatch(NOW) == 1
    assert dispatch.dispatch(NOW) == 0
    assert OrmQ.objects.count() == 1


@pytest.mark.parametrize("state", ["needs_attention", "paused", "not_connected"])
def test_calendar_that_waits_for_a_person_is_left_alone(world: World, state: str) -> None:
    CalendarLink.objects.update(due_at=NOW, state=state)

    assert dispatch.dispatch(NOW) == 0
    assert sync_calendar(world.calendar.pk).startswith("skipped")


def test_calendars_go_on_at_once_when_their_connection_works_again(
    world: World, location: Location
) -> None:
    later = NOW + dt.timedelta(hours=1)
    paused = make_world(ResourceFactory.create(location=location), "paused@example.com")
    CalendarLink.objects.update(due_at=later)
    CalendarLink.objects.filter(pk=paused.calendar.pk).update(state="paused")
    connection = world.calendar.connection
    assert connection is not None

    connection_works.send(None, connection_id=connection.pk)

    due = set(CalendarLink.objects.exclude(due_at=later).values_list("pk", flat=True))
    assert due == {world.calendar.pk}
    assert OrmQ.objects.get().task["func"] == "apps.sync.tasks.dispatch"


def test_stopped_and_paused_connections_are_left_alone(world: World) -> None:
    connection = world.calendar.connection
    assert connection is not None
    CalendarLink.objects.update(due_at=NOW)
    connection.paused_until = NOW + dt.timedelta(minutes=5)
    connection.save()
    assert dispatch.dispatch(NOW) == 0

    connection.paused_until = None
    connection.stopped_at = NOW
    connection.save()

    assert dispatch.dispatch(NOW) == 0


def test_tenants_take_turns(location: Location) -> None:
    assert dispatch.in_turns([(1, 7), (2, 7), (3, 7), (4, 8)]) == [1, 4, 2, 3]


def test_copied_database_is_silent_until_a_superuser_decides(
    world: World, settings: object
) -> None:
    installation.this_installation()
    settings.INSTALLATION_ID = "elsewhere"  # type: ignore[attr-defined]
    CalendarLink.objects.update(due_at=NOW)
    world.book(24)

    assert dispatch.dispatch(NOW) == 0
    assert world.sync().outcome == "skipped"
    assert world.port.requests == []

    installation.send_from_here()
    world.sync()

    assert len(world.blocking_there()) == 1


def test_copy_that_is_told_so_knows_nothing_of_the_originals_events(
    world: World, settings: object
) -> None:
    before = installation.this_installation().uuid
    settings.INSTALLATION_ID = "elsewhere"  # type: ignore[attr-defined]

    installation.become_another()

    assert installation.may_send()
    assert installation.this_installation().uuid != before


def test_booking_nudges_its_calendar_on_commit(
    world: World, django_capture_on_commit_callbacks: object
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        world.book(24)

    assert OrmQ.objects.count() == 1


def test_full_round_is_wanted_once_a_day(world: World) -> None:
    world.sync()

    assert dispatch.want_full_rounds(NOW + dt.timedelta(hours=12)) == 0
    assert dispatch.want_full_rounds(NOW + dt.timedelta(hours=24)) == 1


def test_schedules_are_there_after_migrate_and_set_up_once(db: None) -> None:
    assert set(Schedule.objects.values_list("name", flat=True)) >= set(schedules.SCHEDULES)

    call_command("setup_schedules")

    assert Schedule.objects.filter(func__startswith="apps.").count() == len(schedules.SCHEDULES)


def test_jitter_spreads_the_next_starts() -> None:
    starts = {dispatch.next_due(NOW) for _number in range(50)}

    assert len(starts) > 1
    assert all(60 <= (at - NOW).total_seconds() <= 72 for at in starts)


def test_mailbox_of_another_resource_is_refused_by_its_key(world: World) -> None:
    other = make_world(
        ResourceFactory.create(location=world.resource.location), "alias@example.com"
    )
    world.sync()
    other.port.mailbox = world.mailbox

    other.sync()

    assert other.calendar.state == CalendarLink.State.NEEDS_ATTENTION
    assert world.resource.name in other.calendar.cause


def test_mailbox_of_another_tenant_is_refused_without_a_name(world: World) -> None:
    other = make_world(ResourceFactory.create(location=LocationFactory.create()), "a@example.com")
    world.sync()
    other.port.mailbox = world.mailbox

    other.sync()

    assert world.resource.name not in other.calendar.cause
    assert "cannot be used here" in other.calendar.cause


def test_killed_workers_calendar_is_due_when_its_lease_is_over(world: World) -> None:
    CalendarLink.objects.update(due_at=NOW)
    dispatch.dispatch(NOW)
    assert lease.acquire(world.calendar.pk, world.clock) is not None

    assert dispatch.dispatch(NOW + lease.length()) == 0
    assert dispatch.dispatch(NOW + lease.length() + dt.timedelta(seconds=1)) == 1


def test_task_that_was_lost_in_the_queue_is_enqueued_again(world: World) -> None:
    CalendarLink.objects.update(due_at=NOW)
    dispatch.dispatch(NOW)
    OrmQ.objects.all().delete()

    assert dispatch.dispatch(NOW + dt.timedelta(minutes=4)) == 0
    assert dispatch.dispatch(NOW + dt.timedelta(minutes=5)) == 1


def test_calendar_is_claimed_and_enqueued_or_neither(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    CalendarLink.objects.update(due_at=NOW)

    def refuse(*_args: object) -> None:
        raise ConnectionError

    monkeypatch.setattr(dispatch, "enqueue", refuse)
    with pytest.raises(ConnectionError):
        dispatch.dispatch(NOW)
    monkeypatch.undo()

    assert dispatch.dispatch(NOW) == 1


def test_many_bookings_at_once_make_one_task(
    world: World, django_capture_on_commit_callbacks: object
) -> None:
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        for hours in range(24, 30):
            world.book(hours)
    assert OrmQ.objects.count() == 1

    world.sync()
    with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
        world.book(48)

    assert OrmQ.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_what_a_run_writes_itself_nudges_nobody(world: World) -> None:
    world.outlook.book(world.at(24), world.at(25))

    report = world.sync()

    assert (report.counts, report.goes_on) == ({"CreateLocal": 1}, False)
    assert OrmQ.objects.count() == 0


def test_nudge_during_a_run_is_followed_by_another_at_once(
    world: World,
) -> None:
    sync_calendar(world.calendar.pk)

    def nudged(name: str, when: str) -> None:
        if (name, when) == ("changes", "after"):
            world.port.hook = lambda _name, _when: None
            assert sync_calendar(world.calendar.pk).startswith("skipped")

    world.port.hook = nudged
    sync_calendar(world.calendar.pk)
    assert OrmQ.objects.count() == 1

    sync_calendar(world.calendar.pk)
    assert OrmQ.objects.count() == 1


def test_nudge_that_comes_as_the_lease_is_released_takes_the_calendar(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    holder = lease.acquire(world.calendar.pk, world.clock)
    assert holder is not None
    acquire = lease.acquire

    def and_release(*args: Any) -> lease.Lease | None:
        found = acquire(*args)
        monkeypatch.setattr(lease, "acquire", acquire)
        holder.release()
        return found

    monkeypatch.setattr(lease, "acquire", and_release)

    assert lease.acquire_or_nudge(world.calendar.pk, world.clock) is not None
    assert not CalendarLink.objects.filter(is_nudged=True).exists()


def test_released_calendar_is_free_for_a_worker_whose_clock_is_slow(world: World) -> None:
    holder = lease.acquire(world.calendar.pk, world.clock)
    assert holder is not None
    holder.release()
    world.later(-dt.timedelta(seconds=5))

    assert lease.acquire(world.calendar.pk, world.clock) is not None


def test_calendar_without_a_good_run_for_a_while_is_stale(world: World) -> None:
    assert world.calendar.is_stale

    fresh, old = (CalendarLink(last_good_at=timezone.now() - m * MINUTE) for m in (14, 16))

    assert not fresh.is_stale
    assert old.is_stale
