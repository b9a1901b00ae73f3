"""A resource and its mailbox in memory, around the present: pages tell the real time."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils import timezone

from apps.bookings import services as bookings
from apps.bookings.models import Booking
from apps.bookings.walltime import Span
from apps.exchange.models import ExchangeConnection
from apps.resources import services as resources
from apps.resources.models import Resource
from apps.sync.models import CalendarLink, EventLink
from tests.sync.world import HOUR, World


@dataclass
class LiveWorld(World):
    """Its clock is the machine's; hours are counted from tomorrow, nine o'clock."""

    def clock(self) -> dt.datetime:
        return timezone.now() + self.ahead

    ahead: dt.timedelta = dt.timedelta()

    def at(self, hours: float) -> dt.datetime:
        today = timezone.now().replace(hour=9, minute=0, second=0, microsecond=0)
        return today + dt.timedelta(days=1, hours=hours)

    def book(self, hours: float, title: str = "Stand-up", length: dt.timedelta = HOUR) -> Booking:
        starts_at = self.at(hours)
        return bookings.book(
            resource=self.resource,
            span=Span.between(starts_at, starts_at + length, self.resource.time_zone),
            title=title,
            by=None,
        )

    def invite(self, hours: float, title: str = "Board") -> Booking:
        """A meeting that somebody called in Outlook, and its booking."""
        key = self.outlook.book(
            self.at(hours),
            self.at(hours + 1),
            title,
            organizer="Olga",
            organizer_email="olga@example.com",
            is_invitation=True,
        )
        self.sync()
        link = EventLink.objects.current().get(calendar=self.calendar, item_id=key.item_id)
        return link.booking

    def overlap(self, hours: float = 24) -> Booking:
        """A booking of ours over an event of Exchange's, after the first sync."""
        self.outlook.book(self.at(hours), self.at(hours + 1), "Team lunch")
        self.sync()
        booking = self.book(hours, "Workshop")
        self.sync()
        return booking

    def lose(self, number: int = 3) -> None:
        """So many events of Exchange's go at once, of one more."""
        keys = [self.outlook.book(self.at(24 * n), self.at(24 * n + 1)) for n in range(number + 1)]
        self.sync()
        for key in keys[:number]:
            self.outlook.delete(key)
        self.sync()


def live_world(resource: Resource, email: str = "room@example.com") -> LiveWorld:
    connection, _made = ExchangeConnection.objects.get_or_create(
        tenant=resource.tenant, wire="ews", name="Exchange"
    )
    resources.set_calendar_email(resource, email)
    now = timezone.now()
    calendar = CalendarLink.objects.create(
        resource=resource, connection=connection, email=email, lease_until=now, due_at=now
    )
    return LiveWorld(resource, calendar)
