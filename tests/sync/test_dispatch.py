"""Which calendars the dispatcher gives to the workers, and when."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core.management import call_command
from django_q.models import OrmQ, Schedule

from apps.exchange.signals import connection_works
from apps.resources.models import Location
from apps.sync import dispatch, schedules
from apps.sync.models import CalendarLink
from apps.sync.tasks import sync_calendar
from apps.tenants import installation
from tests.factories import LocationFactory, ResourceFactory
from tests.sync.world import NOW, World, make_world

pytestmark = pytest.mark.django_db


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

    assert Schedule.objects.filter(func__startswith="apps.sync.").count() == len(
        schedules.SCHEDULES
    )


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
