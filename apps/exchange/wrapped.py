"""A calendar with something before each step: the refusal of writes, or a look whether to go on. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.exchange.calendar import (
        Calendar,
        Content,
        CursorPage,
        EventRef,
        Item,
        Mailbox,
        Page,
        Parts,
        ViewPage,
        Window,
    )

WRITES = frozenset({"create", "update", "delete", "decline"})


class WriteRefused(RuntimeError):
    """Something tried to write in a dry run: a defect of ours."""


class WrappedCalendar:
    """The port; `before` is told the name of each step, and what it raises goes up."""

    def __init__(self, calendar: Calendar, before: Callable[[str], None]) -> None:
        self._calendar = calendar
        self._before = before
        self.mails_attendees = calendar.mails_attendees

    def open(self) -> Mailbox:
        self._before("open")
        return self._calendar.open()

    def advance(self, cursor: str, window: Window) -> CursorPage:
        self._before("advance")
        return self._calendar.advance(cursor, window)

    def changes(self, cursor: str, window: Window) -> Page:
        self._before("changes")
        return self._calendar.changes(cursor, window)

    def view(self, window: Window, after: str = "") -> ViewPage:
        self._before("view")
        return self._calendar.view(window, after)

    def read(self, item_id: str, window: Window) -> Item:
        self._before("read")
        return self._calendar.read(item_id, window)

    def find(self, window: Window, *, stamp: str = "", uid: str = "") -> tuple[Item, ...]:
        self._before("find")
        return self._calendar.find(window, stamp=stamp, uid=uid)

    def create(self, content: Content, *, stamp: str, attempt_id: str) -> EventRef:
        self._before("create")
        return self._calendar.create(content, stamp=stamp, attempt_id=attempt_id)

    def update(self, ref: EventRef, content: Content, parts: Parts) -> EventRef:
        self._before("update")
        return self._calendar.update(ref, content, parts)

    def delete(self, ref: EventRef) -> None:
        self._before("delete")
        self._calendar.delete(ref)

    def decline(self, ref: EventRef) -> None:
        self._before("decline")
        self._calendar.decline(ref)


def read_only(calendar: Calendar) -> WrappedCalendar:
    """The port as a dry run is handed it: its writes never reach the mailbox."""

    def refuse_writes(step: str) -> None:
        if step in WRITES:
            raise WriteRefused(f"A dry run wanted to {step} an event.")

    return WrappedCalendar(calendar, refuse_writes)
