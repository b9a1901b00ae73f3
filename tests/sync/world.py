"""A resource, its mailbox in memory, and a clock that tests move."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field

from django.utils import timezone

from apps.bookings import services as bookings
from apps.bookings.models import Booking
from apps.bookings.walltime import Span
from apps.exchange.calendar import Calendar, CalendarEvent
from apps.exchange.memory import MemoryCalendar, MemoryMailbox, Outlook
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Resource
from apps.sync import services
from apps.sync.mapping import Kept, masked
from apps.sync.models import CalendarLink, Conflict, EventLink, RemoteEvent
from apps.sync.services import Report
from apps.sync.session import window_of

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
    # What hours are counted from.
    start: dt.datetime = NOW
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
        starts_at = self.at(hours)
        return bookings.book(
            resource=self.resource,
            span=Span.between(starts_at, starts_at + length, self.resource.time_zone),
            title=title,
            by=None,
        )

    def move(self, booking: Booking, hours: float) -> Booking:
        booking.refresh_from_db()
        starts_at = self.at(hours)
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
        return self.start + dt.timedelta(hours=hours)


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
    """Whether the mirror tells what the mailbox holds in the window, as far as it may be kept."""
    window = window_of(world.now, world.resource.tenant.window_days)
    kept = Kept(world.resource.tenant.kept_details)
    there = {
        event.key: event
        for item_id in world.mailbox.items
        for event in world.mailbox.events(item_id, window)
        if window.overlaps(event.starts_at, event.ends_at)
    }
    here = {
        row.key: row
        for row in RemoteEvent.objects.filter(calendar=world.calendar, gone_at=None)
        if window.overlaps(row.starts_at, row.ends_at)
    }
    return here.keys() == there.keys() and all(
        _tells(here[key], masked(event, kept, is_ours=_is_ours(world, event)))
        for key, event in there.items()
    )


def _tells(row: RemoteEvent, event: CalendarEvent) -> bool:
    names = (
        "starts_at", "ends_at", "change_key", "is_all_day", "is_cancelled", "is_declined",
        "is_private", "is_invitation", "has_attendees", "subject", "organizer",
    )  # fmt: skip
    return (
        not row.problem
        and row.show_as == event.show_as
        and all(getattr(row, name) == getattr(event, name) for name in names)
    )


def _is_ours(world: World, event: CalendarEvent) -> bool:
    """Whether its words are our own: of the pair that it is in, or of the attempt that made it."""
    links = EventLink.objects.filter(calendar=world.calendar).select_related("booking")
    item_id, start = event.key.item_id, event.key.original_start
    for link in links.current().filter(item_id=item_id, original_start=start):
        return link.booking.is_ours
    tried = links.filter(attempt_id=event.attempt_id) if event.attempt_id else links.none()
    return any(event.stamp.endswith(f":{link.booking.uuid}") for link in tried)
