"""The port on a mailbox in memory: the reference that every wire is compared with. Pure.

A mailbox keeps singles and series; `Outlook` is the person's side of it. Each port method calls
`hook(step, "before" | "after")`, and what the hook raises goes up: a refused sign-in, a crash, a
reply that was lost after the effect.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from zoneinfo import ZoneInfo

from apps.exchange.calendar import (
    CalendarEvent,
    Content,
    CursorPage,
    EventKey,
    EventRef,
    Item,
    Mailbox,
    MailboxKind,
    Page,
    Parts,
    ShowAs,
    ViewPage,
    Window,
)
from apps.exchange.errors import (
    AccessDenied,
    NotFound,
    Rejected,
    StaleChangeKey,
    SyncStateInvalid,
)

Hook = Callable[[str, str], None]


def _quiet(step: str, when: str) -> None:
    """The hook of a good day."""


@dataclass(slots=True)
class Series:
    """Every so many days at a wall time, with its exceptions by original start."""

    first: dt.datetime
    days: int
    count: int
    length: dt.timedelta
    time_zone: str
    exceptions: dict[str, CalendarEvent] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)

    def starts(self) -> Iterator[dt.datetime]:
        """The UTC instants of all occurrences, those deleted or moved among them."""
        zone = ZoneInfo(self.time_zone)
        wall = self.first.astimezone(zone).replace(tzinfo=None)
        for number in range(self.count):
            at = wall + dt.timedelta(days=self.days * number)
            yield at.replace(tzinfo=zone).astimezone(dt.UTC)


@dataclass(slots=True)
class Stored:
    """An item in the folder: a single's event, or what all occurrences of a series share."""

    event: CalendarEvent
    series: Series | None = None
    problem: str = ""


@dataclass(slots=True)
class MemoryMailbox:
    """A room's calendar folder."""

    clock: Callable[[], dt.datetime]
    key: str = "mailbox-1"
    can_open: bool = True
    can_write: bool = True
    items: dict[str, Stored] = field(default_factory=dict)
    # Item ids in the order of their changes: cursors point into it.
    log: list[str] = field(default_factory=list)
    # Items that left the folder, by id, for those who bring them back.
    trash: dict[str, Stored] = field(default_factory=dict)
    outbox: list[str] = field(default_factory=list)
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def new_id(self) -> str:
        return f"Item{next(self.numbers)}"

    def put(self, item_id: str, stored: Stored) -> None:
        """Store an item under a new change key."""
        key = f"{next(self.numbers)}"
        stored.event = replace(stored.event, key=EventKey(item_id), change_key=key, wire_id=item_id)
        self.items[item_id] = stored
        self.log.append(item_id)

    def drop(self, item_id: str) -> Stored:
        stored = self.items.pop(item_id)
        self.trash[item_id] = stored
        self.log.append(item_id)
        return stored

    def events(self, item_id: str, window: Window) -> tuple[CalendarEvent, ...]:
        stored = self.items[item_id]
        if stored.series is None:
            return (stored.event,)
        return tuple(self._occurrences(stored, stored.series, window))

    def _occurrences(
        self, stored: Stored, series: Series, window: Window
    ) -> Iterator[CalendarEvent]:
        for start in series.starts():
            name = original_start(start)
            if name in series.deleted:
                continue
            event = series.exceptions.get(name)
            if event is None:
                event = replace(stored.event, starts_at=start, ends_at=start + series.length)
                if not window.overlaps(event.starts_at, event.ends_at):
                    continue
            yield replace(
                event,
                key=EventKey(stored.event.key.item_id, name),
                change_key=stored.event.change_key,
                wire_id="",
            )


def original_start(at: dt.datetime) -> str:
    return at.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(slots=True)
class MemoryCalendar:
    """The port. One per worker; the mailbox behind it is shared."""

    mailbox: MemoryMailbox
    hook: Hook = _quiet
    page_size: int = 100
    mails_attendees: bool = False
    # The steps taken, for counting requests.
    requests: list[str] = field(default_factory=list)

    def open(self) -> Mailbox:
        self._step("open", "before")
        if not self.mailbox.can_open:
            raise AccessDenied("The account has no right to this calendar.")
        self._step("open", "after")
        key = self.mailbox.key
        return Mailbox(
            key, f"folder of {key}", "UTC", self.mailbox.can_write, MailboxKind.ROOM, "Room"
        )

    def advance(self, cursor: str) -> CursorPage:
        self._step("advance", "before")
        at = min(self._position(cursor) + self.page_size, len(self.mailbox.log))
        self._step("advance", "after")
        return CursorPage(self._cursor(at), is_last=at == len(self.mailbox.log))

    def changes(self, cursor: str, window: Window) -> Page:
        self._step("changes", "before")
        if not cursor:
            raise SyncStateInvalid("The cursor is empty.")
        start = self._position(cursor)
        end = min(start + self.page_size, len(self.mailbox.log))
        touched = list(dict.fromkeys(self.mailbox.log[start:end]))
        items = tuple(self._item(key, window) for key in touched if key in self.mailbox.items)
        gone = tuple(key for key in touched if key not in self.mailbox.items)
        self._step("changes", "after")
        return Page(items, gone, self._cursor(end), is_last=end == len(self.mailbox.log))

    def view(self, window: Window, after: str = "") -> ViewPage:
        self._step("view", "before")
        found = sorted(
            (
                event
                for item_id, stored in self.mailbox.items.items()
                if not stored.problem
                for event in self.mailbox.events(item_id, window)
                if window.overlaps(event.starts_at, event.ends_at)
            ),
            key=lambda event: (event.starts_at, event.key),
        )
        start = int(after or 0)
        end = start + self.page_size
        problems = tuple(
            (item_id, stored.problem)
            for item_id, stored in sorted(self.mailbox.items.items())
            if stored.problem
        )
        self._step("view", "after")
        return ViewPage(
            tuple(found[start:end]),
            problems if end >= len(found) else (),
            str(end) if end < len(found) else "",
        )

    def read(self, item_id: str, window: Window) -> Item:
        self._step("read", "before")
        if item_id not in self.mailbox.items:
            raise NotFound("The event is not in this calendar.")
        self._step("read", "after")
        return self._item(item_id, window)

    def find(self, window: Window, *, stamp: str = "", uid: str = "") -> tuple[Item, ...]:
        self._step("find", "before")
        found = tuple(
            self._item(item_id, window)
            for item_id, stored in sorted(self.mailbox.items.items())
            if (stamp and stored.event.stamp == stamp) or (uid and stored.event.uid == uid)
        )
        self._step("find", "after")
        return found

    def create(self, content: Content, *, stamp: str, attempt_id: str) -> EventRef:
        self._step("create", "before")
        return self.land_create(content, stamp=stamp, attempt_id=attempt_id)

    def land_create(self, content: Content, *, stamp: str, attempt_id: str) -> EventRef:
        """The effect of a create, also for tests in which it comes late."""
        item_id = self.mailbox.new_id()
        event = CalendarEvent(
            key=EventKey(item_id),
            uid=attempt_id,
            change_key="",
            starts_at=content.starts_at,
            ends_at=content.ends_at,
            show_as=ShowAs.BUSY,
            is_all_day=content.is_all_day,
            subject=content.subject,
            organizer="Room",
            organizer_email="room@example.com",
            stamp=stamp,
            attempt_id=attempt_id,
            created_at=self.mailbox.clock(),
        )
        self.mailbox.put(item_id, Stored(event))
        self._step("create", "after")
        return self.mailbox.items[item_id].event.ref

    def update(self, ref: EventRef, content: Content, parts: Parts) -> EventRef:
        self._step("update", "before")
        stored = self._current(ref)
        event = self._event(stored, ref.key)
        if parts.subject:
            event = replace(event, subject=content.subject)
        if parts.time:
            event = replace(event, starts_at=content.starts_at, ends_at=content.ends_at)
            event = replace(event, is_all_day=content.is_all_day)
        if parts.show_as:
            event = replace(event, show_as=ShowAs.BUSY)
        if self.mails_attendees and event.has_attendees:
            self.mailbox.outbox.append("update")
        self._put_event(stored, ref.key, event)
        self._step("update", "after")
        return EventRef(ref.key, stored.event.change_key, ref.wire_id)

    def delete(self, ref: EventRef) -> None:
        self._step("delete", "before")
        stored = self._current(ref)
        if self.mails_attendees and stored.event.has_attendees:
            self.mailbox.outbox.append("cancel")
        self._remove(stored, ref.key)
        self._step("delete", "after")

    def decline(self, ref: EventRef) -> None:
        self._step("decline", "before")
        stored = self._current(ref)
        if not stored.event.is_invitation:
            raise Rejected("An appointment without another organiser cannot be declined.")
        self.mailbox.outbox.append("decline")
        self._remove(stored, ref.key)
        self._step("decline", "after")

    def _step(self, name: str, when: str) -> None:
        if when == "before":
            self.requests.append(name)
        self.hook(name, when)

    def _item(self, item_id: str, window: Window) -> Item:
        stored = self.mailbox.items[item_id]
        if stored.problem:
            return Item(item_id, problem=stored.problem)
        return Item(item_id, self.mailbox.events(item_id, window), stored.series is not None)

    def _current(self, ref: EventRef) -> Stored:
        stored = self.mailbox.items.get(ref.key.item_id)
        if stored is None or (
            stored.series is not None and ref.key.original_start in stored.series.deleted
        ):
            raise NotFound("The event is not in this calendar.")
        if stored.event.change_key != ref.change_key:
            raise StaleChangeKey("The event was changed since it was read.")
        return stored

    def _event(self, stored: Stored, key: EventKey) -> CalendarEvent:
        if stored.series is None:
            return stored.event
        return occurrence(self.mailbox, key)

    def _put_event(self, stored: Stored, key: EventKey, event: CalendarEvent) -> None:
        if stored.series is None:
            stored.event = event
        else:
            stored.series.exceptions[key.original_start] = event
        self.mailbox.put(key.item_id, stored)

    def _remove(self, stored: Stored, key: EventKey) -> None:
        if stored.series is None:
            self.mailbox.drop(key.item_id)
        else:
            stored.series.deleted.add(key.original_start)
            stored.series.exceptions.pop(key.original_start, None)
            self.mailbox.put(key.item_id, stored)

    def _cursor(self, at: int) -> str:
        return f"{self.mailbox.key}:{at}"

    def _position(self, cursor: str) -> int:
        if not cursor:
            return 0
        key, _, at = cursor.rpartition(":")
        if key != self.mailbox.key or not at.isdigit() or int(at) > len(self.mailbox.log):
            raise SyncStateInvalid("The cursor is of another folder, or damaged.")
        return int(at)


EVER = Window(dt.datetime(1990, 1, 1, tzinfo=dt.UTC), dt.datetime(2090, 1, 1, tzinfo=dt.UTC))


def occurrence(mailbox: MemoryMailbox, key: EventKey) -> CalendarEvent:
    """The event as it is now.

    Raises:
        KeyError: there is none with this key.
    """
    for event in mailbox.events(key.item_id, EVER):
        if event.key == key:
            return event
    raise KeyError(key)


@dataclass(slots=True)
class Outlook:
    """What people do to the mailbox. Every verb gives the key, or keys, that it made."""

    mailbox: MemoryMailbox

    def book(
        self,
        starts_at: dt.datetime,
        ends_at: dt.datetime,
        subject: str = "Meeting",
        **fields: object,
    ) -> EventKey:
        item_id = self.mailbox.new_id()
        event = CalendarEvent(
            key=EventKey(item_id),
            uid=f"uid-{item_id}",
            change_key="",
            starts_at=starts_at,
            ends_at=ends_at,
            show_as=ShowAs.BUSY,
            subject=subject,
            organizer="Olga",
            organizer_email="olga@example.com",
            created_at=self.mailbox.clock(),
        )
        self.mailbox.put(item_id, Stored(replace(event, **fields)))  # type: ignore[arg-type]
        return EventKey(item_id)

    def book_series(
        self,
        first: dt.datetime,
        length: dt.timedelta,
        *,
        days: int = 7,
        count: int = 4,
        time_zone: str = "UTC",
        subject: str = "Weekly",
    ) -> list[EventKey]:
        key = self.book(first, first + length, subject)
        stored = self.mailbox.items[key.item_id]
        stored.series = Series(first, days, count, length, time_zone)
        self.mailbox.put(key.item_id, stored)
        return self.keys(key.item_id)

    def keys(self, item_id: str) -> list[EventKey]:
        return [event.key for event in self.mailbox.events(item_id, EVER)]

    def change(self, key: EventKey, **fields: object) -> None:
        """Change a single or one occurrence: starts_at, subject, show_as, is_private, ..."""
        stored = self.mailbox.items[key.item_id]
        event = replace(occurrence(self.mailbox, key), **fields)  # type: ignore[arg-type]
        if stored.series is None:
            stored.event = event
        else:
            stored.series.exceptions[key.original_start] = event
        self.mailbox.put(key.item_id, stored)

    def move(self, key: EventKey, starts_at: dt.datetime) -> None:
        event = occurrence(self.mailbox, key)
        self.change(key, starts_at=starts_at, ends_at=starts_at + (event.ends_at - event.starts_at))

    def delete(self, key: EventKey) -> None:
        """Delete a single, or one occurrence; the key of a master deletes the series."""
        stored = self.mailbox.items[key.item_id]
        if stored.series is None or not key.original_start:
            self.mailbox.drop(key.item_id)
        else:
            stored.series.deleted.add(key.original_start)
            stored.series.exceptions.pop(key.original_start, None)
            self.mailbox.put(key.item_id, stored)

    def copy(self, key: EventKey, starts_at: dt.datetime) -> EventKey:
        """A copy has ids of its own, and our stamp."""
        event = occurrence(self.mailbox, key)
        length = event.ends_at - event.starts_at
        item_id = self.mailbox.new_id()
        copied = replace(
            event, uid=f"uid-{item_id}", attempt_id="", starts_at=starts_at,
            ends_at=starts_at + length, created_at=self.mailbox.clock(),
        )  # fmt: skip
        self.mailbox.put(item_id, Stored(copied))
        return EventKey(item_id)

    def shift_series(self, item_id: str, by: dt.timedelta) -> None:
        """Another start for all: exceptions are lost, as Exchange does it."""
        self._reshape(item_id, by=by)

    def cut_series(self, item_id: str, count: int) -> None:
        self._reshape(item_id, count=count)

    def make_single(self, item_id: str) -> None:
        stored = self.mailbox.items[item_id]
        stored.series = None
        self.mailbox.put(item_id, stored)

    def make_series(self, item_id: str, *, days: int = 7, count: int = 4) -> None:
        stored = self.mailbox.items[item_id]
        length = stored.event.ends_at - stored.event.starts_at
        stored.series = Series(stored.event.starts_at, days, count, length, "UTC")
        self.mailbox.put(item_id, stored)

    def put_back(self, item_id: str) -> EventKey:
        """Out of the Deleted Items, or of another folder: a new id, the same UID and stamp."""
        new_id = self.mailbox.new_id()
        self.mailbox.put(new_id, self.mailbox.trash.pop(item_id))
        return EventKey(new_id)

    def refile(self, item_id: str) -> EventKey:
        """Into another folder and back."""
        self.mailbox.drop(item_id)
        return self.put_back(item_id)

    def recreate_mailbox(self) -> None:
        """Another mailbox under the same address: empty, and everything about it is new."""
        self.mailbox.key += "-anew"
        self.mailbox.items.clear()
        self.mailbox.log.clear()

    def blocking(self) -> Iterable[CalendarEvent]:
        """Everything that keeps others out."""
        return [
            event
            for item_id in self.mailbox.items
            for event in self.mailbox.events(item_id, EVER)
            if event.show_as is not ShowAs.FREE
            and not event.is_cancelled
            and not event.is_declined
            and event.ends_at > event.starts_at
        ]

    def _reshape(
        self, item_id: str, *, by: dt.timedelta = dt.timedelta(0), count: int | None = None
    ) -> None:
        stored = self.mailbox.items[item_id]
        series = stored.series
        if series is None:
            raise TypeError(f"{item_id} is no series")
        stored.series = Series(
            series.first + by,
            series.days,
            series.count if count is None else count,
            series.length,
            series.time_zone,
            exceptions={} if by else series.exceptions,
            deleted=set() if by else series.deleted,
        )
        self.mailbox.put(item_id, stored)
