"""What people do: staff with bookings, their colleagues in Outlook with events."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable
from dataclasses import replace

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine

from apps.bookings import services as bookings
from apps.bookings.errors import BookingError
from apps.bookings.models import Booking
from apps.bookings.walltime import Span
from apps.exchange.calendar import EventKey, ShowAs
from apps.exchange.memory import EVER, occurrence
from apps.exchange.recurrence import EVERY_DAY, WORKING_DAYS, Frequency, Nth, Pattern
from tests.sync.machine.deeds import deed
from tests.sync.machine.town import Room, Town
from tests.sync.world import DAY, HOUR

# From the past into what lies beyond the window of two weeks; some hours are sought by all.
HOURS = st.one_of(
    st.sampled_from([2, 5, 6, 7, 30, 31, 52]), st.integers(-30, 72), st.integers(72, 24 * 16)
)
PICK = st.integers(0, 50)
ROOM = st.integers(0, 1)
ZONES = st.sampled_from(["UTC", "Europe/London", "Australia/Sydney", "America/New_York"])
PATTERNS = [
    Pattern(Frequency.DAILY, 1),
    Pattern(Frequency.DAILY, 3),
    Pattern(Frequency.WEEKLY, 1, WORKING_DAYS),
    Pattern(Frequency.MONTHLY, 1, day_of_month=31),
    Pattern(Frequency.MONTHLY_RELATIVE, 1, WORKING_DAYS, nth=Nth.LAST),
    Pattern(Frequency.MONTHLY_RELATIVE, 1, EVERY_DAY, nth=Nth.FIRST),
]


class Base(RuleBasedStateMachine):
    town: Town

    def room(self, number: int) -> Room:
        return self.town.rooms[number]

    def try_to(self, what: Callable[[], object]) -> None:
        with contextlib.suppress(BookingError):
            what()

    def bookings(self, **fields: object) -> list[Booking]:
        return list(Booking.objects.filter(**fields).order_by("pk"))

    def pick(self, rows: list[Booking], pick: int) -> Booking | None:
        return rows[pick % len(rows)] if rows else None

    def live(self, pick: int) -> Booking | None:
        rows = [row for row in self.bookings() if row.status != "cancelled"]
        return self.pick(rows, pick)

    def key(self, room: Room, pick: int) -> EventKey | None:
        mailbox = room.world.mailbox
        keys = [event.key for item in sorted(mailbox.items) for event in mailbox.events(item, EVER)]
        return keys[pick % len(keys)] if keys else None

    def series_id(self, room: Room, pick: int) -> str | None:
        items = sorted(room.world.mailbox.items.items())
        found = [item_id for item_id, stored in items if stored.series]
        return found[pick % len(found)] if found else None


class Staff(Base):
    @deed(number=ROOM, hours=HOURS, length=st.sampled_from([1, 1, 3, 26]))
    def book(self, number: int, hours: int, length: int) -> None:
        world = self.room(number).world

        def do() -> None:
            starts_at = self.town.at(hours)
            made = bookings.book(
                resource=world.resource,
                span=Span.between(starts_at, starts_at + length * HOUR, world.resource.time_zone),
                title=f"Booking {hours}",
                person="Ann",
                by=None,
            )
            Booking.objects.filter(pk=made.pk).update(created_at=self.town.now)

        self.try_to(do)

    @deed(number=ROOM, days=st.integers(-1, 15), length=st.integers(1, 2))
    def book_days(self, number: int, days: int, length: int) -> None:
        world = self.room(number).world
        first = (self.town.now + days * DAY).date()
        span = Span.days(first, first + (length - 1) * DAY, world.resource.time_zone)
        self.try_to(
            lambda: bookings.book(resource=world.resource, span=span, title="All day", by=None)
        )

    @deed(pick=PICK, hours=HOURS, other_room=st.sampled_from([False, False, True]))
    def move_booking(self, pick: int, hours: int, other_room: bool) -> None:
        booking = self.live(pick)
        if booking is None:
            return
        resources = [room.world.resource for room in self.town.rooms]
        resource = next(r for r in resources if (r.pk == booking.resource_id) is not other_room)
        starts_at = self.town.at(hours)
        span = Span.between(starts_at, starts_at + HOUR, resource.time_zone)
        self.try_to(
            lambda: bookings.change(
                booking=booking, revision=booking.revision, by=None, span=span, resource=resource
            )
        )

    @deed(pick=PICK, title=st.sampled_from(["Title A", "Title B", "  odd \n title "]))
    def retitle_booking(self, pick: int, title: str) -> None:
        booking = self.live(pick)
        if booking is not None:
            self.try_to(
                lambda: bookings.change(
                    booking=booking, revision=booking.revision, by=None, title=title
                )
            )

    @deed(pick=PICK)
    def cancel_booking(self, pick: int) -> None:
        booking = self.live(pick)
        if booking is not None:
            self.town.gives_up_booking(booking)
            self.try_to(
                lambda: bookings.cancel(booking=booking, revision=booking.revision, by=None)
            )

    @deed(pick=PICK)
    def restore_booking(self, pick: int) -> None:
        row = self.pick(self.bookings(status="cancelled"), pick)
        if row is not None:
            self.try_to(lambda: bookings.restore(booking=row, revision=row.revision, by=None))

    @deed(number=ROOM, zone=ZONES)
    def rezone(self, number: int, zone: str) -> None:
        resource = self.room(number).world.resource
        self.try_to(lambda: bookings.rezone(resource=resource, time_zone=zone, by=None))


class Colleagues(Base):
    @deed(
        number=ROOM,
        hours=HOURS,
        minutes=st.sampled_from([60, 60, 30, 26 * 60, 0]),
        is_private=st.booleans(),
        kind=st.sampled_from(["appointment", "invitation", "free", "declined"]),
    )
    def event(self, number: int, hours: int, minutes: int, is_private: bool, kind: str) -> None:
        room, starts_at = self.room(number), self.town.at(hours)
        kinds: dict[str, dict[str, object]] = {
            "appointment": {},
            "invitation": {"is_invitation": True, "has_attendees": True},
            "free": {"show_as": ShowAs.FREE},
            "declined": {"is_declined": True},
        }
        key = room.world.outlook.book(
            starts_at,
            starts_at + dt.timedelta(minutes=minutes),
            f"Secret {hours}" if is_private else f"Meeting {hours}",
            is_private=is_private,
            **kinds[kind],
        )
        if kind in {"appointment", "invitation"} and minutes:
            room.made.append(key)

    @deed(number=ROOM, days=st.integers(-1, 15), zone=ZONES)
    def day(self, number: int, days: int, zone: str) -> None:
        room = self.room(number)
        first = (self.town.now + days * DAY).date()
        starts_at, ends_at = Span.days(first, first, zone).instants()
        room.made.append(room.world.outlook.book(starts_at, ends_at, "All day", is_all_day=True))

    @deed(
        number=ROOM, hours=HOURS, pattern=st.sampled_from(PATTERNS), zone=ZONES,
        count=st.integers(1, 6),
    )  # fmt: skip
    def series(self, number: int, hours: int, pattern: Pattern, zone: str, count: int) -> None:
        room = self.room(number)
        room.made += room.world.outlook.book_series(
            self.town.at(hours), HOUR, pattern=pattern, count=count, time_zone=zone
        )

    @deed(number=ROOM, pick=PICK, hours=HOURS)
    def move_event(self, number: int, pick: int, hours: int) -> None:
        room = self.room(number)
        key = self.key(room, pick)
        if key is not None:
            room.world.outlook.move(key, self.town.at(hours))

    @deed(number=ROOM, pick=PICK)
    def rename_event(self, number: int, pick: int) -> None:
        room = self.room(number)
        key = self.key(room, pick)
        if key is not None:
            room.world.outlook.change(key, subject=f"Renamed {pick}")

    @deed(number=ROOM, pick=PICK)
    def make_all_day(self, number: int, pick: int) -> None:
        room = self.room(number)
        key = self.key(room, pick)
        if key is not None:
            starts_at = occurrence(room.world.mailbox, key).starts_at
            first = starts_at.astimezone(dt.UTC).replace(hour=0, minute=0)
            room.world.outlook.change(key, starts_at=first, ends_at=first + DAY, is_all_day=True)

    @deed(number=ROOM, pick=PICK, show_as=st.sampled_from(ShowAs))
    def show_as(self, number: int, pick: int, show_as: ShowAs) -> None:
        room = self.room(number)
        key = self.key(room, pick)
        if key is not None:
            if show_as is ShowAs.FREE:
                self.town.gives_up_event(room, key)
            room.world.outlook.change(key, show_as=show_as)

    @deed(number=ROOM, pick=PICK, is_private=st.booleans())
    def make_private(self, number: int, pick: int, is_private: bool) -> None:
        room = self.room(number)
        key = self.key(room, pick)
        if key is not None:
            room.world.outlook.change(key, is_private=is_private)

    @deed(number=ROOM, pick=PICK)
    def add_guests(self, number: int, pick: int) -> None:
        room = self.room(number)
        key = self.key(room, pick)
        if key is not None:
            room.world.outlook.change(key, has_attendees=True)

    @deed(number=ROOM, pick=PICK)
    def cancel_event(self, number: int, pick: int) -> None:
        room = self.room(number)
        key = self.key(room, pick)
        if key is not None:
            self.town.gives_up_event(room, key)
            room.world.outlook.change(key, is_cancelled=True)

    @deed(number=ROOM, pick=PICK, whole=st.booleans())
    def delete_event(self, number: int, pick: int, whole: bool) -> None:
        room = self.room(number)
        key = self.key(room, pick)
        if key is not None:
            key = EventKey(key.item_id) if whole else key
            self.town.gives_up_event(room, key)
            room.world.outlook.delete(key)

    @deed(number=ROOM, pick=PICK)
    def put_back(self, number: int, pick: int) -> None:
        room = self.room(number)
        trash = sorted(room.world.mailbox.trash)
        if trash:
            item_id = trash[pick % len(trash)]
            room.lies_at(item_id, room.world.outlook.put_back(item_id))

    @deed(number=ROOM, pick=PICK)
    def refile(self, number: int, pick: int) -> None:
        room = self.room(number)
        key = self.key(room, pick)
        if key is not None:
            room.lies_at(key.item_id, room.world.outlook.refile(key.item_id))

    @deed(number=ROOM, pick=PICK, hours=HOURS)
    def copy_event(self, number: int, pick: int, hours: int) -> None:
        room = self.room(number)
        key = self.key(room, pick)
        if key is not None:
            room.world.outlook.copy(key, self.town.at(hours))

    @deed(number=ROOM, pick=PICK)
    def double_event(self, number: int, pick: int) -> None:
        """Two items with one UID, stamp and attempt, as real mailboxes have them."""
        room = self.room(number)
        key = self.key(room, pick)
        if key is not None:
            mailbox = room.world.mailbox
            mailbox.put(mailbox.new_id(), replace(mailbox.items[key.item_id]))

    @deed(number=ROOM, first=PICK, second=PICK)
    def swap_events(self, number: int, first: int, second: int) -> None:
        room = self.room(number)
        one, two = self.key(room, first), self.key(room, second)
        if one is not None and two is not None and one != two:
            starts = [occurrence(room.world.mailbox, key).starts_at for key in (one, two)]
            room.world.outlook.move(one, starts[1])
            room.world.outlook.move(two, starts[0])


class Organisers(Base):
    """Series as a whole."""

    @deed(number=ROOM, pick=PICK, hours=st.sampled_from([-24, 1, 3, 24, 24 * 7]))
    def shift_series(self, number: int, pick: int, hours: int) -> None:
        room = self.room(number)
        item_id = self.series_id(room, pick)
        if item_id is not None:
            room.given_up_events.add(EventKey(item_id))
            room.world.outlook.shift_series(item_id, dt.timedelta(hours=hours))

    @deed(number=ROOM, pick=PICK, count=st.integers(1, 3))
    def cut_series(self, number: int, pick: int, count: int) -> None:
        room = self.room(number)
        item_id = self.series_id(room, pick)
        if item_id is not None:
            self.town.gives_up_event(room, EventKey(item_id))
            room.world.outlook.cut_series(item_id, count)

    @deed(number=ROOM, pick=PICK)
    def make_single(self, number: int, pick: int) -> None:
        room = self.room(number)
        item_id = self.series_id(room, pick)
        if item_id is not None:
            self.town.gives_up_event(room, EventKey(item_id))
            room.world.outlook.make_single(item_id)

    @deed(number=ROOM, pick=PICK)
    def make_series(self, number: int, pick: int) -> None:
        room = self.room(number)
        key = self.key(room, pick)
        if key is not None and not key.original_start:
            room.given_up_events.add(key)
            room.world.outlook.make_series(key.item_id, days=1, count=3)
