"""The port on a mailbox in memory. Pure.

Each method calls `hook(step, "before" | "after")`, and what the hook raises goes up: a refused
sign-in, a crash, a reply that was lost after the effect.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from apps.exchange.calendar import (
    CalendarEvent,
    Content,
    CursorPage,
    EventKey,
    EventRef,
    Item,
    Mailbox,
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
from apps.exchange.memory.mailbox import Stored, occurrence

if TYPE_CHECKING:
    from apps.exchange.memory.mailbox import MemoryMailbox

Hook = Callable[[str, str], None]
WRITES = ("create", "update", "delete", "decline")


def _quiet(step: str, when: str) -> None:
    """The hook of a good day."""


@dataclass(slots=True)
class MemoryCalendar:
    """The port. One per worker; the mailbox behind it is shared."""

    mailbox: MemoryMailbox
    hook: Hook = _quiet
    page_size: int = 100
    # Whether a view leaves out what list answers of real servers leave out.
    is_view_thin: bool = False
    # Under which address the mailbox is opened; empty: its first.
    address: str = ""
    # The steps taken, for counting requests.
    requests: list[str] = field(default_factory=list)

    @property
    def mails_attendees(self) -> bool:
        return self.mailbox.mails_attendees

    @mails_attendees.setter
    def mails_attendees(self, mails: bool) -> None:
        self.mailbox.mails_attendees = mails

    def open(self) -> Mailbox:
        self._begin("open")
        self._end("open")
        box = self.mailbox
        return Mailbox(
            box.key, f"folder of {box.key}", box.time_zone, box.can_write, box.kind, box.name
        )

    def advance(self, cursor: str, window: Window) -> CursorPage:
        self._begin("advance")
        at = min(self._position(cursor) + self.page_size, len(self.mailbox.log))
        self._end("advance")
        return CursorPage(self._cursor(at), is_last=at == len(self.mailbox.log))

    def changes(self, cursor: str, window: Window) -> Page:
        self._begin("changes")
        if not cursor:
            raise SyncStateInvalid("The cursor is empty.")
        start = self._position(cursor)
        end = min(start + self.page_size, len(self.mailbox.log))
        touched = list(dict.fromkeys(self.mailbox.log[start:end]))
        items = tuple(self._item(key, window) for key in touched if key in self.mailbox.items)
        gone = tuple(key for key in touched if key not in self.mailbox.items)
        self._end("changes")
        return Page(items, gone, self._cursor(end), is_last=end == len(self.mailbox.log))

    def view(self, window: Window, after: str = "") -> ViewPage:
        self._begin("view")
        found = sorted(
            (
                event
                for stored in self.mailbox.items.values()
                if not stored.problem
                for event in stored.events(window)
                if window.overlaps(event.starts_at, event.ends_at)
            ),
            key=lambda event: (event.starts_at, event.key),
        )
        if self.is_view_thin:
            found = [replace(event, uid="", attempt_id="", organizer_email="") for event in found]
        start = int(after or 0)
        end = start + self.page_size
        problems = tuple(
            (item_id, stored.problem)
            for item_id, stored in sorted(self.mailbox.items.items())
            if stored.problem
            and any(window.overlaps(at.starts_at, at.ends_at) for at in stored.events(window))
        )
        self._end("view")
        return ViewPage(
            tuple(found[start:end]),
            problems if end >= len(found) else (),
            str(end) if end < len(found) else "",
        )

    def read(self, item_id: str, window: Window) -> Item:
        self._begin("read")
        if item_id not in self.mailbox.items:
            raise NotFound("The event is not in this calendar.")
        self._end("read")
        return self._item(item_id, window)

    def find(self, window: Window, *, stamp: str = "", uid: str = "") -> tuple[Item, ...]:
        self._begin("find")
        found = tuple(
            self._item(item_id, window)
            for item_id, stored in sorted(self.mailbox.items.items())
            if (stamp and stored.event.stamp == stamp) or (uid and stored.event.uid == uid)
        )
        self._end("find")
        return found

    def create(self, content: Content, *, stamp: str, attempt_id: str) -> EventRef:
        self._begin("create")
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
            organizer=self.mailbox.name,
            organizer_email=self.mailbox.addresses[0],
            stamp=stamp,
            attempt_id=attempt_id,
            created_at=self.mailbox.clock(),
        )
        self.mailbox.put(item_id, Stored(event))
        ref = self.mailbox.items[item_id].event.ref
        self._end("create")
        return ref

    def update(self, ref: EventRef, content: Content, parts: Parts) -> EventRef:
        self._begin("update")
        event = self._current(ref)
        if parts.subject:
            event = replace(event, subject=content.subject)
        if parts.time:
            event = replace(event, starts_at=content.starts_at, ends_at=content.ends_at)
            event = replace(event, is_all_day=content.is_all_day)
        if parts.show_as:
            event = replace(event, show_as=ShowAs.BUSY)
        self._mail("update", event)
        stored = self.mailbox.items[ref.key.item_id]
        stored.put(event)
        self.mailbox.put(ref.key.item_id, stored)
        change_key = stored.event.change_key
        self._end("update")
        return EventRef(ref.key, change_key, ref.wire_id)

    def delete(self, ref: EventRef) -> None:
        self._begin("delete")
        self._mail("cancel", self._current(ref))
        self.mailbox.remove(ref.key)
        self._end("delete")

    def decline(self, ref: EventRef) -> None:
        self._begin("decline")
        if not self._current(ref).is_invitation:
            raise Rejected("An appointment without another organiser cannot be declined.")
        self.mailbox.outbox.append("decline")
        self.mailbox.remove(ref.key)
        self._end("decline")

    def _begin(self, name: str) -> None:
        self.requests.append(name)
        self.hook(name, "before")
        known = [address.lower() for address in self.mailbox.addresses]
        if self.address and self.address.lower() not in known:
            raise NotFound("There is no such mailbox.")
        if not self.mailbox.can_open:
            raise AccessDenied("The account has no right to this calendar.")
        if name in WRITES and not self.mailbox.can_write:
            raise AccessDenied("The account may read this calendar, and not write into it.")

    def _end(self, name: str) -> None:
        self.hook(name, "after")

    def _mail(self, what: str, event: CalendarEvent) -> None:
        if self.mailbox.mails_attendees and event.has_attendees:
            self.mailbox.outbox.append(what)

    def _item(self, item_id: str, window: Window) -> Item:
        stored = self.mailbox.items[item_id]
        if stored.problem:
            return Item(item_id, problem=stored.problem)
        return Item(item_id, stored.events(window), stored.series is not None)

    def _current(self, ref: EventRef) -> CalendarEvent:
        """The event, if it is still as of the version given."""
        try:
            stored = self.mailbox.items[ref.key.item_id]
            if stored.event.change_key != ref.change_key:
                raise StaleChangeKey("The event was changed since it was read.")
            return occurrence(self.mailbox, ref.key)
        except KeyError as missing:
            raise NotFound("The event is not in this calendar.") from missing

    def _cursor(self, at: int) -> str:
        return f"{self.mailbox.key}:{at}"

    def _position(self, cursor: str) -> int:
        if not cursor:
            return 0
        key, _, at = cursor.rpartition(":")
        if key != self.mailbox.key or not at.isdigit() or int(at) > len(self.mailbox.log):
            raise SyncStateInvalid("The cursor is of another folder, or damaged.")
        return int(at)
