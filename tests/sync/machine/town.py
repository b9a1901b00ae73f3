"""Two resources with a mailbox each, what people did to them, and what must hold in the end."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from apps.bookings.models import Booking
from apps.exchange import errors
from apps.exchange.calendar import Content, EventKey, EventRef, Parts, ShowAs
from apps.exchange.memory import EVER, MemoryCalendar
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Location
from apps.sync import connecting, deciding, leave
from apps.sync.models import CalendarLink, Conflict, EventLink, SyncChange
from apps.sync.session import window_of
from apps.tenants.models import Tenant
from tests.factories import LocationFactory, ResourceFactory
from tests.sync.world import CALENDARS, World, make_world, mirror_equals_calendar

MINUTE = dt.timedelta(minutes=1)
State = CalendarLink.State


class Crash(BaseException):
    """The worker is gone."""


@dataclass(slots=True)
class LatePort(MemoryCalendar):
    """A port whose next write can be lost on the way, and land later than anybody waits."""

    loses_next: bool = False
    landings: list[Callable[[], object]] = field(default_factory=list)

    def create(self, content: Content, *, stamp: str, attempt_id: str) -> EventRef:
        self._lose(lambda: self.land_create(content, stamp=stamp, attempt_id=attempt_id))
        return MemoryCalendar.create(self, content, stamp=stamp, attempt_id=attempt_id)

    def update(self, ref: EventRef, content: Content, parts: Parts) -> EventRef:
        self._lose(lambda: MemoryCalendar.update(self, ref, content, parts))
        return MemoryCalendar.update(self, ref, content, parts)

    def delete(self, ref: EventRef) -> None:
        self._lose(lambda: MemoryCalendar.delete(self, ref))
        MemoryCalendar.delete(self, ref)

    def decline(self, ref: EventRef) -> None:
        self._lose(lambda: MemoryCalendar.decline(self, ref))
        MemoryCalendar.decline(self, ref)

    def _lose(self, landing: Callable[[], object]) -> None:
        if self.loses_next:
            self.loses_next = False
            self.landings.append(landing)
            raise errors.Unclear("No answer came back.")


@dataclass
class Room:
    """A world, and what was done in it."""

    world: World
    port: LatePort
    # What somebody took away or allowed to go: these need not block in the end.
    given_up_events: set[EventKey] = field(default_factory=set)
    # Where an event went whose id changed.
    now_at: dict[str, str] = field(default_factory=dict)
    made: list[EventKey] = field(default_factory=list)
    lost_at: dict[int, dt.datetime] = field(default_factory=dict)
    mailbox_was_replaced: bool = False

    def land(self) -> None:
        """What was lost on the way arrives after all; what was changed meanwhile refuses it."""
        landings, self.port.landings = self.port.landings, []
        hook, self.port.hook = self.port.hook, lambda _name, _when: None
        for landing in landings:
            with contextlib.suppress(errors.ExchangeError, KeyError):
                landing()
        self.port.hook = hook

    def lies_at(self, item_id: str, key: EventKey) -> None:
        """It came back; some wires tell it by the id that it had."""
        if key.item_id != item_id:
            self.now_at[item_id] = key.item_id

    def current(self, key: EventKey) -> EventKey:
        item_id = key.item_id
        while item_id in self.now_at:
            item_id = self.now_at[item_id]
        return EventKey(item_id, key.original_start)


@dataclass
class Town:
    tenant: Tenant
    location: Location
    rooms: list[Room]
    given_up: set[int] = field(default_factory=set)
    had_policy: bool = False
    may_mail: bool = False

    @classmethod
    def found(cls, start: dt.datetime, zone: str) -> Town:
        location = LocationFactory.create(tenant__window_days=14, tenant__time_zone=zone)
        rooms = []
        for _number in range(2):
            resource = ResourceFactory.create(location=location, time_zone=zone)
            email = f"room{os.urandom(4).hex()}@example.com"
            resource.calendar_email = email
            resource.save()
            world = make_world(resource, email=email)
            world.now = world.start = start
            port = LatePort(world.mailbox)
            world.port = port
            CALENDARS[email] = port
            rooms.append(Room(world, port))
        return cls(location.tenant, location, rooms)

    def later(self, by: dt.timedelta) -> None:
        for room in self.rooms:
            room.world.later(by)

    @property
    def now(self) -> dt.datetime:
        return self.rooms[0].world.now

    def at(self, hours: float) -> dt.datetime:
        hour = self.now.replace(minute=0, second=0, microsecond=0)
        return hour + dt.timedelta(hours=hours)

    # --- What people take away ----------------------------------------------------------------

    def gives_up_event(self, room: Room, key: EventKey) -> None:
        """Somebody took this event away: its booking may go, and it need not block."""
        room.given_up_events.add(key)
        links = EventLink.objects.filter(calendar=room.world.calendar, item_id=key.item_id)
        if key.original_start:
            links = links.filter(original_start=key.original_start)
        self.given_up |= set(links.values_list("booking", flat=True))
        stored = room.world.mailbox.items.get(key.item_id)
        if stored is not None and stored.event.attempt_id:
            # Not linked yet, but on its way there.
            tried = EventLink.objects.filter(attempt_id=stored.event.attempt_id)
            self.given_up |= set(tried.values_list("booking", flat=True))

    def gives_up_booking(self, booking: Booking) -> None:
        self.given_up.add(booking.pk)
        for room in self.rooms:
            links = EventLink.objects.filter(calendar=room.world.calendar, booking=booking)
            room.given_up_events |= {link.key for link in links}

    def gives_up_conflict(self, conflict: Conflict) -> None:
        """A person decides: whatever is named may go."""
        for booking in (conflict.booking, conflict.other):
            if booking is not None:
                self.gives_up_booking(booking)
        room = self.room_of(conflict.calendar_id)
        if conflict.item_id:
            self.gives_up_event(room, EventKey(conflict.item_id, conflict.original_start))

    def room_of(self, calendar_id: int) -> Room:
        return next(room for room in self.rooms if room.world.calendar.pk == calendar_id)

    def gives_up_by_policy(self) -> None:
        """Where the tenant's choice decided, what it decided against may have gone."""
        if self.had_policy:
            rows = SyncChange.objects.filter(operation__in=("CancelAsStaff", "CancelLocal"))
            for change in rows.filter(is_loss=False).select_related("booking"):
                if change.booking is not None:
                    self.gives_up_booking(change.booking)
            for link in EventLink.objects.filter(booking__in=self.given_up):
                self.room_of(link.calendar_id).given_up_events.add(link.key)

    # --- Quiet at the end ---------------------------------------------------------------------

    def quiet(self) -> None:
        for room in self.rooms:
            self._calm(room)
        for number in range(9):
            self.later(6 * MINUTE)
            for room in self.rooms:
                self._mend(room)
                room.world.sync(is_full=number % 2 == 0)
            self._decide_everything()
        self.later(6 * MINUTE)
        for room in self.rooms:
            report = room.world.sync(is_full=True)
            assert not report.counts, (report, self.open_conflicts())
            assert mirror_equals_calendar(room.world)
        self.check()

    def _calm(self, room: Room) -> None:
        """Nothing goes wrong any more."""
        world = room.world
        room.port.hook = lambda _name, _when: None
        room.port.page_size = 100
        room.port.loses_next = False
        room.land()
        world.mailbox.can_open = True
        for item_id, stored in world.mailbox.items.items():
            if stored.problem:
                stored.problem = ""
                world.mailbox.log.append(item_id)
            for event in stored.events(EVER):
                if event.show_as is ShowAs.UNKNOWN:
                    world.outlook.change(event.key, show_as=ShowAs.BUSY)

    def _mend(self, room: Room) -> None:
        """A person looks at what has stopped, and presses the button beside it."""
        ExchangeConnection.objects.update(stopped_at=None, paused_until=None)
        EventLink.objects.update(not_before=None)
        calendar = room.world.calendar
        calendar.refresh_from_db()
        if calendar.state == State.NOT_CONNECTED:
            self.connect(room)
        elif room.mailbox_was_replaced and calendar.mailbox_key != room.world.mailbox.key:
            self.leave(room, keeps_ours_there=True, keeps_theirs_here=False)
            calendar.refresh_from_db()
            self.connect(room)
        elif calendar.state in {State.NEEDS_ATTENTION, State.PAUSED, State.WAITING}:
            connecting.try_again(calendar)

    def _decide_everything(self) -> None:
        for link in EventLink.objects.exclude(held="").filter(decision=""):
            self.gives_up_booking(link.booking)
            link.decision = "apply"
            link.save()
        CalendarLink.objects.update(are_sends_approved=True)
        for conflict in Conflict.objects.open().select_related("booking", "other"):
            choices = deciding.CHOICES[conflict.kind]
            if conflict.decision in {"", "leave"}:
                choice = "ours" if conflict.kind == Conflict.Kind.TWIN else choices[-1]
                if conflict.kind == Conflict.Kind.WOULD_MAIL:
                    choice, self.may_mail = "send", True
                if conflict.kind == Conflict.Kind.OVERLAP:
                    choice = "exchange"
                self.gives_up_conflict(conflict)
                conflict.decision = choice
                conflict.save()

    def connect(self, room: Room) -> None:
        calendar = room.world.calendar
        connecting.connect(
            resource=calendar.resource,
            email=calendar.email,
            connection=ExchangeConnection.objects.get(),
        )

    def leave(self, room: Room, *, keeps_ours_there: bool, keeps_theirs_here: bool) -> None:
        calendar = room.world.calendar
        if not keeps_ours_there:
            # Removed there, and sent again when somebody comes back.
            for link in EventLink.objects.current().filter(calendar=calendar):
                if link.booking.is_ours:
                    room.given_up_events.add(link.key)
        if not keeps_theirs_here:
            links = EventLink.objects.current().filter(calendar=calendar)
            for link in links.filter(booking__origin=Booking.Origin.EXCHANGE):
                self.given_up.add(link.booking_id)
        leave.leave(
            calendar,
            keeps_ours_there=keeps_ours_there,
            keeps_theirs_here=keeps_theirs_here,
            now=self.now,
        )

    # --- What must hold ------------------------------------------------------------------------

    def check(self) -> None:
        self.gives_up_by_policy()
        for room in self.rooms:
            here, there = self.blocking_here(room), self.blocking_there(room)
            assert here == there, (sorted(here), sorted(there))
        self._nothing_of_ours_is_lost()
        for room in self.rooms:
            self._nothing_of_exchange_is_lost(room)
            mails = [kind for kind in room.world.mailbox.outbox if kind != "decline"]
            assert self.may_mail or not mails, mails

    def _nothing_of_ours_is_lost(self) -> None:
        for booking in Booking.objects.filter(origin="optixsync").exclude(pk__in=self.given_up):
            assert booking.status == "confirmed", (booking.pk, booking.status)
            links = EventLink.objects.current().filter(booking=booking)
            assert links.count() <= 1, list(links.values())

    def _nothing_of_exchange_is_lost(self, room: Room) -> None:
        gone = {room.current(key) for key in room.given_up_events}
        there = {event.key: event for event in room.world.outlook.blocking()}
        for made in room.made:
            key = room.current(made)
            whole = EventKey(key.item_id)
            assert key in there or key in gone or whole in gone, key

    def blocking_here(self, room: Room) -> list[tuple[dt.datetime, dt.datetime]]:
        asleep = EventLink.objects.filter(calendar=room.world.calendar, state="dormant")
        rows = (
            Booking.objects.blocking()
            .filter(resource=room.world.resource, ends_at__gt=self.now)
            # Kept here when a mailbox was left that is no more.
            .exclude(origin="exchange", pk__in=asleep.values("booking"))
        )
        return self._in_window((row.starts_at, row.ends_at) for row in rows)

    def blocking_there(self, room: Room) -> list[tuple[dt.datetime, dt.datetime]]:
        events = [e for e in room.world.outlook.blocking() if e.ends_at > self.now]
        return self._in_window((event.starts_at, event.ends_at) for event in events)

    def _in_window(
        self, spans: Iterable[tuple[dt.datetime, dt.datetime]]
    ) -> list[tuple[dt.datetime, dt.datetime]]:
        window = window_of(self.now, self.tenant.window_days)
        return sorted(span for span in spans if window.overlaps(*span))

    def open_conflicts(self) -> list[dict[str, object]]:
        names = ("kind", "ours", "exchange", "decision", "versions")
        return list(Conflict.objects.open().values(*names))
