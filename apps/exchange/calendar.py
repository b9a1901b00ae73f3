"""The port: one mailbox's calendar, as the engine sees it over any wire. Pure.

All instants are aware and in UTC, intervals half-open. Ids, change keys and cursors are opaque and
case-sensitive. Every method makes requests, and raises the family of `apps.exchange.errors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable, Iterator


class ShowAs(StrEnum):
    """Free/busy status, as Microsoft's calendars name it."""

    FREE = "free"
    TENTATIVE = "tentative"
    BUSY = "busy"
    OUT_OF_OFFICE = "oof"
    ELSEWHERE = "elsewhere"
    # Missing, or a word that we do not know: it decides nothing.
    UNKNOWN = "unknown"


class MailboxKind(StrEnum):
    ROOM = "room"
    EQUIPMENT = "equipment"
    SHARED = "shared"
    USER = "user"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Window:
    """[starts_at, ends_at): what is kept in agreement."""

    starts_at: dt.datetime
    ends_at: dt.datetime

    def overlaps(self, starts_at: dt.datetime, ends_at: dt.datetime) -> bool:
        """Whether [starts_at, ends_at) has a moment in it; one without a length counts as one."""
        if starts_at == ends_at:
            return self.starts_at <= starts_at < self.ends_at
        return starts_at < self.ends_at and ends_at > self.starts_at


@dataclass(frozen=True, slots=True, order=True)
class EventKey:
    """What tells one single or one occurrence from all others in a calendar."""

    # Of the single, or of the series' master.
    item_id: str
    # Of the occurrence, before anybody moved it: the UTC instant as ISO 8601 writes it with a Z, or
    # the date when it is all-day. Empty for a single, whose start may move.
    original_start: str = ""


@dataclass(frozen=True, slots=True)
class EventRef:
    """What a write needs to know: which one, and as of which version."""

    key: EventKey
    change_key: str
    # The id under which the wire reads and writes this one; empty where it follows from the key.
    wire_id: str = ""


@dataclass(frozen=True, slots=True)
class CalendarEvent:
    """One single or one occurrence, as read.

    Every way of reading tells the same, but that a view may leave out `uid`, `attempt_id` and
    `organizer_email`, and that `wire_id` may depend on the way.
    """

    key: EventKey
    # Shared by all occurrences of a series, and never unique in real mailboxes.
    uid: str
    change_key: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    show_as: ShowAs
    is_all_day: bool = False
    is_cancelled: bool = False
    is_declined: bool = False
    # Private, personal or confidential.
    is_private: bool = False
    subject: str = ""
    organizer: str = ""
    organizer_email: str = ""
    # A meeting that another mailbox called: it can be declined.
    is_invitation: bool = False
    has_attendees: bool = False
    # The value of our named property, and the attempt id of the create (EWS: the UID, Graph: the
    # transactionId), which a copy does not inherit.
    stamp: str = ""
    attempt_id: str = ""
    created_at: dt.datetime | None = None
    wire_id: str = ""

    @property
    def ref(self) -> EventRef:
        return EventRef(self.key, self.change_key, self.wire_id)

    @property
    def is_occurrence(self) -> bool:
        return bool(self.key.original_start)


@dataclass(frozen=True, slots=True)
class Item:
    """A single or a series as read: all that a window sees of it.

    `events` holds the single wherever it lies; of a series each occurrence that overlaps the window
    and each exception wherever it lies. With a `problem` (why it could not be read) it is empty,
    and that says nothing.
    """

    item_id: str
    events: tuple[CalendarEvent, ...] = ()
    is_series: bool = False
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """Changes since a cursor; the later of two for one item counts, also of two pages.

    `gone` holds ids of items that the server says are no longer here, and perhaps of occurrences by
    their wire ids; that alone proves nothing.
    """

    items: tuple[Item, ...]
    gone: tuple[str, ...]
    cursor: str
    is_last: bool


@dataclass(frozen=True, slots=True)
class CursorPage:
    """A step on the way to a cursor that stands at now; what is passed is not read."""

    cursor: str
    is_last: bool


@dataclass(frozen=True, slots=True)
class ViewPage:
    """A part of what lies in a range; all of it has been seen after the page with no `next`."""

    events: tuple[CalendarEvent, ...]
    # Item id and reason of what lies there, or may, and could not be read.
    problems: tuple[tuple[str, str], ...] = ()
    next: str = ""


def as_items(events: Iterable[CalendarEvent]) -> list[Item]:
    """Events of a view by what they belong to: singles, and series as far as the view shows them."""
    found: dict[str, list[CalendarEvent]] = {}
    for event in events:
        found.setdefault(event.key.item_id, []).append(event)
    return [
        Item(item_id, tuple(some), is_series=any(one.is_occurrence for one in some))
        for item_id, some in found.items()
    ]


def pages(view: Callable[[Window, str], ViewPage], window: Window) -> Iterator[ViewPage]:
    """Every page of a port's view, each asked for when it is wanted."""
    after = ""
    while True:
        page = view(window, after)
        yield page
        after = page.next
        if not after:
            return


@dataclass(frozen=True, slots=True)
class Mailbox:
    """What stands behind an address."""

    # Of the calendar folder within its organisation or server: aliases of one mailbox share it.
    key: str
    folder_id: str
    # IANA name; empty where the server does not tell.
    time_zone: str
    can_write: bool
    kind: MailboxKind = MailboxKind.UNKNOWN
    name: str = ""


@dataclass(frozen=True, slots=True)
class Content:
    """What we write of a booking. It always shows as busy, and has no attendees, body, reminder."""

    subject: str
    starts_at: dt.datetime
    ends_at: dt.datetime
    is_all_day: bool
    # IANA name: whose midnights an all-day event has, and what Outlook names beside the time.
    time_zone: str


@dataclass(frozen=True, slots=True)
class Parts:
    """Which parts of a Content an update sends; what is not sent stays as it is."""

    subject: bool = False
    time: bool = False
    show_as: bool = False


class Calendar(Protocol):
    """One mailbox's calendar. Methods of one page make at most a few requests each."""

    # Whether changing or deleting an event that has attendees mails them, whatever we ask for.
    mails_attendees: bool

    def open(self) -> Mailbox:
        """Sign in and find the calendar.

        Raises:
            NotFound: no such mailbox, or no right to see that there is one.
            AccessDenied, AuthenticationFailed, Misconfigured, Transient.
        """
        ...

    def advance(self, cursor: str, window: Window) -> CursorPage:
        """One step towards a cursor that stands at now; start with an empty one.

        The window is the one that the changes will be asked for: some servers fix it in the cursor
        itself (Graph's delta), and tell nothing of what lies outside of it. So the steps of one
        way have one window, and a window that has moved wants a new cursor.

        Raises:
            SyncStateInvalid: the cursor is no use any more.
        """
        ...

    def changes(self, cursor: str, window: Window) -> Page:
        """The next page of what changed since a cursor, at least in the window that it was made for.

        A cursor serves every port to the mailbox, and may be used again: the answer is the same
        as long as nothing changes.

        Raises:
            SyncStateInvalid: the cursor is no use any more.
        """
        ...

    def view(self, window: Window, after: str = "") -> ViewPage:
        """A page of every single and occurrence that overlaps a range; `after` a page's `next`.

        The overlap is that of `Window`: what only touches an edge is left out, whatever the wire
        says, and one without a length counts as a moment.
        """
        ...

    def read(self, item_id: str, window: Window) -> Item:
        """One single, or one series by the id of its master.

        Raises:
            NotFound: it is not in this calendar: unknown, no id at all, of another mailbox, or in
                another folder.
        """
        ...

    def find(self, window: Window, *, stamp: str = "", uid: str = "") -> tuple[Item, ...]:
        """The items with this stamp, or with this UID, wherever in the calendar they lie.

        What lies in other folders, the Deleted Items among them, is not found.
        """
        ...

    def create(self, content: Content, *, stamp: str, attempt_id: str) -> EventRef:
        """Write a new single.

        A subject is kept as far as the wire can carry it: what it cannot, control characters, is
        left out.

        Raises:
            Unclear: no answer came back.
            AttemptSpent: an earlier try made the event, and somebody has taken it away since.
            Rejected: the server refuses this event.
        """
        ...

    def update(self, ref: EventRef, content: Content, parts: Parts) -> EventRef:
        """Write the given parts over an event, if its change key is still the one given.

        What it gives back is as the event is read now, so that it serves the next write. An
        occurrence becomes an exception under the same key; the others stay.

        Raises:
            StaleChangeKey: someone was quicker; nothing was written.
            NotFound: the event, or this occurrence, is not in this calendar any more.
            Rejected, Unclear.
        """
        ...

    def delete(self, ref: EventRef) -> None:
        """Move a single or an occurrence to the Deleted Items, under the same condition.

        Raises:
            StaleChangeKey, NotFound, Rejected, Unclear.
        """
        ...

    def decline(self, ref: EventRef) -> None:
        """Decline an invitation: its organiser is mailed, and it leaves this calendar.

        Under the same condition: as of an old version nobody is mailed.

        Raises:
            Rejected: nobody else called it: there is no one to decline to. Nothing was done.
            StaleChangeKey, NotFound, Unclear.
        """
        ...
