"""What people do to a mailbox in memory. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from apps.exchange.calendar import CalendarEvent, EventKey, ShowAs
from apps.exchange.memory.mailbox import EVER, MemoryMailbox, Stored, occurrence
from apps.exchange.recurrence import (
    Frequency,
    Pattern,
    Range,
    Recurrence,
    Series,
    Weekday,
    index_of,
    slots,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(slots=True)
class Outlook:
    """The person's side of a mailbox. Every verb gives the key, or keys, that it made."""

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
        pattern: Pattern | None = None,
        count: int | None = 4,
        ends_on: dt.date | None = None,
        time_zone: str = "UTC",
        subject: str = "Weekly",
        **fields: object,
    ) -> list[EventKey]:
        """Every so many days, or by a pattern; at the wall time that `first` is in the zone."""
        series = _series(first, length, pattern or _every(days, first, time_zone), time_zone)
        limits = replace(series.recurrence.range, count=count, ends_on=ends_on)
        recurrence = replace(series.recurrence, range=limits)
        key = self.book(first, first + length, subject, **fields)
        is_all_day = self.mailbox.items[key.item_id].event.is_all_day
        self._reshape(key.item_id, replace(series, recurrence=recurrence, is_all_day=is_all_day))
        return self.keys(key.item_id)

    def keys(self, item_id: str) -> list[EventKey]:
        return [event.key for event in self.mailbox.events(item_id, EVER)]

    def change(self, key: EventKey, **fields: object) -> None:
        """Change a single or one occurrence: starts_at, subject, show_as, is_private, ...

        The key of a master changes what those occurrences share that are no exceptions.
        """
        stored = self.mailbox.items[key.item_id]
        event = occurrence(self.mailbox, key) if key.original_start else stored.event
        stored.put(replace(event, **fields))  # type: ignore[arg-type]
        self.mailbox.put(key.item_id, stored)

    def move(self, key: EventKey, starts_at: dt.datetime) -> None:
        event = occurrence(self.mailbox, key)
        self.change(key, starts_at=starts_at, ends_at=starts_at + (event.ends_at - event.starts_at))

    def delete(self, key: EventKey) -> None:
        """Delete a single, or one occurrence; the key of a master deletes the series."""
        self.mailbox.remove(key)

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
        series = self._series_of(item_id)
        pattern, limits = series.recurrence.pattern, series.recurrence.range
        before = dt.datetime.combine(limits.starts_on, series.starts_at_wall)
        wall = before + by
        passed = wall.date() - limits.starts_on
        shifted = replace(
            series,
            recurrence=Recurrence(
                _turned(pattern, wall.date(), passed.days),
                replace(
                    limits,
                    starts_on=wall.date(),
                    ends_on=limits.ends_on + passed if limits.ends_on else None,
                ),
            ),
            starts_at_wall=wall.time(),
            deleted=frozenset(),
            moved={},
        )
        self._reshape(item_id, shifted)

    def cut_series(self, item_id: str, count: int) -> None:
        """Let it end after so many."""
        series = self._series_of(item_id)
        limits = replace(series.recurrence.range, count=count, ends_on=None)
        kept = {name: at for name, at in series.moved.items() if index_of(series, name) <= count}
        self._reshape(
            item_id,
            replace(series, recurrence=replace(series.recurrence, range=limits), moved=kept),
        )

    def make_single(self, item_id: str) -> None:
        stored = self.mailbox.items[item_id]
        self.mailbox.put(item_id, Stored(stored.event))

    def make_series(self, item_id: str, *, days: int = 7, count: int = 4) -> None:
        event = self.mailbox.items[item_id].event
        length = event.ends_at - event.starts_at
        series = _series(event.starts_at, length, _every(days, event.starts_at, "UTC"), "UTC")
        limits = replace(series.recurrence.range, count=count)
        self._reshape(item_id, replace(series, recurrence=replace(series.recurrence, range=limits)))

    def put_back(self, item_id: str) -> EventKey:
        """Out of the Deleted Items, or of another folder: a new id, the same UID and stamp."""
        return EventKey(self.mailbox.bring_back(item_id))

    def file_elsewhere(self, item_id: str) -> None:
        """Into another folder."""
        self.mailbox.file_elsewhere(item_id)

    def refile(self, item_id: str) -> EventKey:
        """Into another folder and back."""
        self.mailbox.file_elsewhere(item_id)
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

    def _series_of(self, item_id: str) -> Series:
        series = self.mailbox.items[item_id].series
        if series is None:
            raise TypeError(f"{item_id} is no series")
        return series

    def _reshape(self, item_id: str, series: Series) -> None:
        """Give an item this recurrence; its first occurrence tells when the master is."""
        stored = self.mailbox.items[item_id]
        one = replace(series.recurrence, range=replace(series.recurrence.range, count=1))
        first = next(slots(replace(series, recurrence=one, moved={}, deleted=frozenset()), EVER))
        stored.event = replace(stored.event, starts_at=first.starts_at, ends_at=first.ends_at)
        stored.series = series
        stored.exceptions = {
            name: event for name, event in stored.exceptions.items() if name in series.moved
        }
        self.mailbox.put(item_id, stored)


def _every(days: int, first: dt.datetime, time_zone: str) -> Pattern:
    if days % 7:
        return Pattern(Frequency.DAILY, days)
    on = first.astimezone(ZoneInfo(time_zone)).weekday()
    return Pattern(Frequency.WEEKLY, days // 7, (Weekday(on),))


def _series(first: dt.datetime, length: dt.timedelta, pattern: Pattern, time_zone: str) -> Series:
    wall = first.astimezone(ZoneInfo(time_zone))
    return Series(Recurrence(pattern, Range(wall.date())), wall.time(), length, time_zone)


def _turned(pattern: Pattern, starts_on: dt.date, days: int) -> Pattern:
    """A pattern whose first occurrence was moved by so many days, to this date."""
    match pattern.frequency:
        case Frequency.WEEKLY:
            return replace(pattern, days=tuple(Weekday((day + days) % 7) for day in pattern.days))
        case Frequency.MONTHLY | Frequency.YEARLY if days:
            return replace(pattern, day_of_month=starts_on.day, month=starts_on.month)
        case _:
            return pattern
