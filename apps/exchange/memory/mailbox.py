"""What a mailbox keeps: singles, and series with their exceptions. Pure."""

from __future__ import annotations

import datetime as dt
import itertools
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from apps.exchange.calendar import CalendarEvent, EventKey, MailboxKind, Window
from apps.exchange.recurrence import Series, slots

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

EVER = Window(dt.datetime(1990, 1, 1, tzinfo=dt.UTC), dt.datetime(2090, 1, 1, tzinfo=dt.UTC))
# Further than any zone's midnight is from that of UTC.
AROUND = dt.timedelta(days=2)


@dataclass(slots=True)
class Stored:
    """An item in the folder: a single's event, or what all occurrences of a series share."""

    event: CalendarEvent
    series: Series | None = None
    # Occurrences that differ from the others, by original start; `series.moved` has their times.
    exceptions: dict[str, CalendarEvent] = field(default_factory=dict)
    problem: str = ""

    def events(self, window: Window) -> tuple[CalendarEvent, ...]:
        """The single, or the occurrences that overlap the window and every exception."""
        if self.series is None:
            return (self.event,)
        found = {slot.original_start: slot for slot in slots(self.series, window)}
        return tuple(
            self._occurrence(name, slot.starts_at, slot.ends_at) for name, slot in found.items()
        ) + tuple(
            self._occurrence(name, starts_at, ends_at)
            for name, (starts_at, ends_at) in self.series.moved.items()
            if name not in found
        )

    def occurrence(self, name: str) -> CalendarEvent | None:
        """The one with this original start, wherever it lies now."""
        if not name:
            return None
        at = dt.datetime.fromisoformat(name).replace(tzinfo=dt.UTC)
        around = self.events(Window(at - AROUND, at + AROUND))
        return next((event for event in around if event.key.original_start == name), None)

    def put(self, event: CalendarEvent) -> None:
        """Set the single, or make this occurrence an exception."""
        name = event.key.original_start
        if self.series is None or not name:
            self.event = event
        else:
            self.exceptions[name] = event
            moved = {**self.series.moved, name: (event.starts_at, event.ends_at)}
            self.series = replace(self.series, moved=moved)

    def delete(self, name: str) -> None:
        """Take an occurrence out of the series."""
        if self.series is None:
            raise TypeError("A single has no occurrences.")
        self.exceptions.pop(name, None)
        moved = {other: at for other, at in self.series.moved.items() if other != name}
        self.series = replace(self.series, moved=moved, deleted=self.series.deleted | {name})

    def _occurrence(self, name: str, starts_at: dt.datetime, ends_at: dt.datetime) -> CalendarEvent:
        return replace(
            self.exceptions.get(name, self.event),
            key=EventKey(self.event.key.item_id, name),
            # All occurrences have the version of their master.
            change_key=self.event.change_key,
            starts_at=starts_at,
            ends_at=ends_at,
            wire_id="",
        )


@dataclass(slots=True)
class MemoryMailbox:
    """A calendar folder, and the mailbox that it is in."""

    clock: Callable[[], dt.datetime]
    key: str = "mailbox-1"
    # The primary address, and aliases.
    addresses: tuple[str, ...] = ("room@example.com",)
    name: str = "Room"
    kind: MailboxKind = MailboxKind.ROOM
    time_zone: str = "UTC"
    can_open: bool = True
    can_write: bool = True
    mails_attendees: bool = False
    items: dict[str, Stored] = field(default_factory=dict)
    # Item ids in the order of their changes: cursors point into it.
    log: list[str] = field(default_factory=list)
    # Items that left the folder, by id, for those who bring them back: deleted, or filed elsewhere.
    trash: dict[str, Stored] = field(default_factory=dict)
    elsewhere: dict[str, Stored] = field(default_factory=dict)
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

    def drop(self, item_id: str) -> None:
        """Into the Deleted Items."""
        self.trash[item_id] = self.items.pop(item_id)
        self.log.append(item_id)

    def file_elsewhere(self, item_id: str) -> None:
        self.elsewhere[item_id] = self.items.pop(item_id)
        self.log.append(item_id)

    def bring_back(self, item_id: str) -> str:
        """Into this folder: under a new id."""
        gone = self.trash if item_id in self.trash else self.elsewhere
        new_id = self.new_id()
        self.put(new_id, gone.pop(item_id))
        return new_id

    def remove(self, key: EventKey) -> None:
        """Delete a single or an occurrence; a series by the key of its master."""
        stored = self.items[key.item_id]
        if stored.series is None or not key.original_start:
            self.drop(key.item_id)
        else:
            stored.delete(key.original_start)
            self.put(key.item_id, stored)

    def events(self, item_id: str, window: Window) -> tuple[CalendarEvent, ...]:
        return self.items[item_id].events(window)


def occurrence(mailbox: MemoryMailbox, key: EventKey) -> CalendarEvent:
    """The single or occurrence as it is now.

    Raises:
        KeyError: there is none with this key.
    """
    stored = mailbox.items[key.item_id]
    if stored.series is None and not key.original_start:
        return stored.event
    event = stored.occurrence(key.original_start)
    if event is None:
        raise KeyError(key)
    return event
