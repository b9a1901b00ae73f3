"""`manage.py sync_calendars`."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.bookings.models import Booking
from apps.exchange import errors
from apps.exchange.calendar import Content, EventKey, EventRef, Parts
from apps.exchange.wrapped import WrappedCalendar, WriteRefused, read_only
from apps.sync.models import CalendarLink, RemoteEvent, SyncRun
from tests.sync.world import NOW, World

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _real_clock(world: World) -> None:
    """The command knows no other."""
    CalendarLink.objects.update(lease_until=timezone.now() - dt.timedelta(days=1))


def run(*arguments: str, **options: object) -> str:
    out = StringIO()
    call_command("sync_calendars", *arguments, stdout=out, **options)
    return out.getvalue()


def future_event(world: World) -> None:
    at = timezone.now() + dt.timedelta(days=2)
    world.outlook.book(at, at + dt.timedelta(hours=1))


def test_syncs_what_is_named(world: World) -> None:
    future_event(world)

    told = run("ROOM@example.com")

    assert "done" in told
    assert Booking.objects.count() == 1


def test_dry_run_prints_the_plan_and_writes_nothing(world: World) -> None:
    future_event(world)

    told = run(str(world.calendar.pk), "--dry-run")

    assert "CreateLocal" in told
    assert not Booking.objects.exists()
    assert not RemoteEvent.objects.exists()
    assert not SyncRun.objects.exists()
    world.calendar.refresh_from_db()
    assert world.calendar.cursor == ""


def test_json_tells_one_object_a_calendar(world: World) -> None:
    future_event(world)

    (line,) = run("--json").splitlines()

    assert json.loads(line)["CreateLocal"] == 1


def test_failure_ends_with_status_1(world: World) -> None:
    def hook(_name: str, _when: str) -> None:
        raise errors.Transient("The server is away.")

    world.port.hook = hook

    with pytest.raises(SystemExit) as ended:
        run()

    assert ended.value.code == 1


def test_unknown_names_are_refused(world: World) -> None:
    with pytest.raises(CommandError, match="No connected calendar"):
        run("other@example.com")
    with pytest.raises(CommandError, match="no tenant"):
        run(tenant="nobody")


def test_tenant_limits_what_is_synced(world: World) -> None:
    assert "room@example.com" in run(tenant=world.resource.tenant.slug)


def test_nothing_connected_says_so() -> None:
    CalendarLink.objects.update(state=CalendarLink.State.NOT_CONNECTED)

    assert "No calendar is connected" in run()


def test_paused_calendar_is_synced_only_by_name(world: World) -> None:
    CalendarLink.objects.update(state=CalendarLink.State.PAUSED)

    assert "No calendar is connected" in run()
    assert "done" in run("room@example.com")


def test_table_names_its_columns(world: World) -> None:
    head, line = run().splitlines()

    assert head.split() == ["calendar", "resource", "outcome", "what"]
    assert line.index("done") == head.index("outcome")


CONTENT = Content("x", NOW, NOW + dt.timedelta(hours=1), is_all_day=False, time_zone="UTC")
REF = EventRef(EventKey("item"), "key")


@pytest.mark.parametrize(
    "write",
    [
        lambda calendar: calendar.create(CONTENT, stamp="", attempt_id=""),
        lambda calendar: calendar.update(REF, CONTENT, Parts()),
        lambda calendar: calendar.delete(REF),
        lambda calendar: calendar.decline(REF),
    ],
    ids=["create", "update", "delete", "decline"],
)
def test_read_only_calendar_refuses_every_write(
    world: World, write: Callable[[WrappedCalendar], object]
) -> None:
    with pytest.raises(WriteRefused):
        write(read_only(world.port))

    assert world.port.requests == []
