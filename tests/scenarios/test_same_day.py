"""One day of bookings and of deeds in Outlook, lived over both wires at once: in the evening all is equal.

The two resources and their mailboxes stand side by side on one server; what is done to one is done
to the other, and both are told by rows and by the sandbox's store, never by a parser of ours.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from apps.bookings import services as bookings
from apps.bookings.models import Booking
from apps.bookings.walltime import Span
from apps.exchange.calendar import EventKey, ShowAs
from apps.resources.models import Location
from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Attendee, Item
from apps.sandbox.store import series as expanding
from apps.sync import deciding
from apps.sync.models import Conflict, EventLink, RemoteEvent
from tests.exchange.ews.sandbox_room import DOMAIN, OLGA
from tests.factories import ResourceFactory
from tests.scenarios.graph_world import furnish_microsoft, make_graph_world
from tests.scenarios.mailbox import STAMP
from tests.scenarios.world import EwsWorld, make_world
from tests.sync.world import DAY, HOUR, mirror_equals_calendar

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)
Facts = tuple[object, ...]
Deed = Callable[["Side"], object]


@dataclass
class Side:
    """One of the two, with the names that the day gives to what is booked."""

    world: EwsWorld
    ours: dict[str, Booking] = field(default_factory=dict)
    theirs: dict[str, EventKey] = field(default_factory=dict)

    # --- What people do --------------------------------------------------------------------------

    def book(self, title: str, hours: float, length: dt.timedelta = HOUR) -> None:
        self.ours[title] = self.world.book(hours, title, length)

    def book_days(self, title: str, day: dt.date, days: int) -> None:
        zone = self.world.resource.time_zone
        span = Span.days(day, day + (days - 1) * DAY, zone)
        self.ours[title] = bookings.book(
            resource=self.world.resource, span=span, title=title, by=None
        )

    def move(self, title: str, hours: float) -> None:
        self.world.move(self.ours[title], hours)

    def cancel(self, title: str) -> None:
        self.world.cancel(self.booking(title))

    def put(self, subject: str, hours: float, hours_long: float = 1, **fields: Any) -> None:
        """Somebody books in Outlook."""
        world = self.world
        self.theirs[subject] = world.outlook.book(
            world.at(hours), world.at(hours + hours_long), subject, **fields
        )

    def put_series(self, subject: str, hours: float, **fields: Any) -> None:
        keys = self.world.outlook.book_series(
            self.world.at(hours), HOUR, days=1, subject=subject, time_zone="Europe/London", **fields
        )
        self.theirs[subject] = EventKey(keys[0].item_id)
        for number, key in enumerate(keys, 1):
            self.theirs[f"{subject} {number}"] = key

    def change(self, name: str, **fields: Any) -> None:
        self.world.outlook.change(self.key(name), **fields)

    def drag(self, name: str, hours: float) -> None:
        """Somebody moves it in Outlook, whoever made it."""
        self.world.outlook.move(self.key(name), self.world.at(hours))

    def delete(self, name: str) -> None:
        self.world.outlook.delete(self.key(name))

    def invite(self, subject: str, hours: float) -> None:
        """Olga invites the room, and its attendant answers."""
        store = self.world.server.store
        room = Attendee(name="The room", address=self.world.calendar.email, role="Resource")
        made = store.create(
            store.mailbox(OLGA).calendar.id,
            {
                "subject": subject, "attendees": (room,),
                "start": self.world.at(hours), "end": self.world.at(hours + 1),
            },
            send=True,
        )  # fmt: skip
        self.theirs[subject] = EventKey(made.id)

    def call_off(self, subject: str) -> None:
        self.world.server.store.cancel(self.theirs[subject].item_id)

    def decide(self, title: str, choice: str) -> None:
        (conflict,) = [one for one in self.world.conflicts() if one.booking == self.booking(title)]
        deciding.decide(conflict, choice, versions=conflict.versions, by=None)

    def apply_held(self) -> None:
        held = [link.pk for link in self.world.held()]
        deciding.decide_held(self.world.calendar, held, applies=True, by=None)

    # --- What is found -----------------------------------------------------------------------------

    def key(self, name: str) -> EventKey:
        """Of an event in the calendar: of a booking of ours by its title, of another by its subject."""
        if name in self.theirs:
            return self.theirs[name]
        booking = self.ours[name]
        (found,) = [one for one in self.items() if str(booking.uuid) in str(one.extended)]
        return EventKey(self.world.mailbox.wire_id(found))

    def items(self) -> list[Item]:
        found: list[Item] = self.world.mailbox.box.calendar.items
        return found

    def booking(self, title: str) -> Booking:
        found: Booking = Booking.objects.get(resource=self.world.resource, title=title)
        return found

    def sync(self) -> bool:
        """Until nothing is left that can be done now; whether nothing waits."""
        for _number in range(6):
            report = self.world.sync()
            if not (report.goes_on or report.counts):
                break
        return mirror_equals_calendar(self.world)

    def bookings(self) -> list[Facts]:
        rows = Booking.objects.filter(resource=self.world.resource)
        return sorted(
            (
                row.starts_at, row.ends_at, row.title, row.status, row.cancelled_by, row.origin,
                row.all_day, row.person, row.clashing, row.time_zone,
            )
            for row in rows
        )  # fmt: skip

    def addresses(self) -> dict[Facts, str]:
        rows = Booking.objects.filter(resource=self.world.resource, origin="exchange")
        return {(row.starts_at, row.title): row.person_email for row in rows}

    def links(self) -> list[Facts]:
        """Which booking and which event are one, and what both agreed on: by meaning, not by id."""
        events = {row.key: row for row in self.events()}
        found: list[Facts] = []
        for link in EventLink.objects.filter(calendar=self.world.calendar):
            booking, event = link.booking, events.get(link.key)
            told = (event.starts_at, event.subject) if event is not None else None
            found.append((
                booking.starts_at, booking.title, booking.status, link.state, link.original_start,
                link.pushed_revision, booking.revision, link.remote_fingerprint,
                link.restored_fingerprint, link.held, link.decision, str(told),
            ))  # fmt: skip
        return sorted(found, key=str)

    def events(self) -> list[RemoteEvent]:
        return list(RemoteEvent.objects.filter(calendar=self.world.calendar, gone_at=None))

    def mirror(self) -> list[Facts]:
        """What was read, with its fingerprint: equal, whichever wire read it."""
        return sorted(
            (row.starts_at, row.original_start, row.subject, row.organizer, row.fingerprint)
            for row in self.events()
        )

    def conflicts(self) -> list[Facts]:
        rows = Conflict.objects.filter(calendar=self.world.calendar)
        return sorted(
            (
                row.kind, row.booking.title, row.other.title if row.other else "", row.decision,
                row.closed_at is None, str(row.ours), str(row.exchange),
            )
            for row in rows
        )  # fmt: skip

    def calendar(self) -> list[Facts]:
        """What Outlook shows of the mailbox."""
        return sorted((self.shown(item) for item in self.items()), key=str)

    def deleted_items(self) -> list[Facts]:
        return sorted(
            (self.shown(one) for one in self.world.mailbox.box.deleted_items.items), key=str
        )

    def shown(self, item: Item) -> Facts:
        stamp = str(item.extended.get(STAMP, ""))
        named = [title for title, one in self.ours.items() if stamp.endswith(str(one.uuid))]
        changed = [
            (one.original_start, one.start, one.end, one.subject, one.show_as, one.sensitivity)
            for one in expanding.exceptions(item)
        ] if item.recurrence else []  # fmt: skip
        return (
            item.start, item.end, item.subject, item.start_zone, item.all_day, item.show_as,
            item.sensitivity, item.is_cancelled, item.was_received, item.my_response,
            item.organizer.name,
            sorted(one.role for one in item.attendees), item.reminder_is_set, item.body,
            bool(stamp), named, item.recurrence, changed, expanding.deleted_starts(item)
            if item.recurrence else [],
        )  # fmt: skip

    def mails(self) -> list[Facts]:
        """What left, and what came, in the order of the day."""
        room = self.world.calendar.email
        outbox = self.world.server.store.organisation(DOMAIN).outbox
        names = {room: "the room", OLGA: "Olga"}
        return [
            (mail.kind, mail.subject, names[mail.sender], names[mail.to])
            for mail in outbox
            if room in (mail.sender, mail.to)
        ]


@dataclass
class Day:
    """The same hour on both sides."""

    ews: Side
    graph: Side

    @property
    def sides(self) -> tuple[Side, Side]:
        return self.ews, self.graph

    def later(self, by: dt.timedelta) -> None:
        for side in self.sides:
            side.world.later(by)

    def do(self, *deeds: Deed) -> None:
        """Both live through it; then each is synced until nothing is left to do."""
        self.later(10 * MINUTE)
        for side in self.sides:
            for deed in deeds:
                deed(side)
        self.settle()

    def settle(self) -> None:
        for _number in range(4):
            rest = [side.sync() for side in self.sides]
            if all(rest):
                return
            # A write whose reply was lost may still arrive.
            self.later(6 * MINUTE)
        raise AssertionError("They do not come to rest.")


@pytest.fixture
def day(server: SandboxServer, location: Location) -> Day:
    furnish_microsoft(server)
    ews, graph = (ResourceFactory.create(location=location, name=name) for name in ("One", "Two"))
    for local in ("one", "two"):
        server.store.add_mailbox(DOMAIN, address=f"{local}@{DOMAIN}", name="The room", kind="room")
    return Day(
        Side(make_world(server, ews, f"one@{DOMAIN}")),
        Side(make_graph_world(server, graph, f"two@{DOMAIN}")),
    )


def lose_next(side: Side) -> None:
    """The next write is done, and its answer never comes."""
    writes = side.world.port.writes
    side.world.fault("cut-after", operation=writes["create"])


def morning(day: Day) -> None:
    """What was there before, and the first deeds of both sides."""
    at = day.ews.world.at
    friday = dt.datetime(2027, 3, 12, tzinfo=dt.UTC)
    day.do(
        lambda one: one.put("Review", 24),
        lambda one: one.put("Tentative visit", 26, show_as=ShowAs.TENTATIVE),
        lambda one: one.put("Only a note", 28, show_as=ShowAs.FREE),
        lambda one: one.put("Secret merger", 30, is_private=True),
        lambda one: one.put("Salaries", 32),
        lambda one: one.put_series("Daily", 72.5, count=6),
        lambda one: one.world.outlook.book(friday, friday + DAY, "Painting", is_all_day=True),
        lambda one: one.book("Stand-up", 34),
        lambda one: one.book("Lesson", 36),
        lambda one: one.book("Yoga", 38),
        lambda one: one.book_days("Exhibition", dt.date(2027, 3, 27), 2),
    )
    assert len(day.ews.bookings()) == 15
    day.do(
        lambda one: one.move("Stand-up", 35),
        lambda one: one.drag("Lesson", 40),
        lambda one: one.drag("Review", 42),
        lambda one: one.cancel("Yoga"),
        lambda one: one.delete("Tentative visit"),
        lambda one: one.change("Salaries", is_private=True),
    )
    assert day.ews.booking("Lesson").starts_at == at(40)


def series(day: Day) -> None:
    """An exception, a renamed one, a private one and one that is gone; then the rest an hour later."""
    day.do(
        lambda one: one.drag("Daily 2", 72.5 + 24 + 3),
        lambda one: one.change("Daily 3", subject="Daily, in the dark"),
        lambda one: one.change("Daily 4", is_private=True),
        lambda one: one.delete("Daily 5"),
    )
    assert day.ews.booking("Daily, in the dark").starts_at == day.ews.world.at(72.5 + 48)
    day.do(lambda one: one.world.outlook.shift_series(one.theirs["Daily"].item_id, HOUR))


def invitations(day: Day) -> None:
    """The attendant accepts; the organiser calls one off, and staff another."""
    day.do(
        lambda one: one.invite("Board", 300),
        lambda one: one.invite("Rehearsal", 303),
        lambda one: one.invite("Interview", 306),
        # On what is taken: the attendant declines.
        lambda one: one.invite("Too late", 300),
    )
    rehearsal, interview = day.ews.world.at(303), day.ews.world.at(306)
    day.do(
        lambda one: one.call_off("Rehearsal"),
        lambda one: one.world.cancel(
            Booking.objects.get(resource=one.world.resource, starts_at=interview)
        ),
    )
    for side in day.sides:
        rows = Booking.objects.filter(resource=side.world.resource)
        assert rows.get(starts_at=rehearsal).status == "released"
        assert rows.get(starts_at=interview).cancelled_by == "staff"


def trouble(day: Day) -> None:
    """A reply that is lost, an event that goes free and busy again, and both sides at once."""
    day.do(lose_next, lambda one: one.book("Lost and found", 320))
    day.do(
        lambda one: one.change("Review", show_as=ShowAs.FREE),
        lambda one: one.change("Stand-up", show_as=ShowAs.FREE),
    )
    assert day.ews.booking("Review").status == "released"
    day.do(
        lambda one: one.change("Review", show_as=ShowAs.OUT_OF_OFFICE),
        lambda one: one.book("Keeps ours", 330),
        lambda one: one.book("Keeps theirs", 334),
        lambda one: one.book("Stays open", 338),
    )
    for name in ("Keeps ours", "Keeps theirs"):
        for side in day.sides:
            start = (side.booking(name).starts_at - side.world.start) / HOUR
            side.move(name, start + 1)
            side.drag(name, start + 2)
    # Put back once; the second time it is asked about, and nobody answers today.
    day.do(lambda one: one.change("Stays open", subject="Mine now"))
    day.do(lambda one: one.change("Stays open", subject="Mine now"))
    day.do(
        lambda one: one.decide("Keeps ours", "ours"),
        lambda one: one.decide("Keeps theirs", "exchange"),
    )
    assert day.ews.booking("Keeps ours").starts_at == day.ews.world.at(331)
    assert day.ews.booking("Keeps theirs").starts_at == day.ews.world.at(336)


def losses(day: Day) -> None:
    """Many at once wait for a person, who applies them."""
    names = [f"Batch {number}" for number in range(12)]
    day.do(
        *(
            lambda one, name=name, at=at: one.put(name, 400 + 2 * at)
            for at, name in enumerate(names)
        )
    )
    day.do(*(lambda one, name=name: one.delete(name) for name in names))
    assert [len(side.world.held()) for side in day.sides] == [12, 12]
    day.do(Side.apply_held)
    assert [side.world.held() for side in day.sides] == [[], []]


def night(day: Day) -> None:
    """The full round finds nothing that the day did not."""
    before = [side.bookings() for side in day.sides]
    day.later(HOUR)
    for side in day.sides:
        side.world.sync(is_full=True)
    day.settle()
    assert [side.bookings() for side in day.sides] == before


def equal(day: Day) -> None:
    for told in (
        Side.bookings, Side.links, Side.mirror, Side.conflicts, Side.calendar, Side.deleted_items,
    ):  # fmt: skip
        over_ews, over_graph = told(day.ews), told(day.graph)
        assert over_graph == over_ews, told.__name__


def test_day_that_is_lived_over_both_wires_ends_equal(day: Day) -> None:
    for part in (morning, series, invitations, trouble, losses, night):
        part(day)
        equal(day)

    mails = day.ews.mails()
    assert day.graph.mails() == mails
    assert {kind for kind, *_more in mails} == {"request", "accept", "decline", "cancellation"}
    assert [title for kind, title, *_more in day.ews.conflicts() if kind == "both_changed"] == [
        "Keeps ours", "Keeps theirs", "Stays open",
    ]  # fmt: skip
    # A list of EWS leaves out the organiser's address, which Graph always tells.
    known, told = day.graph.addresses(), day.ews.addresses()
    assert set(known.values()) == {OLGA, ""}
    assert all(address in {"", known[key]} for key, address in told.items())
    words = str([(side.bookings(), side.mirror(), side.links()) for side in day.sides])
    assert "Secret" not in words
    assert "Salaries" not in words


def test_graph_mails_attendees_whatever_is_asked_so_a_change_to_them_waits(day: Day) -> None:
    """EWS is told to send to none. Here the wires differ by right, until a person lets it go."""
    day.do(lambda one: one.book("Guests", 24))
    day.do(lambda one: one.change("Guests", has_attendees=True))
    day.do(lambda one: one.move("Guests", 30))

    assert day.ews.conflicts() == []
    assert day.ews.world.blocking_there() == [(day.ews.world.at(30), day.ews.world.at(31))]
    assert [kind for kind, *_more in day.graph.conflicts()] == ["would_mail"]
    assert day.graph.world.blocking_there() == [(day.graph.world.at(24), day.graph.world.at(25))]

    day.do(lambda one: one.decide("Guests", "send") if one is day.graph else None)

    # All the same in the end, but for the mail that was decided on.
    for told in (Side.bookings, Side.mirror, Side.calendar):
        assert told(day.graph) == told(day.ews), told.__name__
    assert day.ews.mails() == []
    assert [kind for kind, *_more in day.graph.mails()] == ["update"]
