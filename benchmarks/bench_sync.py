"""What a sync costs with a mirror of 10,000 rows: nothing new, one change, and as a plan each time."""

from __future__ import annotations

import datetime as dt
import time
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.bookings.models import Booking
from apps.exchange.memory import MemoryCalendar, MemoryMailbox, Outlook
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Location, Resource
from apps.sync import services
from apps.sync.connecting import prove
from apps.sync.lease import acquire
from apps.sync.models import CalendarLink, EventLink, RemoteEvent, SyncRun
from apps.sync.pull import pull
from apps.tenants.models import Tenant

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.exchange.calendar import Calendar

SIZES = (1_000, 10_000)
QUARTER = dt.timedelta(minutes=15)
CALENDARS: dict[str, MemoryCalendar] = {}


def calendar_for(connection: ExchangeConnection, email: str) -> Calendar:
    return CALENDARS[email]


def run() -> None:
    call_command("migrate", verbosity=0)
    settings.CALENDAR_FACTORY = "benchmarks.bench_sync.calendar_for"
    tenant, _made = Tenant.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
    location, _made = Location.objects.get_or_create(tenant=tenant, name="Bench")
    idle: dict[int, float] = {}
    for size in SIZES:
        calendar, outlook = _calendar(location, size)
        _sync(calendar)
        planned, _queries = _measured(partial(_sync_with_plan, calendar))
        idle[size], idle_queries = _measured(partial(_sync, calendar))
        changed, changed_queries = _measured(partial(_sync_with_a_change, calendar, outlook))
        print(
            f"sync of {size:>6,} rows: nothing new {1e3 * idle[size]:.0f} ms and {idle_queries} "
            f"queries, one change {1e3 * changed:.0f} ms and {changed_queries} queries; "
            f"a plan each time would cost {planned / idle[size]:.0f} times as much as nothing new"
        )
    print(
        f"nothing new among {SIZES[-1]:,} rows costs {idle[SIZES[-1]] / idle[SIZES[0]]:.1f} times "
        f"as much as among {SIZES[0]:,}"
    )


def _sync(calendar: CalendarLink) -> None:
    report = services.sync_calendar(calendar.pk)
    assert report.outcome == "done", report  # noqa: S101 -- else nothing was measured


def _sync_with_plan(calendar: CalendarLink) -> None:
    CalendarLink.objects.filter(pk=calendar.pk).update(rests_with="")
    _sync(calendar)


def _sync_with_a_change(calendar: CalendarLink, outlook: Outlook) -> None:
    key = next(iter(outlook.blocking())).key
    outlook.change(key, subject=f"Meeting {time.perf_counter()}")
    _sync(calendar)


def _measured(of: Callable[[], None]) -> tuple[float, int]:
    """Seconds of the quickest of three, and queries."""
    times = []
    for _number in range(3):
        started = time.perf_counter()
        of()
        times.append(time.perf_counter() - started)
    with CaptureQueriesContext(connection) as queries:
        of()
    return min(times), len(queries)


def _calendar(location: Location, size: int) -> tuple[CalendarLink, Outlook]:
    """Both sides in agreement, from tomorrow on, a quarter of an hour each."""
    resource = Resource.objects.create(location=location, name=f"Room {size}", time_zone="UTC")
    exchange, _made = ExchangeConnection.objects.get_or_create(
        tenant=location.tenant, wire="ews", name="Exchange"
    )
    email = f"room{size}@example.com"
    mailbox = MemoryMailbox(timezone.now, key=email)
    outlook = Outlook(mailbox)
    CALENDARS[email] = MemoryCalendar(mailbox, page_size=10_000)
    now = timezone.now()
    calendar = CalendarLink.objects.create(
        resource=resource, connection=exchange, email=email, lease_until=now, due_at=now
    )
    start = now.replace(minute=0, second=0, microsecond=0) + dt.timedelta(days=1)
    for number in range(size):
        outlook.book(start + number * QUARTER, start + (number + 1) * QUARTER)
    settings.SYNC_WORKS_FOR_S = 3600
    _fill(calendar)
    return calendar, outlook


def _fill(calendar: CalendarLink) -> None:
    """Bookings and links at one stroke, where the first sync would take them one by one."""
    lease = acquire(calendar.pk, timezone.now)
    assert lease is not None  # noqa: S101 -- nobody else is there
    run = SyncRun.objects.create(
        calendar=calendar, trigger=SyncRun.Trigger.COMMAND, started_at=timezone.now()
    )
    session = services.open_session(calendar, run, lease, timezone.now)
    prove(session)
    pull(session)
    lease.release()
    rows = list(RemoteEvent.objects.filter(calendar=calendar))
    bookings = Booking.objects.bulk_create(
        [
            Booking(
                resource=calendar.resource,
                origin=Booking.Origin.EXCHANGE,
                title=row.subject,
                person=row.organizer,
                person_email=row.organizer_email,
                starts_at=row.starts_at,
                ends_at=row.ends_at,
                starts_on=row.starts_at.date(),
                starts_time=row.starts_at.time(),
                ends_on=row.ends_at.date(),
                ends_time=row.ends_at.time(),
                time_zone="UTC",
            )
            for row in rows
        ],
        batch_size=1000,
    )
    EventLink.objects.bulk_create(
        [
            EventLink(
                calendar=calendar,
                booking=booking,
                item_id=row.item_id,
                uid=row.uid,
                pushed_revision=booking.revision,
                remote_fingerprint=row.fingerprint,
            )
            for booking, row in zip(bookings, rows, strict=True)
        ],
        batch_size=1000,
    )
