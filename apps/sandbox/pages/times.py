"""Times as a person in the mailbox's place writes and reads them."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

if TYPE_CHECKING:
    from apps.sandbox.store import Item, Mailbox


def local(moment: dt.datetime, mailbox: Mailbox) -> dt.datetime:
    """Give a moment as the clock on the wall there shows it."""
    return moment.astimezone(ZoneInfo(mailbox.time_zone))


def at(day: dt.date, time: dt.time, mailbox: Mailbox) -> dt.datetime:
    """Give the moment of a wall time there, in UTC."""
    return dt.datetime.combine(day, time, tzinfo=ZoneInfo(mailbox.time_zone)).astimezone(dt.UTC)


def monday(day: dt.date) -> dt.date:
    """Give the Monday of a day's week."""
    return day - dt.timedelta(days=day.weekday())


def day_name(day: dt.date) -> str:
    """Write a day: Wednesday 25 November 2026."""
    return f"{day:%A} {day.day} {day:%B %Y}"


def days_of(item: Item, mailbox: Mailbox) -> tuple[dt.date, dt.date]:
    """Give an event's first and last day there. An all-day event's are those of the zone it was made in."""
    start, end = local(item.start, mailbox), local(item.end, mailbox)
    last = (
        end.date() if end.time() > dt.time(0) or end == start else end.date() - dt.timedelta(days=1)
    )
    return start.date(), last


def when(item: Item, mailbox: Mailbox) -> str:
    """Write when an event is: "Wednesday 25 November 2026, 09:00 to 10:00"."""
    first, last = days_of(item, mailbox)
    if item.all_day:
        return (
            f"{day_name(first)}, all day"
            if first == last
            else f"{day_name(first)} to {day_name(last)}, all day"
        )
    start, end = local(item.start, mailbox), local(item.end, mailbox)
    if first == last:
        return f"{day_name(first)}, {start:%H:%M} to {end:%H:%M}"
    return f"{day_name(first)} {start:%H:%M} to {day_name(end.date())} {end:%H:%M}"
