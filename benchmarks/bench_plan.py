"""How the cost of a plan grows with the number of bookings: the time for each, and the memory."""

from __future__ import annotations

import datetime as dt
import time
import tracemalloc
import uuid

from apps.exchange.calendar import CalendarEvent, Content, EventKey, EventRef, ShowAs, Window
from apps.sync.facts import Link, LinkState, Local, Origin, Policy, Remote, RemoteState, Status
from apps.sync.fingerprint import fingerprint
from apps.sync.planner import plan

NOW = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
SIZES = (1_000, 10_000, 100_000)
HOUR = dt.timedelta(hours=1)


def run() -> None:
    """One in ten bookings has been moved in Exchange since both sides agreed."""
    per_booking = {}
    for size in SIZES:
        rows = [_pair(number) for number in range(size)]
        window = Window(NOW - HOUR, NOW + (size + 2) * HOUR)
        arguments = (
            [booking for booking, _event, _link in rows],
            [event for _booking, event, _link in rows],
            [link for _booking, _event, link in rows],
            Policy(),
            window,
            NOW,
        )
        started = time.perf_counter()
        operations = len(plan(*arguments).operations)
        took = time.perf_counter() - started
        tracemalloc.start()
        plan(*arguments)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        per_booking[size] = took / size
        print(
            f"plan of {size:>7,} bookings: {operations:,} operations, {took:.2f} s, "
            f"{1e6 * took / size:.1f} us and {peak / size / 1024:.1f} KiB a booking"
        )
    first, last = per_booking[SIZES[0]], per_booking[SIZES[-1]]
    print(f"a booking of {SIZES[-1]:,} costs {last / first:.1f} times one of {SIZES[0]:,}")


def _pair(number: int) -> tuple[Local, Remote, Link]:
    starts_at = NOW + (number + 1) * HOUR
    content = Content(f"Title {number}", starts_at, starts_at + HOUR / 2, False, "UTC")  # noqa: FBT003
    booking = Local(number, uuid.UUID(int=number), 1, Origin.OURS, Status.CONFIRMED, content, NOW)
    agreed = _print_of(content, starts_at)
    there = starts_at if number % 10 else starts_at + HOUR / 2
    event = Remote(
        EventRef(EventKey(f"item{number}"), "key"), f"uid{number}", RemoteState.BLOCKS,
        there, there + HOUR / 2, False, content.subject, _print_of(content, there),  # noqa: FBT003
    )  # fmt: skip
    link = Link(
        number, number, LinkState.LIVE, event.key, event.uid, pushed_revision=1, fingerprint=agreed
    )
    return booking, event, link


def _print_of(content: Content, starts_at: dt.datetime) -> str:
    return fingerprint(
        CalendarEvent(
            EventKey("x"),
            "",
            "",
            starts_at,
            starts_at + HOUR / 2,
            ShowAs.BUSY,
            subject=content.subject,
        )
    )
