"""How the cost of a plan grows with the number of bookings: the time for each, and the memory."""

from __future__ import annotations

import cProfile
import datetime as dt
import gc
import time
import tracemalloc
import uuid
from typing import Any

from apps.exchange.calendar import CalendarEvent, Content, EventKey, EventRef, ShowAs, Window
from apps.sync.facts import Link, LinkState, Local, Origin, Policy, Remote, RemoteState, Status
from apps.sync.fingerprint import fingerprint
from apps.sync.planner import plan

NOW = dt.datetime(2027, 3, 1, tzinfo=dt.UTC)
SIZES = (1_000, 10_000, 100_000)
# At each size so many bookings are planned, in as many plans as that takes.
PLANNED = 100_000
HOUR = dt.timedelta(hours=1)


def run() -> None:
    """One in ten has been moved in Exchange since both sides agreed; one in five is Exchange's."""
    seconds: dict[int, float] = {}
    kibibytes: dict[int, float] = {}
    calls: dict[int, float] = {}
    for size in SIZES:
        # As many rows in memory at each size, and each planned once: none is in the processor's
        # cache because it was there just before.
        many = [_arguments(size, copy) for copy in range(PLANNED // size)]
        operations = len(plan(*many[0]).operations)
        seconds[size] = min(_seconds(many) for _number in range(3)) / PLANNED
        kibibytes[size] = _peak(many[0]) / 1024 / size
        calls[size] = _calls(many[0]) / size
        print(
            f"plan of {size:>7,} bookings: {operations:,} operations, "
            f"{1e6 * seconds[size]:.1f} us, {kibibytes[size]:.2f} KiB and "
            f"{calls[size]:.1f} calls a booking"
        )
    first, last = SIZES[0], SIZES[-1]
    # Calls are the same on every machine; time also tells where the rows outgrow its caches.
    print(
        f"a booking of {last:,} costs {calls[last] / calls[first]:.2f} times the calls, "
        f"{seconds[last] / seconds[first]:.1f} times the time and "
        f"{kibibytes[last] / kibibytes[first]:.1f} times the memory of one of {first:,}"
    )


def _arguments(size: int, copy: int) -> tuple[Any, ...]:
    rows = [_pair(copy * size + number) for number in range(size)]
    starts_at = rows[0][0].starts_at
    window = Window(starts_at - HOUR, starts_at + (size + 2) * HOUR)
    return (
        [booking for booking, _event, _link in rows],
        [event for _booking, event, _link in rows],
        [link for _booking, _event, link in rows],
        Policy(),
        window,
        starts_at - HOUR,
    )


def _seconds(many: list[tuple[Any, ...]]) -> float:
    """What the collector spends on walking the rows again is not the plan's: they are frozen."""
    gc.collect()
    gc.freeze()
    started = time.perf_counter()
    for arguments in many:
        plan(*arguments)
    took = time.perf_counter() - started
    gc.unfreeze()
    return took


def _calls(arguments: tuple[Any, ...]) -> int:
    profile = cProfile.Profile()
    profile.runcall(plan, *arguments)
    return sum(entry.callcount for entry in profile.getstats())


def _peak(arguments: tuple[Any, ...]) -> int:
    tracemalloc.start()
    plan(*arguments)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak


def _pair(number: int) -> tuple[Local, Remote, Link]:
    starts_at = NOW + (number + 1) * HOUR
    content = Content(f"Title {number}", starts_at, starts_at + HOUR / 2, False, "UTC")  # noqa: FBT003
    origin = Origin.OURS if number % 5 else Origin.EXCHANGE
    booking = Local(number, uuid.UUID(int=number), 1, origin, Status.CONFIRMED, content, NOW)
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
