"""Wall time and instants agree in every zone, at every change of the clock."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from apps.bookings.walltime import NonexistentWallTime, Span, start_of_day, to_instant, to_wall
from apps.tenants.time_zones import time_zone_names


@pytest.mark.parametrize(
    ("zone", "on", "at", "next_valid"),
    [
        ("Europe/London", "2026-03-29", "01:30", "02:00"),
        ("America/New_York", "2026-03-08", "02:00", "03:00"),
        ("Australia/Lord_Howe", "2026-10-04", "02:15", "02:30"),
        ("America/Santiago", "2026-09-06", "00:20", "01:00"),
    ],
)
def test_time_in_a_gap_is_refused_with_the_next(
    zone: str, on: str, at: str, next_valid: str
) -> None:
    with pytest.raises(NonexistentWallTime) as refused:
        to_instant(dt.date.fromisoformat(on), dt.time.fromisoformat(at), zone)

    expected = dt.datetime.fromisoformat(f"{on} {next_valid}")
    assert refused.value.next_valid == expected


def test_time_shown_twice_means_the_first() -> None:
    instant = to_instant(dt.date(2026, 10, 25), dt.time(1, 30), "Europe/London")

    assert instant == dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)


def test_day_without_midnight_starts_when_the_clock_goes_on() -> None:
    assert start_of_day(dt.date(2026, 9, 6), "America/Santiago") == dt.datetime(
        2026, 9, 6, 4, tzinfo=dt.UTC
    )


def test_day_of_the_change_has_23_or_25_hours() -> None:
    def hours(on: dt.date) -> float:
        starts_at, ends_at = Span.days(on, on, "Europe/London").instants()
        return (ends_at - starts_at) / dt.timedelta(hours=1)

    assert hours(dt.date(2026, 3, 29)) == 23
    assert hours(dt.date(2026, 10, 25)) == 25


@pytest.mark.parametrize("zone", time_zone_names())
def test_every_hour_of_a_year_comes_back(zone: str) -> None:
    instant = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    while instant < dt.datetime(2027, 1, 1, tzinfo=dt.UTC):
        if not instant.astimezone(ZoneInfo(zone)).fold:
            assert to_instant(*to_wall(instant, zone), zone) == instant
        instant += dt.timedelta(hours=7)
