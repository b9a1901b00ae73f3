"""Sync over EWS against bare exchangelib on the same server, bookings pushed, and how soon a change is heard."""

from __future__ import annotations

import cProfile
import datetime as dt
import os
import pstats
import signal
import statistics
import subprocess
import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.management import call_command
from django.db import connection as database
from django.utils import timezone
from django_q.tasks import async_task
from exchangelib import IMPERSONATION, Account, Configuration, Credentials
from exchangelib.ewsdatetime import UTC, EWSDateTime
from exchangelib.items import CalendarItem
from exchangelib.version import EXCHANGE_2016, Version
from lxml import etree

from apps.bookings import services as bookings
from apps.bookings.models import Booking
from apps.bookings.walltime import Span
from apps.exchange.calendar import Window
from apps.exchange.ews import xml
from apps.exchange.ews.calendar import EwsCalendar
from apps.exchange.ews.mapping import event
from apps.exchange.ews.services import find_in_view
from apps.exchange.ews.wire import Wire
from apps.exchange.models import ExchangeConnection
from apps.exchange.secrets import seal
from apps.resources.models import Location, Resource
from apps.sync.models import CalendarLink
from apps.sync.session import window_of
from apps.tenants.models import Tenant
from benchmarks.measuring import megabytes, seconds, sync, told
from benchmarks.sandbox import ACCOUNT, BASE_DIR, DOMAIN, PASSWORD, Sandbox, running, wait_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVENTS = 1_000
PUSHED = 50
CHANGES = 20
KEY = "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtMTI="
# What the sync reads of each event, in exchangelib's words.
FIELDS = (
    "subject", "sensitivity", "datetime_created", "parent_folder_id", "uid", "start", "end",
    "original_start", "is_all_day", "legacy_free_busy_status", "is_meeting", "is_cancelled",
    "is_recurring", "type", "my_response_type", "appointment_state", "organizer",
)  # fmt: skip


def run() -> None:
    call_command("migrate", verbosity=0)
    settings.FIELD_ENCRYPTION_KEYS = [KEY]
    settings.EXCHANGE_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = ["127.0.0.1"]
    settings.CALENDAR_FACTORY = "apps.exchange.services.calendar_for"
    settings.SYNC_WORKS_FOR_S = 3600
    with running() as sandbox:
        place = Place(sandbox)
        reading(place)
        parsing(place)
        pushing(place)
        hearing(place)


class Place:
    """A tenant, its connection, and rooms with a mailbox each."""

    domain = DOMAIN

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        tenant, _made = Tenant.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
        self.location, _made = Location.objects.get_or_create(tenant=tenant, name="Bench")
        self.connection = ExchangeConnection.objects.create(
            tenant=tenant, wire="ews", name="Bench over EWS", server=sandbox.url,
            server_url=sandbox.ews_url, email=ACCOUNT, sealed_password=seal(PASSWORD),
            sign_in="basic",
        )  # fmt: skip
        self.start = timezone.now().replace(minute=0, second=0, microsecond=0) + dt.timedelta(1)
        self.window = window_of(timezone.now(), tenant.window_days)

    def room(self, name: str, events: int = 0) -> CalendarLink:
        email = f"{name}@{self.domain}"
        self.sandbox.control("mailbox", domain=self.domain, address=email)
        if events:
            self.sandbox.control(
                "fill", address=email, count=events, start=self.start.isoformat(), apart=120
            )
        now = timezone.now()
        return CalendarLink.objects.create(
            resource=Resource.objects.create(location=self.location, name=name, time_zone="UTC"),
            connection=self.connection,
            email=email,
            lease_until=now,
            due_at=now,
        )

    def requests(self, of: Callable[[], object]) -> list[str]:
        self.sandbox.forget_requests()
        of()
        return self.sandbox.requests()


# --- Reading ---------------------------------------------------------------------------------------


def reading(place: Place) -> None:
    calendars = [place.room(f"reading{number}", EVENTS) for number in range(4)]
    bare_view = partial(_bare_view, place, calendars[0].email)
    bare_sync = partial(_bare_sync, place, calendars[0].email)
    bare_view()
    first = min(seconds(partial(sync, one)) for one in calendars[:2])
    read = min(seconds(partial(_read_only, place, calendars[0])) for _number in range(3))
    view, listed = (min(seconds(one) for _n in range(3)) for one in (bare_view, bare_sync))
    first_requests = place.requests(partial(sync, calendars[2]))
    view_requests, sync_requests = place.requests(bare_view), place.requests(bare_sync)
    print(
        f"EWS, first sync of {EVENTS:,} events: {len(first_requests)} requests "
        f"({told(first_requests)}); bare exchangelib {len(view_requests)} by view, "
        f"{len(sync_requests)} by sync_items"
    )
    print(
        f"EWS, reading them alone: {read / view:.2f} times bare exchangelib's view, "
        f"{read / listed:.2f} times its sync_items ({1e3 * read:.0f}, {1e3 * view:.0f}, "
        f"{1e3 * listed:.0f} ms)"
    )
    print(
        f"EWS, the whole first sync, with a booking, a link and a log row of each: "
        f"{first / view:.2f} times bare exchangelib's view ({1e3 * first:.0f} ms)"
    )
    ours, theirs = megabytes(partial(sync, calendars[3])), megabytes(bare_view)
    print(f"EWS, peak memory: first sync {ours:.1f} MB, bare exchangelib {theirs:.1f} MB")
    sync(calendars[0])
    idle = min(seconds(partial(sync, calendars[0])) for _number in range(3))
    idle_requests = place.requests(partial(sync, calendars[0]))
    print(
        f"EWS, nothing new: {len(idle_requests)} request ({told(idle_requests)}), "
        f"{idle / view:.3f} times bare exchangelib's view ({1e3 * idle:.0f} ms)"
    )


def _read_only(place: Place, calendar: CalendarLink) -> None:
    """Everything that a first sync asks for, without a database."""
    port = EwsCalendar(Wire(place.connection.settings, calendar.email))
    port.open()
    cursor, is_last = "", False
    while not is_last:
        page = port.advance(cursor, place.window)
        cursor, is_last = page.cursor, page.is_last
    after = ""
    count = 0
    while True:
        shown = port.view(place.window, after)
        count += len(shown.events)
        if not shown.next:
            break
        after = shown.next
    assert count == EVENTS, count  # noqa: S101


def _account(place: Place, email: str) -> Account:
    return Account(
        email,
        config=Configuration(
            service_endpoint=place.sandbox.ews_url,
            credentials=Credentials(ACCOUNT, PASSWORD),
            auth_type="basic",
            version=Version(build=EXCHANGE_2016),
        ),
        autodiscover=False,
        access_type=IMPERSONATION,
        default_timezone=UTC,
    )


def _bare_view(place: Place, email: str) -> None:
    account = _account(place, email)
    start, end = (
        EWSDateTime.from_datetime(at.astimezone(ZoneInfo("UTC")))
        for at in (place.window.starts_at, place.window.ends_at)
    )
    found = list(account.calendar.view(start=start, end=end).only(*FIELDS))
    assert len(found) == EVENTS, len(found)  # noqa: S101


def _bare_sync(place: Place, email: str) -> None:
    account = _account(place, email)
    found = list(account.calendar.sync_items(only_fields=FIELDS, max_changes_returned=512))
    assert len(found) == EVENTS, len(found)  # noqa: S101


# --- Parsing ---------------------------------------------------------------------------------------


def parsing(place: Place) -> None:
    email = f"reading0@{DOMAIN}"
    wire = Wire(place.connection.settings, email)
    account = _account(place, email)
    rows = find_in_view(wire, Window(place.start, place.window.ends_at)).items
    content = b"".join(etree.tostring(row) for row in rows)
    whole = b"<r>" + content + b"</r>"
    ours = min(seconds(lambda: [event(row) for row in xml.parse(whole)]) for _number in range(5))
    theirs = min(
        seconds(lambda: [CalendarItem.from_xml(row, account) for row in xml.parse(whole)])
        for _number in range(3)
    )
    print(
        f"EWS, from XML to an event: {1e3 * ours / len(rows):.3f} ms each, exchangelib's items "
        f"{1e3 * theirs / len(rows):.3f} ms: {ours / theirs:.2f} times as long"
    )


# --- Pushing ---------------------------------------------------------------------------------------


def pushing(place: Place) -> None:
    calendar = place.room("pushing")
    sync(calendar)
    for number in range(PUSHED):
        starts_at = place.start + number * dt.timedelta(hours=3)
        span = Span.between(starts_at, starts_at + dt.timedelta(hours=1), "UTC")
        bookings.book(resource=calendar.resource, span=span, title=f"Booking {number}", by=None)
    CalendarLink.objects.filter(pk=calendar.pk).update(are_sends_approved=True)
    took: list[float] = []
    requests = place.requests(lambda: took.append(seconds(partial(sync, calendar))))
    print(
        f"EWS, {PUSHED} bookings pushed: {len(requests) / PUSHED:.2f} requests a booking "
        f"({told(requests)}), {1e3 * took[0] / PUSHED:.0f} ms a booking"
    )


# --- Hearing ---------------------------------------------------------------------------------------


def hearing(place: Place) -> None:
    calendar = place.room("hearing")
    sync(calendar)
    with _processes("worker", "listener"):
        wait_for(lambda: CalendarLink.objects.get(pk=calendar.pk).heard_at is not None, 120)
        delays = [_delay(place, calendar, number) for number in range(CHANGES)]
    delays.sort()
    print(
        f"EWS, from a change in Outlook to its booking, {CHANGES} changes: median "
        f"{statistics.median(delays):.2f} s, 95 % within {delays[int(0.95 * CHANGES) - 1]:.2f} s"
    )


def _delay(place: Place, calendar: CalendarLink, number: int) -> float:
    starts_at = place.start + number * dt.timedelta(hours=2)
    place.sandbox.control(
        "book", address=calendar.email, subject=f"Change {number}", start=starts_at.isoformat(),
        end=(starts_at + dt.timedelta(hours=1)).isoformat(),
    )  # fmt: skip
    rows = Booking.objects.filter(resource=calendar.resource, starts_at=starts_at)
    return wait_for(rows.exists)


@contextmanager
def _processes(*commands: str) -> Iterator[None]:
    """The product's own processes, on this database."""
    host = database.settings_dict
    env = {
        **os.environ,
        "FIELD_ENCRYPTION_KEYS": KEY,
        "EXCHANGE_ALLOWED_NETWORKS": "127.0.0.0/8",
        "EXCHANGE_ALLOW_PLAIN_HTTP_TO": "127.0.0.1",
        "DATABASE_URL": _url(host),
        "LOG_LEVEL": "WARNING",
        "SYNC_EVERY_S": "3600",
        "SYNC_EVERY_WITH_PUSH_S": "3600",
        "SYNC_STALE_AFTER_S": "5000",
    }
    call_command("createcachetable")
    CalendarLink.objects.update(due_at=timezone.now() + dt.timedelta(days=1))
    async_task("time.sleep", 0)
    started = [
        subprocess.Popen(  # noqa: S603 -- ours
            [sys.executable, "manage.py", one], cwd=BASE_DIR, env=env, start_new_session=True
        )
        for one in commands
    ]
    try:
        yield
    finally:
        for one in started:
            os.killpg(one.pid, signal.SIGTERM)
            one.wait(timeout=30)


def _url(host: dict[str, Any]) -> str:
    if host["HOST"]:
        port = host["PORT"] or 5432
        return (
            f"postgresql://{host['USER']}:{host['PASSWORD']}@{host['HOST']}:{port}/{host['NAME']}"
        )
    return f"postgresql://postgres@/{host['NAME']}?host={host['OPTIONS'].get('host', '')}"


def profile(place: Place) -> None:
    """Where a first sync spends its time; not part of the run, for whoever wants to know."""
    calendar = place.room("profiled", EVENTS)
    profiler = cProfile.Profile()
    profiler.runcall(sync, calendar)
    pstats.Stats(profiler).sort_stats("cumulative").print_stats(45)
