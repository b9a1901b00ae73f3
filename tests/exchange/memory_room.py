"""The mailbox in memory, as the contract wants to be told of an implementation."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from apps.exchange.calendar import Calendar, CalendarEvent, EventKey, ShowAs
from apps.exchange.errors import (
    AuthenticationFailed,
    ExchangeError,
    Rejected,
    Throttled,
    Transient,
    Unclear,
)
from apps.exchange.memory import MemoryCalendar, MemoryMailbox, Outlook, occurrence
from apps.exchange.memory.port import WRITES
from apps.exchange.recurrence import Recurrence
from tests.exchange import contract
from tests.exchange.contract.room import NOW


@dataclass
class People:
    """The contract's verbs, by those of the mailbox in memory. A handle is a key."""

    mailbox: MemoryMailbox

    def __post_init__(self) -> None:
        self.outlook = Outlook(self.mailbox)

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
    ) -> EventKey:
        return self.outlook.book(
            starts_at, ends_at, subject, is_all_day=is_all_day, show_as=show_as,
            is_private=sensitivity != "normal",
        )  # fmt: skip

    def book_series(
        self,
        recurrence: Recurrence,
        at: dt.time,
        length: dt.timedelta,
        subject: str,
        *,
        time_zone: str = "UTC",
        is_all_day: bool = False,
    ) -> EventKey:
        limits = recurrence.range
        wall = dt.datetime.combine(limits.starts_on, at, tzinfo=ZoneInfo(time_zone))
        before = set(self.mailbox.items)
        self.outlook.book_series(
            wall.astimezone(dt.UTC), length, pattern=recurrence.pattern, count=limits.count,
            ends_on=limits.ends_on, time_zone=time_zone, subject=subject, is_all_day=is_all_day,
        )  # fmt: skip
        (item_id,) = set(self.mailbox.items) - before
        return EventKey(item_id)

    def invite(
        self,
        starts_at: dt.datetime,
        ends_at: dt.datetime,
        subject: str,
        *,
        organizer: tuple[str, str] = ("Olga", "olga@example.com"),
        response: str = "accepted",
    ) -> EventKey:
        name, address = organizer
        return self.outlook.book(
            starts_at, ends_at, subject, organizer=name, organizer_email=address,
            is_invitation=True, has_attendees=True, is_declined=response == "declined",
        )  # fmt: skip

    def call(self, starts_at: dt.datetime, ends_at: dt.datetime, subject: str) -> EventKey:
        return self.outlook.book(starts_at, ends_at, subject, has_attendees=True)

    def find(self, subject: str) -> EventKey:
        (item_id,) = [
            item_id
            for item_id, stored in self.mailbox.items.items()
            if stored.event.subject == subject
        ]
        return EventKey(item_id)

    def occurrence(self, series: EventKey, original_start: str) -> EventKey:
        return occurrence(self.mailbox, EventKey(series.item_id, original_start)).key

    def rename(self, handle: EventKey, subject: str) -> None:
        self.outlook.change(handle, subject=subject)

    def move(self, handle: EventKey, starts_at: dt.datetime) -> None:
        self.outlook.move(handle, starts_at)

    def show_as(self, handle: EventKey, show_as: ShowAs) -> None:
        self.outlook.change(handle, show_as=show_as)

    def mark(self, handle: EventKey, sensitivity: str) -> None:
        self.outlook.change(handle, is_private=sensitivity != "normal")

    def cancel(self, handle: EventKey) -> None:
        self.outlook.change(handle, is_cancelled=True)

    def copy(self, handle: EventKey, starts_at: dt.datetime) -> EventKey:
        return self.outlook.copy(handle, starts_at)

    def delete(self, handle: EventKey) -> None:
        self.outlook.delete(handle)

    def file_elsewhere(self, handle: EventKey) -> None:
        self.outlook.file_elsewhere(handle.item_id)

    def refile(self, handle: EventKey) -> None:
        self.outlook.refile(handle.item_id)

    def shift(self, series: EventKey, by: dt.timedelta) -> None:
        self.outlook.shift_series(series.item_id, by)

    def cut(self, series: EventKey, count: int) -> None:
        self.outlook.cut_series(series.item_id, count)

    def details(self, handle: EventKey) -> contract.Details:
        event: CalendarEvent = self.mailbox.items[handle.item_id].event
        return contract.Details(attendees=("somebody",) if event.has_attendees else ())

    def deleted_items(self) -> list[str]:
        return [stored.event.subject for stored in self.mailbox.trash.values()]

    def mails(self) -> list[str]:
        return self.mailbox.outbox


@dataclass
class BadDays:
    """Faults by the hook that all ports of the room share, and by facts of the mailbox."""

    mailbox: MemoryMailbox
    every_step: ExchangeError | None = None
    next_write: tuple[str, ExchangeError] | None = None

    def hook(self, name: str, when: str) -> None:
        if self.every_step is not None:
            raise self.every_step
        if self.next_write is not None and name in WRITES and self.next_write[0] == when:
            error, self.next_write = self.next_write[1], None
            raise error

    def refuse_sign_in(self) -> None:
        self.every_step = AuthenticationFailed("The password is wrong.")

    def take_rights(self) -> None:
        self.mailbox.can_open = False

    def take_writing(self) -> None:
        self.mailbox.can_write = False

    def be_busy(self, wait: dt.timedelta) -> None:
        self.every_step = Throttled("The server is busy.", retry_after=wait)

    def be_down(self) -> None:
        self.every_step = Transient("The server is down.")

    def lose_a_reply(self) -> None:
        self.next_write = "after", Unclear("No answer came back.")

    def refuse_an_event(self) -> None:
        self.next_write = "before", Rejected("The server does not take this event.")

    def damage(self, handle: EventKey) -> None:
        self.mailbox.items[handle.item_id].problem = "The item is damaged."

    def forget_cursors(self) -> None:
        self.mailbox.key += "-restored"

    def recreate(self) -> None:
        Outlook(self.mailbox).recreate_mailbox()


@dataclass
class MemoryRoom:
    is_view_thin: bool = False
    other: str = "lounge@example.com"
    nobody: str = "nobody@example.com"
    alias: str = "ROOM-1@example.org"
    tells_far_away: bool = True
    mailbox: MemoryMailbox = field(init=False)
    # As the contract has them.
    calendar: Calendar = field(init=False)
    outlook: contract.Outlook = field(init=False)
    faults: contract.Faults = field(init=False)

    def __post_init__(self) -> None:
        self.mailbox = MemoryMailbox(
            lambda: NOW, addresses=("room@example.com", self.alias.lower()), mails_attendees=True
        )
        self.elsewhere = MemoryMailbox(lambda: NOW, key="mailbox-2", addresses=(self.other,))
        self.bad_days = BadDays(self.mailbox)
        self.calendar = self.fresh()
        self.outlook = People(self.mailbox)
        self.faults = self.bad_days

    def fresh(self, address: str = "", *, page_size: int = 0) -> MemoryCalendar:
        return MemoryCalendar(
            self.elsewhere if address == self.other else self.mailbox,
            hook=self.bad_days.hook,
            page_size=page_size or 100,
            is_view_thin=self.is_view_thin,
            address=address,
        )
