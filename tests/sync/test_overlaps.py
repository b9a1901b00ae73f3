"""Which two of many intervals share a moment."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from apps.sync.overlaps import overlapping

NOON = dt.datetime(2027, 3, 1, 12, 0, tzinfo=dt.UTC)


@dataclass(frozen=True)
class Span:
    starts_at: dt.datetime
    ends_at: dt.datetime


def span(start: int, length: int) -> Span:
    return Span(
        NOON + start * dt.timedelta(hours=1), NOON + (start + length) * dt.timedelta(hours=1)
    )


SPANS = st.lists(st.builds(span, st.integers(0, 12), st.integers(1, 5)), max_size=8)


@given(SPANS, SPANS)
def test_those_are_found_that_a_look_at_each_pair_finds(
    first: list[Span], second: list[Span]
) -> None:
    expected = [
        (a, b) for a in first for b in second if a.starts_at < b.ends_at and b.starts_at < a.ends_at
    ]

    found = list(overlapping(first, second))

    assert sorted(found, key=str) == sorted(expected, key=str)


def test_neighbours_share_no_moment() -> None:
    assert list(overlapping([span(0, 1)], [span(1, 1)])) == []
    assert list(overlapping([span(1, 1)], [span(0, 1)])) == []


def test_nothing_overlaps_with_nothing() -> None:
    assert list(overlapping([], [span(0, 1)])) == []
