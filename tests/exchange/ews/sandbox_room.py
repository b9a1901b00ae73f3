"""A room on the sandbox, as the contract wants to be told of an implementation.

The port goes over HTTP to the sandbox's server; people and bad days go to its store, beside it.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Any

from apps.exchange.calendar import Calendar, ShowAs
from apps.exchange.ews.calendar import EwsCalendar
from apps.exchange.ews.session import EwsSettings
from apps.exchange.ews.wire import Wire
from apps.exchange.recurrence import Frequency, Recurrence
from apps.sandbox import recurrence as theirs
from apps.sandbox import zones
from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Attendee, Item, Person
from tests.exchange import contract
from tests.exchange.contract.room import DAY, NOW, UTC

DOMAIN = "example.com"
ROOM, OTHER, OLGA = (f"{name}@{DOMAIN}" for name in ("room", "lounge", "olga"))
ALIAS = "Room-1@example.org"
ACCOUNT, PASSWORD = f"svc@{DOMAIN}", "hunter2"
SHOWN = {
    ShowAs.FREE: "Free", ShowAs.TENTATIVE: "Tentative", ShowAs.BUSY: "Busy",
    ShowAs.OUT_OF_OFFICE: "OOF", ShowAs.ELSEWHERE: "WorkingElsewhere", ShowAs.UNKNOWN: "NoData",
}  # fmt: skip
RESPONSES: dict[str, Any] = {
    "accepted": "Accept", "tentative": "Tentative", "declined": "Decline",
}  # fmt: skip
MAILS = {"decline": "decline", "update": "update", "cancellation": "cancel"}
KINDS: dict[Frequency, Any] = {
    Frequency.DAILY: "Daily", Frequency.WEEKLY: "Weekly",
    Frequency.MONTHLY: "AbsoluteMonthly", Frequency.MONTHLY_RELATIVE: "RelativeMonthly",
    Frequency.YEARLY: "AbsoluteYearly", Frequency.YEARLY_RELATIVE: "RelativeYearly",
}  # fmt: skip


def pattern_of(recurrence: Recurrence) -> theirs.Recurrence:
    """The sandbox's own words for a recurrence."""
    pattern, limits = recurrence.pattern, recurrence.range
    return theirs.Recurrence(
        pattern=theirs.Pattern(
            kind=KINDS[pattern.frequency],
            interval=pattern.interval,
            days=tuple(theirs.WEEK[day] for day in pattern.days),
            first_day=theirs.WEEK[pattern.first_day],
            day=pattern.day_of_month or 1,
            order=pattern.nth.capitalize(),
            month=pattern.month or 1,
        ),
        start=limits.starts_on,
        end=limits.ends_on,
        count=limits.count,
    )


@dataclass
class People:
    """The contract's verbs, by those of the sandbox's store. A handle is an id."""

    server: SandboxServer
    address: str = ROOM

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
    ) -> str:
        return self._create(
            start=starts_at, end=ends_at, subject=subject, all_day=is_all_day,
            start_zone=zones.windows_name(time_zone), end_zone=zones.windows_name(time_zone),
            show_as=SHOWN[show_as], sensitivity=sensitivity.capitalize(),
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
    ) -> str:
        zone = zones.windows_name(time_zone)
        wall = dt.datetime.combine(recurrence.range.starts_on, at)
        return self._create(
            start=wall.replace(tzinfo=zones.zone(zone)).astimezone(UTC),
            end=(wall + length).replace(tzinfo=zones.zone(zone)).astimezone(UTC),
            start_zone=zone, end_zone=zone, subject=subject, all_day=is_all_day,
            recurrence=pattern_of(recurrence),
        )  # fmt: skip

    def invite(
        self,
        starts_at: dt.datetime,
        ends_at: dt.datetime,
        subject: str,
        *,
        organizer: tuple[str, str] = ("Olga", OLGA),
        response: str = "accepted",
    ) -> str:
        room = Attendee(name="Room", address=self.address, role="Resource")
        made = self.server.store.write_new(
            self._calendar,
            {"start": starts_at, "end": ends_at, "subject": subject, "attendees": (room,)},
            organizer=Person(*organizer),
            was_received=True,
            my_response=RESPONSES[response],
        )
        return str(made.id)

    def call(self, starts_at: dt.datetime, ends_at: dt.datetime, subject: str) -> str:
        olga = Attendee(name="Olga", address=OLGA)
        return self._create(start=starts_at, end=ends_at, subject=subject, attendees=(olga,))

    def find(self, subject: str) -> str:
        (found,) = [one for one in self._mailbox.calendar.items if one.subject == subject]
        return str(found.id)

    def occurrence(self, series: str, original_start: str) -> str:
        at = dt.datetime.fromisoformat(original_start).replace(tzinfo=UTC)
        store = self.server.store
        for number in range(1, 400):
            one = store.occurrence(series, number)
            if one.original_start is not None and abs(one.original_start - at) < DAY / 2:
                return str(one.id)
        raise AssertionError(f"{original_start} is no occurrence")

    def rename(self, handle: str, subject: str) -> None:
        self._write(handle, subject=subject)

    def move(self, handle: str, starts_at: dt.datetime) -> None:
        item = self._item(handle)
        self._write(handle, start=starts_at, end=starts_at + (item.end - item.start))

    def show_as(self, handle: str, show_as: ShowAs) -> None:
        self._write(handle, show_as=SHOWN[show_as])

    def mark(self, handle: str, sensitivity: str) -> None:
        self._write(handle, sensitivity=sensitivity.capitalize())

    def cancel(self, handle: str) -> None:
        subject = f"Canceled: {self._item(handle).subject}"
        self.server.store.write(handle, {"subject": subject}, is_cancelled=True)

    def copy(self, handle: str, starts_at: dt.datetime) -> str:
        copied = self.server.store.copy(handle).id
        self.move(copied, starts_at)
        return copied

    def delete(self, handle: str) -> None:
        self.server.store.delete(handle, "MoveToDeletedItems")

    def file_elsewhere(self, handle: str) -> None:
        self.server.store.move(handle, self._mailbox.other.id)

    def refile(self, handle: str) -> None:
        moved = self.server.store.move(handle, self._mailbox.other.id)
        self.server.store.restore(moved.id)

    def shift(self, series: str, by: dt.timedelta) -> None:
        item = self._item(series)
        rule = item.recurrence
        assert rule is not None
        zone = zones.zone(item.start_zone)
        starts_at = item.start.astimezone(zone).replace(tzinfo=None) + by
        days = (starts_at.date() - rule.start).days
        pattern = rule.pattern
        if pattern.kind == "Weekly":
            turned = [theirs.WEEK[(theirs.WEEK.index(day) + days) % 7] for day in pattern.days]
            pattern = replace(pattern, days=tuple(turned))
        at = starts_at.replace(tzinfo=zone).astimezone(UTC)
        moved = replace(
            rule,
            pattern=pattern,
            start=starts_at.date(),
            end=rule.end + dt.timedelta(days=days) if rule.end else None,
        )
        self._write(series, start=at, end=at + (item.end - item.start), recurrence=moved)

    def cut(self, series: str, count: int) -> None:
        rule = self._item(series).recurrence
        assert rule is not None
        self._write(series, recurrence=replace(rule, count=count, end=None))

    def details(self, handle: str) -> contract.Details:
        item = self._item(handle)
        return contract.Details(
            item.body, item.reminder_is_set, tuple(one.address for one in item.attendees)
        )

    def deleted_items(self) -> list[str]:
        return [one.subject for one in self._mailbox.deleted_items.items]

    def mails(self) -> list[str]:
        outbox = self.server.store.organisation(DOMAIN).outbox
        return [MAILS[mail.kind] for mail in outbox if mail.sender == self.address]

    @property
    def _mailbox(self) -> Any:
        return self.server.store.mailbox(self.address)

    @property
    def _calendar(self) -> str:
        return str(self._mailbox.calendar.id)

    def _item(self, handle: str) -> Item:
        return self.server.store.item(handle)

    def _create(self, **fields: object) -> str:
        return str(self.server.store.create(self._calendar, fields).id)

    def _write(self, handle: str, **fields: object) -> None:
        self.server.store.change(handle, fields)


@dataclass
class BadDays:
    """Faults, as the sandbox takes them over HTTP too."""

    server: SandboxServer

    def refuse_sign_in(self) -> None:
        self.server.store.set_password(ACCOUNT, "changed")

    def take_rights(self) -> None:
        self.server.store.set_right(ACCOUNT, ROOM, "none")

    def take_writing(self) -> None:
        self.server.store.set_right(ACCOUNT, ROOM, "reviewer")

    def be_busy(self, wait: dt.timedelta) -> None:
        self._arrange(kind="busy", seconds=wait.total_seconds(), count=None)

    def be_down(self) -> None:
        self._arrange(kind="cut-before", count=None)

    def lose_a_reply(self) -> None:
        for operation in ("CreateItem", "UpdateItem"):
            self._arrange(kind="cut-after", operation=operation)

    def refuse_an_event(self) -> None:
        self._arrange(kind="error", operation="CreateItem", code="ErrorCalendarDurationIsTooLong")

    def damage(self, handle: str) -> None:
        self._arrange(kind="odd", element="Start", remove=True, item=handle, count=None)

    def forget_cursors(self) -> None:
        store = self.server.store
        store.forget_sync_states(store.mailbox(ROOM).calendar.id)

    def recreate(self) -> None:
        self.server.store.replace_mailbox(ROOM)

    def _arrange(self, **fault: object) -> None:
        self.server.faults.arrange(fault)


@dataclass
class SandboxRoom:
    server: SandboxServer
    access: str = "impersonation"
    auth: str = "basic"
    other: str = OTHER
    nobody: str = f"nobody@{DOMAIN}"
    alias: str = ALIAS
    tells_far_away: bool = True
    # As the contract has them.
    calendar: Calendar = field(init=False)
    outlook: contract.Outlook = field(init=False)
    faults: contract.Faults = field(init=False)

    def __post_init__(self) -> None:
        store = self.server.store
        store.organisations.clear()
        store.index_again()
        store.add_organisation(
            domain=DOMAIN, name="Example", server=self.server.url, time_zone="UTC"
        )
        for address, kind, aliases in (
            (ROOM, "room", (ALIAS,)), (OTHER, "room", ()), (OLGA, "user", ()),
        ):  # fmt: skip
            name = address.partition("@")[0].capitalize()
            store.add_mailbox(DOMAIN, address=address, name=name, kind=kind, aliases=aliases)  # type: ignore[arg-type]
        store.add_account(
            DOMAIN, name=ACCOUNT, login="EXAMPLE\\svc", password=PASSWORD,
            impersonates=("room",) if self.access == "impersonation" else (),
            rights={ROOM: "editor", OTHER: "editor"},
        )  # fmt: skip
        store.set_clock(NOW)
        self.calendar = self.fresh()
        self.outlook = People(self.server)
        self.faults = BadDays(self.server)

    @property
    def settings(self) -> EwsSettings:
        return EwsSettings(
            self.server.url, ACCOUNT, PASSWORD, auth=self.auth, access=self.access, key="room"
        )

    def fresh(self, address: str = "", *, page_size: int = 0) -> EwsCalendar:
        wire = Wire(self.settings, address or ROOM)
        return EwsCalendar(wire, page_size=page_size or 1000)
