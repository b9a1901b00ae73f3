"""Between a wall clock in a zone and the instants that it shows. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

MIDNIGHT = dt.time(0)


@dataclass
class NonexistentWallTime(ValueError):
    """The clock is put forward over this time: it is never shown.

    `next_valid` is the first wall time after the gap.
    """

    on: dt.date
    at: dt.time
    zone: str
    next_valid: dt.datetime


def to_instant(on: dt.date, at: dt.time, zone: str) -> dt.datetime:
    """The UTC instant at which the clock of `zone` shows this.

    A time that is shown twice, when the clock is put back, means the first of the two (PEP 495).

    Raises:
        NonexistentWallTime: the clock is put forward over this time.
    """
    wall = dt.datetime.combine(on, at, tzinfo=ZoneInfo(zone))
    instant = wall.astimezone(dt.UTC)
    if instant.astimezone(wall.tzinfo).replace(tzinfo=None) != wall.replace(tzinfo=None):
        raise NonexistentWallTime(on, at, zone, _first_after_gap(wall))
    return instant


def start_of_day(on: dt.date, zone: str) -> dt.datetime:
    """The first instant of this date in `zone`: not midnight where the clock skips midnight."""
    return to_instant_or_next(on, MIDNIGHT, zone)


def to_instant_or_next(on: dt.date, at: dt.time, zone: str) -> dt.datetime:
    """As to_instant; where the clock skips this time, the first instant after the gap."""
    try:
        return to_instant(on, at, zone)
    except NonexistentWallTime as gap:
        return to_instant(gap.next_valid.date(), gap.next_valid.time(), zone)


def to_wall(instant: dt.datetime, zone: str) -> tuple[dt.date, dt.time]:
    """What the clock of `zone` shows at this instant."""
    wall = instant.astimezone(ZoneInfo(zone))
    return wall.date(), wall.time()


def _first_after_gap(wall: dt.datetime) -> dt.datetime:
    """What the clock shows, without a zone, in the first second after the gap that holds `wall`."""
    offset_before = wall.replace(fold=0).utcoffset()
    # Halving over the hours around: no zone puts its clock forward twice within them.
    low = wall.astimezone(dt.UTC).replace(microsecond=0) - dt.timedelta(hours=36)
    high = low + dt.timedelta(hours=72)
    while high - low > dt.timedelta(seconds=1):
        middle = (low + (high - low) / 2).replace(microsecond=0)
        if middle.astimezone(wall.tzinfo).utcoffset() == offset_before:
            low = middle
        else:
            high = middle
    return high.astimezone(wall.tzinfo).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Span:
    """From one wall time to another in a zone, half-open.

    An all-day span runs over whole dates: from `starts_on` up to, not including, `ends_on`.
    """

    starts_on: dt.date
    starts_time: dt.time
    ends_on: dt.date
    ends_time: dt.time
    time_zone: str
    all_day: bool = False

    @classmethod
    def days(cls, first: dt.date, last: dt.date, time_zone: str) -> Span:
        """Whole days, both of them included."""
        day = dt.timedelta(days=1)
        return cls(first, MIDNIGHT, last + day, MIDNIGHT, time_zone, all_day=True)

    @classmethod
    def parse(cls, text: str, time_zone: str) -> Span:
        """Back from the text of a span.

        Raises:
            ValueError: the text is no span's.
        """
        start, slash, end = text.partition("/")
        if not slash:
            raise ValueError(f"{text!r} is not the text of a span")
        if "T" not in start:
            return cls.days(dt.date.fromisoformat(start), dt.date.fromisoformat(end), time_zone)
        first, last = dt.datetime.fromisoformat(start), dt.datetime.fromisoformat(end)
        return cls(first.date(), first.time(), last.date(), last.time(), time_zone)

    def __str__(self) -> str:
        """Without its zone: first/last day, or start/end as ISO 8601 writes them."""
        if self.all_day:
            return f"{self.starts_on}/{self.last_day}"
        start = dt.datetime.combine(self.starts_on, self.starts_time)
        end = dt.datetime.combine(self.ends_on, self.ends_time)
        return f"{start.isoformat()}/{end.isoformat()}"

    @property
    def last_day(self) -> dt.date:
        """The last date of an all-day span."""
        return self.ends_on - dt.timedelta(days=1)

    @classmethod
    def between(cls, starts_at: dt.datetime, ends_at: dt.datetime, time_zone: str) -> Span:
        """A timed span as the clock of a zone shows two instants."""
        return cls(*to_wall(starts_at, time_zone), *to_wall(ends_at, time_zone), time_zone)

    def instants(self) -> tuple[dt.datetime, dt.datetime]:
        """Start and end in UTC.

        Raises:
            NonexistentWallTime: start or end of a timed span is never shown.
        """
        if self.all_day:
            return (
                start_of_day(self.starts_on, self.time_zone),
                start_of_day(self.ends_on, self.time_zone),
            )
        return (
            to_instant(self.starts_on, self.starts_time, self.time_zone),
            to_instant(self.ends_on, self.ends_time, self.time_zone),
        )
