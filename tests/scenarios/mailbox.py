"""A mailbox of the sandbox with the verbs of the one in memory, so that both live through the same tests.

It reads and writes the sandbox's store beside the wire: what it tells has passed no parser of ours.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, cast
from zoneinfo import ZoneInfo

from apps.exchange.calendar import CalendarEvent, EventKey, ShowAs, Window
from apps.exchange.ews.mapping import STAMP_NAME, STAMP_SET
from apps.exchange.memory import EVER
from apps.exchange.recurrence import Frequency, Pattern, Range, Recurrence, Weekday
from apps.sandbox import recurrence as theirs
from apps.sandbox import zones
from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Attendee, Item, Person, PropertyName, StoreError
from apps.sandbox.store import series as expanding
from apps.sandbox.store.model import StoreEvent
from tests.exchange.ews.sandbox_room import ACCOUNT, DOMAIN, MAILS, OLGA, SHOWN, pattern_of

UTC = dt.UTC
READ = {word: show_as for show_as, word in SHOWN.items()}
STAMP = PropertyName(STAMP_SET, STAMP_NAME)
GUEST = Attendee(name="Olga", address=OLGA)
# Occurrences of a series that are looked at.
SHOWN_OF_SERIES = 100
MIDNIGHTS = ("UTC", "Europe/London", "Australia/Sydney", "America/New_York")


@dataclass
class Seen:
    """An item of the folder."""

    mailbox: SandboxMailbox
    item: Item

    @property
    def event(self) -> CalendarEvent:
        key = EventKey(self.mailbox.wire_id(self.item))
        return self.mailbox.event_of(self.item, key, self.item)

    @property
    def series(self) -> theirs.Recurrence | None:
        return self.item.recurrence

    @property
    def problem(self) -> str:
        return "Damaged." if self.item.id in self.mailbox.damaged else ""

    @problem.setter
    def problem(self, words: str) -> None:
        self.mailbox.damage(self.item.id, is_damaged=bool(words))

    def events(self, window: Window) -> tuple[CalendarEvent, ...]:
        """The single, or the occurrences that overlap a window and every exception."""
        if self.item.recurrence is None:
            return (self.event,)
        shown = {one.index: one for one in self._occurrences(window)}
        shown |= {one.index: one for one in expanding.exceptions(self.item)}
        item_id = self.mailbox.wire_id(self.item)
        return tuple(
            self.mailbox.event_of(one, EventKey(item_id, name_of(one)), self.item)
            for one in shown.values()
        )

    def occurrence(self, name: str) -> CalendarEvent | None:
        """The one with this original start, wherever it lies now."""
        found = (event for event in self.events(EVER) if event.key.original_start == name)
        return next(found, None)

    def _occurrences(self, window: Window) -> list[Item]:
        if window == EVER:
            return expanding.all_of(self.item, SHOWN_OF_SERIES)
        return expanding.between(self.item, window.starts_at, window.ends_at)


class Items(dict[str, Seen]):
    """By id, and by the names that tests gave."""

    named: dict[str, str]

    def __missing__(self, name: str) -> Seen:
        return self[self.named[name]]


class Log(list[str]):
    """Ids in the order of the items' creation; who adds one lets it count as changed."""

    def __init__(self, mailbox: SandboxMailbox) -> None:
        super().__init__(mailbox.items)
        self._mailbox = mailbox

    def append(self, item_id: str) -> None:
        self._mailbox.server.store.write(self._mailbox.stored(item_id), {})


@dataclass
class SandboxMailbox:
    server: SandboxServer
    address: str
    # EWS never mails for what we write.
    mails_attendees: bool = False
    # What an answer says of when an event begins.
    start_element: str = "Start"
    # What was deleted: its id in the calendar, and in the Deleted Items.
    trash: dict[str, str] = field(default_factory=dict)
    damaged: dict[str, int] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.close = self.server.store.listen(self._heard)

    @property
    def key(self) -> str:
        return str(self.box.calendar.id)

    @property
    def box(self) -> Any:
        return self.server.store.mailbox(self.address)

    @property
    def items(self) -> dict[str, Seen]:
        found = Items({self.wire_id(one): Seen(self, one) for one in self.box.calendar.items})
        found.named = self.named
        return found

    @property
    def log(self) -> Log:
        return Log(self)

    @property
    def outbox(self) -> list[str]:
        outbox = self.server.store.organisation(DOMAIN).outbox
        return [MAILS.get(one.kind, one.kind) for one in outbox if one.sender == self.address]

    @property
    def can_open(self) -> bool:
        """Whether the connection has a right to it."""
        account = self.server.store.account(ACCOUNT)
        return account is None or account.rights.get(self.address.lower()) != "none"

    @can_open.setter
    def can_open(self, can: bool) -> None:
        self.server.store.set_right(ACCOUNT, self.address, "editor" if can else "none")

    def wire_id(self, item: Item) -> str:
        """The id of a single or a master, as the wire has it."""
        return item.id

    def stored(self, wire_id: str) -> str:
        """The sandbox's own id of what has this one on the wire."""
        return wire_id

    def event_of(self, item: Item, key: EventKey, whole: Item) -> CalendarEvent:
        # All occurrences have the version of their master.
        return event_of(item, key, whole.change_key)

    def events(self, item_id: str, window: Window) -> tuple[CalendarEvent, ...]:
        return Seen(self, self.server.store.item(self.stored(item_id))).events(window)

    def new_id(self) -> str:
        """A name for what is put next; the sandbox gives ids of its own."""
        return f"new {len(self.named)}"

    def put(self, name: str, stored: Seen) -> None:
        """A second item with the same UID and stamp."""
        item = stored.item
        names = ("subject", "start", "end", "start_zone", "end_zone", "all_day", "show_as",
                 "sensitivity", "extended", "uid", "recurrence", "attendees")  # fmt: skip
        made = self.server.store.write_new(
            self.box.calendar.id,
            {one: getattr(item, one) for one in names},
            organizer=item.organizer,
            was_received=item.was_received,
            my_response=item.my_response,
            is_cancelled=item.is_cancelled,
            **self.copied(item),
        )
        self.named[name] = self.wire_id(made)

    def copied(self, item: Item) -> dict[str, Any]:
        """What only a restored backup brings along."""
        return {"overrides": item.overrides, "deleted": item.deleted}

    def damage(self, item_id: str, *, is_damaged: bool) -> None:
        """Let the server leave out when an event is, wherever it tells of it."""
        if item_id in self.damaged:
            self.server.faults.forget(self.damaged.pop(item_id))
        if is_damaged:
            arranged = self.server.faults.arrange(
                {
                    "kind": "odd", "element": self.start_element, "remove": True,
                    "item": item_id, "count": None,
                }
            )  # fmt: skip
            self.damaged[item_id] = arranged.id

    def _heard(self, event: StoreEvent) -> None:
        bin_id = self.server.store.find_mailbox(self.address)
        if event.kind == "Moved" and bin_id and event.folder_id == bin_id.deleted_items.id:
            self.trash[event.old_item_id] = event.item_id


@dataclass
class SandboxOutlook:
    """What people do, as the verbs of Outlook in memory have it."""

    mailbox: SandboxMailbox

    @property
    def store(self) -> Any:
        return self.mailbox.server.store

    def book(
        self,
        starts_at: dt.datetime,
        ends_at: dt.datetime,
        subject: str = "Meeting",
        **fields: Any,
    ) -> EventKey:
        zone = zones.windows_name(
            _zone_of(starts_at, ends_at) if fields.get("is_all_day") else "UTC"
        )
        values, inner = _words({"starts_at": starts_at, "ends_at": ends_at, **fields})
        inner.setdefault("organizer", Person("Olga", OLGA))
        item = self.store.write_new(
            self.mailbox.box.calendar.id,
            {"subject": subject, "start_zone": zone, "end_zone": zone, **values},
            **inner,
        )
        return self._key(item)

    def book_series(
        self,
        first: dt.datetime,
        length: dt.timedelta,
        *,
        days: int = 7,
        pattern: Pattern | None = None,
        count: int | None = 4,
        ends_on: dt.date | None = None,
        time_zone: str = "UTC",
        subject: str = "Weekly",
        **fields: Any,
    ) -> list[EventKey]:
        wall = first.astimezone(ZoneInfo(time_zone))
        rule = Recurrence(
            pattern or _every(days, first, time_zone),
            Range(wall.date(), count=count, ends_on=ends_on),
        )
        zone = zones.windows_name(time_zone)
        values, inner = _words({"starts_at": first, "ends_at": first + length, **fields})
        inner.setdefault("organizer", Person("Olga", OLGA))
        whole = {"subject": subject, "start_zone": zone, "end_zone": zone, **values}
        item = self.store.write_new(
            self.mailbox.box.calendar.id, {**whole, "recurrence": pattern_of(rule)}, **inner
        )
        return self.keys(self.mailbox.wire_id(item))

    def keys(self, item_id: str) -> list[EventKey]:
        return [event.key for event in self.mailbox.events(item_id, EVER)]

    def change(self, key: EventKey, **fields: Any) -> None:
        """What Exchange refuses, people do not do."""
        values, inner = _words(fields)
        if values.get("all_day"):
            values |= {"start_zone": zones.UTC, "end_zone": zones.UTC}
        with _refused():
            self.store.write(self._handle(key), values, **inner)

    def move(self, key: EventKey, starts_at: dt.datetime) -> None:
        item = self._item(key)
        length = item.end - item.start
        self.change(key, starts_at=starts_at, ends_at=starts_at + length)

    def delete(self, key: EventKey) -> None:
        self.store.delete(self._handle(key), "MoveToDeletedItems")

    def copy(self, key: EventKey, starts_at: dt.datetime) -> EventKey:
        copied = self.store.copy(self._handle(key))
        whole = self._key(copied)
        self.move(whole, starts_at)
        return whole

    def shift_series(self, item_id: str, by: dt.timedelta) -> None:
        item = self._item(EventKey(item_id))
        rule = item.recurrence
        assert rule is not None
        zone = zones.zone(item.start_zone)
        starts_at = item.start.astimezone(zone).replace(tzinfo=None) + by
        passed = starts_at.date() - item.start.astimezone(zone).date()
        pattern = _turned(rule.pattern, starts_at.date(), passed.days)
        end = rule.end + passed if rule.end else None
        at = starts_at.replace(tzinfo=zone).astimezone(UTC)
        moved = replace(rule, pattern=pattern, start=starts_at.date(), end=end)
        with _refused():
            self.store.write(
                item.id,
                {"start": at, "end": at + (item.end - item.start), "recurrence": moved},
            )

    def cut_series(self, item_id: str, count: int) -> None:
        item = self._item(EventKey(item_id))
        rule = item.recurrence
        assert rule is not None
        self.store.write(item.id, {"recurrence": replace(rule, count=count, end=None)})

    def make_single(self, item_id: str) -> None:
        self.store.write(self.mailbox.stored(item_id), {"recurrence": None})

    def make_series(self, item_id: str, *, days: int = 7, count: int = 4) -> None:
        item = self._item(EventKey(item_id))
        rule = Recurrence(_every(days, item.start, "UTC"), Range(item.start.date(), count=count))
        with _refused():
            self.store.write(
                item.id,
                {
                    "recurrence": pattern_of(rule), "start_zone": zones.UTC, "end_zone": zones.UTC,
                    "start": item.start, "end": item.end,
                },
            )  # fmt: skip

    def put_back(self, item_id: str) -> EventKey:
        stored = self.mailbox.stored(item_id)
        return self._key(self.store.restore(self.mailbox.trash.pop(stored, stored)))

    def file_elsewhere(self, item_id: str) -> None:
        self.store.move(self.mailbox.stored(item_id), self.mailbox.box.other.id)

    def refile(self, item_id: str) -> EventKey:
        moved = self.store.move(self.mailbox.stored(item_id), self.mailbox.box.other.id)
        return self._key(self.store.restore(moved.id))

    def recreate_mailbox(self) -> None:
        self.mailbox.trash.clear()
        self.store.replace_mailbox(self.mailbox.address)

    def blocking(self) -> Iterable[CalendarEvent]:
        return [
            event
            for seen in self.mailbox.items.values()
            for event in seen.events(EVER)
            if event.show_as is not ShowAs.FREE
            and not event.is_cancelled
            and not event.is_declined
            and event.ends_at > event.starts_at
        ]

    def _item(self, key: EventKey) -> Item:
        return cast("Item", self.store.item(self._handle(key)))

    def _key(self, item: Item) -> EventKey:
        return EventKey(self.mailbox.wire_id(item))

    def _handle(self, key: EventKey) -> str:
        stored = self.mailbox.stored(key.item_id)
        if not key.original_start:
            return stored
        for one in expanding.all_of(self.store.item(stored), SHOWN_OF_SERIES):
            if name_of(one) == key.original_start:
                return one.id
        raise KeyError(key)


def event_of(item: Item, key: EventKey, change_key: str) -> CalendarEvent:
    stamp = str(item.extended.get(STAMP, ""))
    return CalendarEvent(
        key=key,
        uid=item.uid,
        # All occurrences have the version of their master.
        change_key=change_key,
        starts_at=item.start,
        ends_at=item.end,
        show_as=READ[item.show_as],
        is_all_day=item.all_day,
        is_cancelled=item.is_cancelled,
        is_declined=item.my_response == "Decline",
        is_private=item.sensitivity != "Normal",
        subject=item.subject,
        organizer=item.organizer.name,
        organizer_email=item.organizer.address,
        is_invitation=item.was_received,
        # The bit of a cancelled meeting says that it is one.
        has_attendees=item.is_meeting or item.is_cancelled,
        stamp=stamp,
        attempt_id=item.uid if stamp else "",
        created_at=item.created_at,
    )


def name_of(occurrence: Item) -> str:
    """What the port calls an occurrence: its original start, a date when the series is all-day."""
    at = occurrence.original_start
    assert at is not None
    local = at.astimezone(zones.zone(occurrence.start_zone))
    if occurrence.all_day and local.time() == dt.time():
        return local.date().isoformat()
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


@contextlib.contextmanager
def _refused() -> Iterator[None]:
    """Exchange says no: a person sees that, and nothing has changed."""
    with contextlib.suppress(StoreError):
        yield


SETTING: dict[str, Callable[[Any], dict[str, Any]]] = {
    "starts_at": lambda at: {"start": at},
    "ends_at": lambda at: {"end": at},
    "subject": lambda words: {"subject": words},
    "show_as": lambda show_as: {"show_as": SHOWN[show_as]},
    "is_private": lambda is_private: {"sensitivity": "Private" if is_private else "Normal"},
    "is_all_day": lambda is_all_day: {"all_day": is_all_day},
    "stamp": lambda stamp: {"extended": {STAMP: stamp}},
    "has_attendees": lambda has: {"attendees": (GUEST,) if has else ()},
}
# What only Exchange sets.
INNER: dict[str, Callable[[Any], dict[str, Any]]] = {
    "is_cancelled": lambda is_cancelled: {"is_cancelled": is_cancelled},
    "is_declined": lambda is_declined: {"my_response": "Decline" if is_declined else "Accept"},
    "is_invitation": lambda is_one: (
        {"was_received": True, "my_response": "Accept"} if is_one else {"was_received": False}
    ),
}


def _words(fields: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What people may set, and what only Exchange may."""
    values: dict[str, Any] = {}
    inner: dict[str, Any] = {}
    for name, value in fields.items():
        if name in SETTING:
            values |= SETTING[name](value)
        else:
            inner |= INNER[name](value)
    return values, inner


def _zone_of(*midnights: dt.datetime) -> str:
    """A zone in which all of these are midnights."""
    return next(
        (
            zone
            for zone in MIDNIGHTS
            if all(at.astimezone(ZoneInfo(zone)).time() == dt.time() for at in midnights)
        ),
        "UTC",
    )


def _every(days: int, first: dt.datetime, time_zone: str) -> Pattern:
    if days % 7:
        return Pattern(Frequency.DAILY, days)
    on = first.astimezone(ZoneInfo(time_zone)).weekday()
    return Pattern(Frequency.WEEKLY, days // 7, (Weekday(on),))


def _turned(pattern: theirs.Pattern, starts_on: dt.date, days: int) -> theirs.Pattern:
    if pattern.kind == "Weekly":
        turned = [theirs.WEEK[(theirs.WEEK.index(day) + days) % 7] for day in pattern.days]
        return replace(pattern, days=tuple(turned))
    if pattern.kind in {"AbsoluteMonthly", "AbsoluteYearly"} and days:
        return replace(pattern, day=starts_on.day, month=starts_on.month)
    return pattern
