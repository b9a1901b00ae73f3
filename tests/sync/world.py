"""A resource, its mailbox in memory, and a clock that tests move."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from django.utils import timezone

from apps.bookings import services as bookings
from apps.bookings.models import Booking
from apps.bookings.walltime import Span
from apps.exchange.calendar import Calendar
from apps.exchange.memory import MemoryCalendar, MemoryMailbox, Outlook
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Resource
from apps.sync import services
from apps.sync.models import CalendarLink, Conflict, EventLink, RemoteEvent
from apps.sync.services import Report

NOW = dt.datetime(2027, 3, 1, 9, 0, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)

# By email: what the engine's factory hands out in tests.
CALENDARS: dict[str, MemoryCalendar] = {}


def calendar_for(connection: ExchangeConnection, email: str) -> Calendar:
    return CALENDARS[email]


@dataclass
class World:
    resource: Resource
    calendar: CalendarLink
    now: dt.datetime = NOW
    mailbox: MemoryMailbox = field(init=False)
    port: MemoryCalendar = field(init=False)
    outlook: Outlook = field(init=False)

    def __post_init__(self) -> None:
        self.mailbox = MemoryMailbox(self.clock, key=f"mailbox of {self.calendar.email}")
        self.port = MemoryCalendar(self.mailbox)
        self.outlook = Outlook(self.mailbox)
        CALENDARS[self.calendar.email] = self.port

    def clock(self) -> dt.datetime:
        return self.now

    @property
    def connection_id(self) -> int:
        return self.calendar.connection_id or 0

    def later(self, by: dt.timedelta) -> None:
        self.now += by

    def sync(self, *, is_full: bool = False) -> Report:
        report = services.sync_calendar(self.calendar.pk, is_full=is_full, clock=self.clock)
        self.calendar.refresh_from_db()
        assert self.calendar.error_kind != services.UNEXPECTED, self.calendar.cause
        return report

    def book(self, hours: float, title: str = "Stand-up", length: dt.timedelta = HOUR) -> Booking:
        """A booking of ours, so many hours from the start of the test."""
        starts_at = NOW + dt.timedelta(hours=hours)
        return bookings.book(
            resource=self.resource,
            span=Span.between(starts_at, starts_at + length, self.resource.time_zone),
            title=title,
            by=None,
        )

    def move(self, booking: Booking, hours: float) -> Booking:
        booking.refresh_from_db()
        starts_at = NOW + dt.timedelta(hours=hours)
        length = booking.ends_at - booking.starts_at
        span = Span.between(starts_at, starts_at + length, self.resource.time_zone)
        return bookings.change(booking=booking, revision=booking.revision, by=None, span=span)

    def cancel(self, booking: Booking) -> Booking:
        booking.refresh_from_db()
        return bookings.cancel(booking=booking, revision=booking.revision, by=None)

    def blocking_here(self) -> list[tuple[dt.datetime, dt.datetime]]:
        rows = Booking.objects.blocking().filter(resource=self.resource)
        return sorted((row.starts_at, row.ends_at) for row in rows)

    def blocking_there(self) -> list[tuple[dt.datetime, dt.datetime]]:
        return sorted((event.starts_at, event.ends_at) for event in self.outlook.blocking())

    def only_booking(self) -> Booking:
        return Booking.objects.get(resource=self.resource)

    def conflicts(self) -> list[Conflict]:
        return list(Conflict.objects.undecided().filter(calendar=self.calendar))

    def held(self) -> list[EventLink]:
        return list(EventLink.objects.filter(calendar=self.calendar).exclude(held=""))

    def at(self, hours: float) -> dt.datetime:
        return NOW + dt.timedelta(hours=hours)


def make_world(resource: Resource, email: str = "room@example.com") -> World:
    connection, _made = ExchangeConnection.objects.get_or_create(
        tenant=resource.tenant, wire="ews", name="Exchange"
    )
    calendar = CalendarLink.objects.create(
        resource=resource,
        connection=connection,
        email=email,
        lease_until=NOW - DAY,
        due_at=timezone.now(),
    )
    return World(resource, calendar)


def mirror_equals_calendar(world: World) -> bool:
    """Whether the mirror tells what the mailbox holds in the window."""
    from apps.sync.session import window_of  # noqa: PLC0415

    window = window_of(world.now, world.resource.tenant.window_days)
    there = {
        (event.key, event.starts_at, event.ends_at, event.change_key)
        for item_id in world.mailbox.items
        for event in world.mailbox.events(item_id, window)
        if window.overlaps(event.starts_at, event.ends_at)
    }
    rows = RemoteEvent.objects.filter(calendar=world.calendar, gone_at=None)
    here = {
        (row.key, row.starts_at, row.ends_at, row.change_key)
        for row in rows
        if window.overlaps(row.starts_at, row.ends_at)
    }
    return here == there
