"""A calendar that can be read and not written: what a dry run is handed. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
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


class WriteRefused(RuntimeError):
    """Something tried to write in a dry run: a defect of ours."""


class ReadOnlyCalendar:
    """The port, whose writes are refused here and never reach the mailbox."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar = calendar
        self.mails_attendees = calendar.mails_attendees

    def open(self) -> Mailbox:
        return self._calendar.open()

    def advance(self, cursor: str) -> CursorPage:
        return self._calendar.advance(cursor)

    def changes(self, cursor: str, window: Window) -> Page:
        return self._calendar.changes(cursor, window)

    def view(self, window: Window, after: str = "") -> ViewPage:
        return self._calendar.view(window, after)

    def read(self, item_id: str, window: Window) -> Item:
        return self._calendar.read(item_id, window)

    def find(self, window: Window, *, stamp: str = "", uid: str = "") -> tuple[Item, ...]:
        return self._calendar.find(window, stamp=stamp, uid=uid)

    def create(self, content: Content, *, stamp: str, attempt_id: str) -> EventRef:
        self._refuse("create")

    def update(self, ref: EventRef, content: Content, parts: Parts) -> EventRef:
        self._refuse("update")

    def delete(self, ref: EventRef) -> None:
        self._refuse("delete")

    def decline(self, ref: EventRef) -> None:
        self._refuse("decline")

    def _refuse(self, what: str) -> NoReturn:
        raise WriteRefused(f"A dry run wanted to {what} an event.")
