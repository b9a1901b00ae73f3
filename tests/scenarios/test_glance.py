"""Many idle mailboxes cost one request; each answer is judged alone, and no word of a booking is lost."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ

from apps.bookings import services as bookings
from apps.bookings.models import Booking
from apps.bookings.walltime import Span
from apps.exchange import services as connections
from apps.exchange.graph.session import close_connections
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Location
from apps.sandbox.server import SandboxServer, serve
from apps.sandbox.store import Store
from apps.sync import dispatch, glancing, lease
from apps.sync.models import CalendarLink, SyncRun
from tests.scenarios.lantern import Lantern, furnish, point_at, work

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)
DELTA = "GET calendarView/delta"


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with serve(Store(seed=6)) as running:
        yield running


@pytest.fixture
def server(sandbox: SandboxServer, settings: Any) -> Iterator[SandboxServer]:
    furnish(sandbox)
    point_at(sandbox, settings)
    yield sandbox
    close_connections()
    assert sandbox.errors == []


@pytest.fixture
def lantern(server: SandboxServer, location: Location) -> Lantern:
    return Lantern(server, location)


@pytest.fixture
def rooms(lantern: Lantern) -> list[CalendarLink]:
    """Three rooms that rest, and are due."""
    made = [lantern.synced_room(name) for name in ("beacon", "wick", "lens")]
    become_due(lantern)
    return made


def become_due(lantern: Lantern) -> None:
    OrmQ.objects.all().delete()
    SyncRun.objects.all().delete()
    CalendarLink.objects.update(due_at=timezone.now(), is_nudged=False, last_good_at=None)
    lantern.forget_requests()


def good(calendars: list[CalendarLink]) -> list[bool]:
    for calendar in calendars:
        calendar.refresh_from_db()
    return [calendar.last_good_at is not None for calendar in calendars]


def fault(lantern: Lantern, room: CalendarLink, **fields: Any) -> None:
    lantern.server.faults.arrange({"operation": DELTA, "mailbox": room.email, **fields})


def test_twenty_idle_calendars_cost_one_request(lantern: Lantern) -> None:
    rooms = [lantern.synced_room(f"room{number}") for number in range(20)]
    become_due(lantern)

    assert dispatch.dispatch() == 20
    assert work() == ["glance"]

    assert lantern.asked() == ["POST $batch"]
    assert all(good(rooms))
    assert {room.lease_token for room in rooms} == {0}
    assert all(room.due_at > timezone.now() + dt.timedelta(seconds=50) for room in rooms)
    # As a run that found nothing, it leaves no row.
    assert not SyncRun.objects.exists()


def test_calendar_with_news_gets_a_run_and_the_others_none(
    lantern: Lantern, rooms: list[CalendarLink]
) -> None:
    lantern.book_there(rooms[1])

    dispatch.dispatch()
    done = work()

    assert done == ["glance", "sync_calendar"]
    assert Booking.objects.get().resource == rooms[1].resource
    assert all(good(rooms))


def test_cursor_of_a_glance_is_the_one_to_go_on_from(
    lantern: Lantern, rooms: list[CalendarLink]
) -> None:
    dispatch.dispatch()
    work()
    become_due(lantern)
    lantern.book_there(rooms[0])

    dispatch.dispatch()
    work()

    assert Booking.objects.count() == 1


def test_one_calendar_alone_gets_a_run(lantern: Lantern, rooms: list[CalendarLink]) -> None:
    CalendarLink.objects.exclude(pk=rooms[0].pk).update(due_at=timezone.now() + HOUR)

    dispatch.dispatch()

    assert work() == ["sync_calendar"]
    assert lantern.asked() == [DELTA]


@pytest.mark.parametrize(
    "why",
    [
        {"is_full_round_wanted": True},
        {"rests_with": ""},
        {"failures": 1},
        {"state": "waiting"},
        {"is_nudged": True},
        {"cursor": ""},
    ],
    ids=lambda why: next(iter(why)),
)
def test_calendar_that_does_not_rest_gets_a_run(
    rooms: list[CalendarLink], why: dict[str, Any]
) -> None:
    CalendarLink.objects.filter(pk=rooms[0].pk).update(**why)

    dispatch.dispatch()

    queued = {
        (row.task["func"].rpartition(".")[2], str(row.task["args"])) for row in OrmQ.objects.all()
    }
    assert ("sync_calendar", f"({rooms[0].pk},)") in queued
    assert len(queued) == 2


def test_booking_that_nobody_was_told_of_is_sent_all_the_same(
    lantern: Lantern, rooms: list[CalendarLink]
) -> None:
    resource = rooms[0].resource
    start = timezone.now().replace(minute=0, second=0, microsecond=0) + 30 * HOUR
    bookings.book(
        resource=resource,
        span=Span.between(start, start + HOUR, resource.time_zone),
        title="Stand-up",
        by=None,
    )
    # The nudge never came.
    become_due(lantern)

    dispatch.dispatch()
    assert work() == ["glance", "sync_calendar"]

    assert len(lantern.server.store.mailbox(rooms[0].email).calendar.items) == 1


def test_nudge_while_it_is_on_is_not_lost(
    lantern: Lantern, rooms: list[CalendarLink], monkeypatch: pytest.MonkeyPatch
) -> None:
    ask = connections.glance

    def nudged(*args: Any) -> Any:
        dispatch.nudge([rooms[0].resource_id])
        # Its task finds the calendar taken.
        work()
        return ask(*args)

    monkeypatch.setattr(connections, "glance", nudged)

    dispatch.dispatch()
    row = OrmQ.objects.get()
    row.delete()
    assert glancing.glance(*row.task["args"]) == 2

    assert work() == ["sync_calendar"]
    assert all(good(rooms))


def test_calendar_of_another_worker_is_left_alone(
    lantern: Lantern, rooms: list[CalendarLink]
) -> None:
    assert lease.acquire(rooms[0].pk, timezone.now) is not None
    pks = [room.pk for room in rooms]

    assert glancing.glance(lantern.connection.pk, pks) == 2

    assert good(rooms) == [False, True, True]


def test_throttled_mailbox_waits_alone(lantern: Lantern, rooms: list[CalendarLink]) -> None:
    fault(
        lantern,
        rooms[1],
        kind="http",
        status=429,
        headers={"Retry-After": "90"},
        text=json.dumps({"error": {"code": "TooManyRequests", "message": "Wait."}}),
    )
    before = timezone.now()

    dispatch.dispatch()
    assert work() == ["glance"]

    assert good(rooms) == [True, False, True]
    assert rooms[1].state == "waiting"
    assert rooms[1].due_at >= before + dt.timedelta(seconds=90)
    assert rooms[1].cause
    lantern.connection.refresh_from_db()
    assert lantern.connection.paused_until is None


def test_lost_cursor_of_one_is_its_own_affair(lantern: Lantern, rooms: list[CalendarLink]) -> None:
    fault(lantern, rooms[1], kind="bad-sync-state")

    dispatch.dispatch()
    assert work() == ["glance", "sync_calendar"]

    assert all(good(rooms))


def test_refused_token_stops_the_connection_and_is_told_once(
    lantern: Lantern, rooms: list[CalendarLink]
) -> None:
    lantern.server.faults.arrange(
        {
            "kind": "error",
            "operation": "POST $batch",
            "code": "InvalidAuthenticationToken",
            "count": None,
        }
    )

    dispatch.dispatch()
    done = work()

    assert done == ["glance", "tell_owners"]
    lantern.connection.refresh_from_db()
    assert lantern.connection.stopped_at is not None
    assert SyncRun.objects.filter(outcome="failed").count() == 1
    assert not CalendarLink.objects.exclude(lease_token=0).exists()


def test_server_that_is_down_makes_all_of_them_wait(
    lantern: Lantern, rooms: list[CalendarLink]
) -> None:
    lantern.server.faults.arrange({"kind": "cut-before", "operation": "POST $batch"})

    dispatch.dispatch()
    assert work() == ["glance"]

    assert good(rooms) == [False] * 3
    assert {room.state for room in rooms} == {"waiting"}
    assert {room.failures for room in rooms} == {1}


def test_stopped_or_copied_asks_nothing(
    lantern: Lantern, rooms: list[CalendarLink], settings: Any
) -> None:
    pks = [room.pk for room in rooms]
    ExchangeConnection.objects.update(stopped_at=timezone.now())
    assert glancing.glance(lantern.connection.pk, pks) == 0
    ExchangeConnection.objects.update(stopped_at=None)
    settings.INSTALLATION_ID = "another"

    assert glancing.glance(lantern.connection.pk, pks) == 0

    assert lantern.asked() == []
