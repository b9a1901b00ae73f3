"""Which two of many intervals overlap. Pure."""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Protocol, TypeVar

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Iterator


class Interval(Protocol):
    @property
    def starts_at(self) -> dt.datetime: ...

    @property
    def ends_at(self) -> dt.datetime: ...


A = TypeVar("A", bound=Interval)
B = TypeVar("B", bound=Interval)


def overlapping(first: Iterable[A], second: Iterable[B]) -> Iterator[tuple[A, B]]:
    """Each of the first with each of the second that shares a moment with it, in order of time."""
    first, second = list(first), list(second)
    if not first or not second:
        return
    marks: list[tuple[dt.datetime, int, int, A | None, B | None]] = [
        *((item.starts_at, 0, n, item, None) for n, item in enumerate(first)),
        *((item.starts_at, 1, n, None, item) for n, item in enumerate(second)),
    ]
    marks.sort(key=lambda mark: mark[:3])
    # Those that still run, by their end; the number keeps the heap from comparing the items.
    running_first: list[tuple[dt.datetime, int, A]] = []
    running_second: list[tuple[dt.datetime, int, B]] = []
    for at, _side, number, a, b in marks:
        while running_first and running_first[0][0] <= at:
            heapq.heappop(running_first)
        while running_second and running_second[0][0] <= at:
            heapq.heappop(running_second)
        if a is not None:
            for _end, _number, other in sorted(running_second, key=lambda entry: entry[:2]):
                yield a, other
            heapq.heappush(running_first, (a.ends_at, number, a))
        if b is not None:
            for _end, _number, mine in sorted(running_first, key=lambda entry: entry[:2]):
                yield mine, b
            heapq.heappush(running_second, (b.ends_at, number, b))
