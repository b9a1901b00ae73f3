"""What the contract is told of an implementation: the port, the people, and bad days."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any, Protocol, TypeVar

from apps.exchange.calendar import (
    Calendar,
    CalendarEvent,
    Content,
    EventRef,
    Item,
    ShowAs,
    Window,
)
from apps.exchange.recurrence import Recurrence

# An item or an occurrence, as the implementation's own side names it.
Handle = Any
Test = TypeVar("Test", bound=Callable[..., None])

UTC = dt.UTC
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)
# A Monday.
NOW = dt.datetime(2027, 3, 1, 9, 0, tzinfo=UTC)
WINDOW = Window(NOW.replace(hour=0) - DAY, NOW.replace(hour=0) + 180 * DAY)
STAMP = "1:installation:resource:booking"


class Can(Enum):
    """What not every implementation can bring about."""

    # The mailbox has another address.
    ALIAS = auto()
    # The port tells what kind of mailbox it is.
    KIND = auto()
    # Changing or deleting a meeting of the mailbox's own mails its attendees.
    MAIL_ATTENDEES = auto()
    REFUSE_SIGN_IN = auto()
    TAKE_RIGHTS = auto()
    TAKE_WRITING = auto()
    BE_BUSY = auto()
    BE_DOWN = auto()
    LOSE_A_REPLY = auto()
    REFUSE_AN_EVENT = auto()
    DAMAGE = auto()
    FORGET_CURSORS = auto()
    RECREATE = auto()


def needs(*can: Can) -> Callable[[Test], Test]:
    """Collect a test only where the implementation can do this."""

    def mark(test: Test) -> Test:
        test.needs = set(can)  # type: ignore[attr-defined]
        return test

    return mark


def needed(test: object) -> set[Can]:
    return getattr(test, "needs", set())


@dataclass(frozen=True, slots=True)
class Details:
    """What the port does not tell of an event, and people see."""

    body: str = ""
    has_reminder: bool = False
    attendees: tuple[str, ...] = ()


class Outlook(Protocol):
    """What people do to the room's calendar. Instants are aware; subjects are unique in a test."""

    def book(
        self,
        starts_at: dt.datetime,
        ends_at: dt.datetime,
        subject: str,
        *,
        is_all_day: bool = False,
        time_zone: str = "UTC",
        show_as: ShowAs = ShowAs.BUSY,
        sensitivity: str = "normal",
    ) -> Handle:
        """An appointment; sensitivity: normal, personal, private, confidential."""
        ...

    def book_series(
        self,
        recurrence: Recurrence,
        at: dt.time,
        length: dt.timedelta,
        subject: str,
        *,
        time_zone: str = "UTC",
        is_all_day: bool = False,
    ) -> Handle:
        """A series, at a wall time of its zone; the handle is the master's."""
        ...

    def invite(
        self,
        starts_at: dt.datetime,
        ends_at: dt.datetime,
        subject: str,
        *,
        organizer: tuple[str, str] = ("Olga", "olga@example.com"),
        response: str = "accepted",
    ) -> Handle:
        """Another mailbox (name, address) invites the room; response: accepted, tentative, declined."""
        ...

    def call(self, starts_at: dt.datetime, ends_at: dt.datetime, subject: str) -> Handle:
        """A meeting that the room's own mailbox has called, with an attendee."""
        ...

    def find(self, subject: str) -> Handle:
        """The item, also one that was written through the port."""
        ...

    def occurrence(self, series: Handle, original_start: str) -> Handle:
        """One occurrence, by its key's original start."""
        ...

    def rename(self, handle: Handle, subject: str) -> None:
        """Of a master: for all occurrences that are no exceptions."""
        ...

    def move(self, handle: Handle, starts_at: dt.datetime) -> None:
        """Of a single or an occurrence; its length stays."""
        ...

    def show_as(self, handle: Handle, show_as: ShowAs) -> None: ...

    def mark(self, handle: Handle, sensitivity: str) -> None: ...

    def cancel(self, handle: Handle) -> None:
        """The organiser of an invitation cancels it; the room keeps it, as cancelled."""
        ...

    def copy(self, handle: Handle, starts_at: dt.datetime) -> Handle:
        """A copy has an id and a UID of its own, and the named properties of the original."""
        ...

    def delete(self, handle: Handle) -> None: ...

    def file_elsewhere(self, handle: Handle) -> None:
        """Move an item into another folder."""
        ...

    def refile(self, handle: Handle) -> None:
        """Move an item into another folder and back."""
        ...

    def shift(self, series: Handle, by: dt.timedelta) -> None:
        """Another start for the whole series."""
        ...

    def cut(self, series: Handle, count: int) -> None:
        """Let a series end after so many."""
        ...

    def details(self, handle: Handle) -> Details: ...

    def deleted_items(self) -> list[str]:
        """Subjects of what lies in the Deleted Items."""
        ...

    def mails(self) -> list[str]:
        """What this mailbox has sent, oldest first: decline, update or cancel."""
        ...


class Faults(Protocol):
    """Bad days; each lasts until the end of the test, unless it says otherwise."""

    def refuse_sign_in(self) -> None: ...

    def take_rights(self) -> None: ...

    def take_writing(self) -> None: ...

    def be_busy(self, wait: dt.timedelta) -> None:
        """Every request is answered by: come back after that."""
        ...

    def be_down(self) -> None: ...

    def lose_a_reply(self) -> None:
        """The next write is done, and its answer never comes."""
        ...

    def refuse_an_event(self) -> None:
        """The next write is refused for what it writes."""
        ...

    def damage(self, handle: Handle) -> None:
        """An item that the server cannot read any more."""
        ...

    def forget_cursors(self) -> None: ...

    def recreate(self) -> None:
        """Another, empty mailbox under the same address."""
        ...


class Room(Protocol):
    calendar: Calendar
    outlook: Outlook
    faults: Faults
    # Another mailbox on the same server, and an address without one.
    other: str
    nobody: str
    # With Can.ALIAS: another address of the room. With Can.KIND: a room it is.
    alias: str
    # Whether changes are told wherever they lie, or only in the window that the cursor is for.
    tells_far_away: bool

    def fresh(self, address: str = "", *, page_size: int = 0) -> Calendar:
        """Another port, as another worker has it: to the room, or to an address.

        Its pages hold at most so many, as far as the implementation can say that.
        """
        ...


def whole_view(calendar: Calendar, window: Window = WINDOW) -> list[CalendarEvent]:
    """All pages of a view, by time. A view that cannot be read whole fails."""
    found: list[CalendarEvent] = []
    after = ""
    for _page in range(1000):
        page = calendar.view(window, after)
        assert not page.problems
        found += page.events
        after = page.next
        if not after:
            break
    else:
        raise AssertionError("The view has no last page.")
    return sorted(found, key=lambda event: (event.starts_at, event.key))


def cursor_now(calendar: Calendar) -> str:
    cursor = ""
    for _page in range(1000):
        page = calendar.advance(cursor, WINDOW)
        cursor = page.cursor
        if page.is_last:
            return cursor
    raise AssertionError("The cursor never stands at now.")


@dataclass(frozen=True, slots=True)
class Changed:
    """All pages of changes: the latest state of each item, what is gone, where to go on."""

    items: dict[str, Item]
    gone: set[str]
    cursor: str
    pages: int


def changed(calendar: Calendar, cursor: str, window: Window = WINDOW) -> Changed:
    items: dict[str, Item] = {}
    gone: set[str] = set()
    for number in itertools.count(1):
        page = calendar.changes(cursor, window)
        cursor = page.cursor
        items |= {item.item_id: item for item in page.items}
        gone |= set(page.gone)
        if page.is_last:
            return Changed(items, gone, cursor, number)
        assert number < 1000
    raise AssertionError("unreachable")


def subjects(events: list[CalendarEvent] | tuple[CalendarEvent, ...]) -> list[str]:
    return [event.subject for event in events]


def named(calendar: Calendar, subject: str, window: Window = WINDOW) -> CalendarEvent:
    """The only one with a subject, read whole by its id."""
    (seen,) = [event for event in whole_view(calendar, window) if event.subject == subject]
    item = calendar.read(seen.key.item_id, window)
    (event,) = [event for event in item.events if event.key == seen.key]
    return event


def occurrences(calendar: Calendar, subject: str, window: Window = WINDOW) -> list[CalendarEvent]:
    """Those of the series with this subject, read whole, by original start."""
    seen = next(event for event in whole_view(calendar, window) if event.subject == subject)
    item = calendar.read(seen.key.item_id, window)
    return sorted(item.events, key=lambda event: event.key)


def plain(event: CalendarEvent) -> CalendarEvent:
    """What all ways of reading agree on: the wire's own id may depend on the way."""
    return replace(event, wire_id="")


def thin(event: CalendarEvent) -> CalendarEvent:
    """What a view tells at least: it may leave out UID, attempt id and the organiser's address."""
    return replace(event, wire_id="", uid="", attempt_id="", organizer_email="")


def content(
    subject: str = "Ours",
    starts_at: dt.datetime = NOW + DAY,
    ends_at: dt.datetime | None = None,
    *,
    is_all_day: bool = False,
    time_zone: str = "UTC",
) -> Content:
    return Content(subject, starts_at, ends_at or starts_at + HOUR, is_all_day, time_zone)


def write(
    calendar: Calendar, of: Content | None = None, *, stamp: str = STAMP, attempt_id: str = ""
) -> EventRef:
    attempt_id = attempt_id or "5d1f8a52-0f0c-4a57-8c53-3f2a0c6a9b01"
    return calendar.create(of or content(), stamp=stamp, attempt_id=attempt_id)
