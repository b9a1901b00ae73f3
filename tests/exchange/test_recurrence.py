from __future__ import annotations

import datetime as dt
import time

import pytest

from apps.exchange.calendar import Window
from apps.exchange.recurrence import (
    EVERY_DAY,
    WEEKEND_DAYS,
    WORKING_DAYS,
    Frequency,
    Nth,
    Pattern,
    Range,
    Recurrence,
    Series,
    Slot,
    Weekday,
    index_of,
    original_start,
    slots,
)

MONDAY, TUESDAY, WEDNESDAY, THURSDAY, FRIDAY, SATURDAY, SUNDAY = Weekday
HOUR = dt.timedelta(hours=1)
DAY = dt.timedelta(days=1)


def series(
    pattern: Pattern,
    starts_on: str,
    *,
    ends_on: str = "",
    count: int | None = None,
    at: str = "09:00",
    length: dt.timedelta = HOUR,
    zone: str = "UTC",
    is_all_day: bool = False,
    deleted: tuple[str, ...] = (),
    moved: dict[str, tuple[str, str]] | None = None,
) -> Series:
    end = dt.date.fromisoformat(ends_on) if ends_on else None
    return Series(
        Recurrence(pattern, Range(dt.date.fromisoformat(starts_on), end, count)),
        dt.time.fromisoformat(at),
        length,
        zone,
        is_all_day,
        frozenset(deleted),
        {name: (instant(a), instant(b)) for name, (a, b) in (moved or {}).items()},
    )


def instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def window(starts_at: str, ends_at: str) -> Window:
    return Window(instant(starts_at), instant(ends_at))


YEAR = window("2027-01-01", "2028-01-01")


def found(of: Series, within: Window = YEAR) -> list[Slot]:
    return list(slots(of, within))


def dates(of: Series, within: Window = YEAR) -> list[str]:
    return [slot.starts_at.date().isoformat() for slot in found(of, within)]


def times(of: Series, within: Window = YEAR) -> list[str]:
    """In UTC, from and to."""
    return [f"{slot.starts_at:%d %H:%M}-{slot.ends_at:%H:%M}" for slot in found(of, within)]


# Days, by hand.
DATES: dict[str, tuple[Series, list[str]]] = {
    "every third day": (
        series(Pattern(Frequency.DAILY, 3), "2027-02-26", count=4),
        ["2027-02-26", "2027-03-01", "2027-03-04", "2027-03-07"],
    ),
    "Tuesdays and Thursdays, from a Wednesday on": (
        series(Pattern(Frequency.WEEKLY, days=(THURSDAY, TUESDAY)), "2027-03-03", count=4),
        ["2027-03-04", "2027-03-09", "2027-03-11", "2027-03-16"],
    ),
    # 28 February 2027 is a Sunday: the last day of one week, or the first of another.
    "every other week that begins on Monday": (
        series(Pattern(Frequency.WEEKLY, 2, (SUNDAY, TUESDAY), MONDAY), "2027-02-28", count=4),
        ["2027-02-28", "2027-03-09", "2027-03-14", "2027-03-23"],
    ),
    "every other week that begins on Sunday": (
        series(Pattern(Frequency.WEEKLY, 2, (SUNDAY, TUESDAY), SUNDAY), "2027-02-28", count=4),
        ["2027-02-28", "2027-03-02", "2027-03-14", "2027-03-16"],
    ),
    "the 31st is the last day of months that have none": (
        series(Pattern(Frequency.MONTHLY, day_of_month=31), "2027-01-31", count=6),
        ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30", "2027-05-31", "2027-06-30"],
    ),
    "the 30th and a February": (
        series(Pattern(Frequency.MONTHLY, day_of_month=30), "2027-01-30", count=3),
        ["2027-01-30", "2027-02-28", "2027-03-30"],
    ),
    "the 15th of every other month, from after the 15th on": (
        series(Pattern(Frequency.MONTHLY, 2, day_of_month=15), "2027-01-20", count=2),
        ["2027-03-15", "2027-05-15"],
    ),
    "every fifth month over the end of the year": (
        series(Pattern(Frequency.MONTHLY, 5, day_of_month=1), "2026-09-01", count=4),
        ["2026-09-01", "2027-02-01", "2027-07-01", "2027-12-01"],
    ),
    "last Friday": (
        series(
            Pattern(Frequency.MONTHLY_RELATIVE, days=(FRIDAY,), nth=Nth.LAST), "2027-01-01", count=3
        ),
        ["2027-01-29", "2027-02-26", "2027-03-26"],
    ),
    "second Monday": (
        series(
            Pattern(Frequency.MONTHLY_RELATIVE, days=(MONDAY,), nth=Nth.SECOND),
            "2027-01-01",
            count=3,
        ),
        ["2027-01-11", "2027-02-08", "2027-03-08"],
    ),
    "fourth Saturday of every other month, from after the first on": (
        series(
            Pattern(Frequency.MONTHLY_RELATIVE, 2, (SATURDAY,), nth=Nth.FOURTH),
            "2027-01-24",
            count=2,
        ),
        ["2027-03-27", "2027-05-22"],
    ),
    "last weekday": (
        series(
            Pattern(Frequency.MONTHLY_RELATIVE, days=WORKING_DAYS, nth=Nth.LAST),
            "2027-01-01",
            count=5,
        ),
        ["2027-01-29", "2027-02-26", "2027-03-31", "2027-04-30", "2027-05-31"],
    ),
    "third weekday": (
        series(
            Pattern(Frequency.MONTHLY_RELATIVE, days=WORKING_DAYS, nth=Nth.THIRD),
            "2027-01-01",
            count=3,
        ),
        ["2027-01-05", "2027-02-03", "2027-03-03"],
    ),
    "first weekend day": (
        series(Pattern(Frequency.MONTHLY_RELATIVE, days=WEEKEND_DAYS), "2027-01-01", count=3),
        ["2027-01-02", "2027-02-06", "2027-03-06"],
    ),
    "second weekend day": (
        series(
            Pattern(Frequency.MONTHLY_RELATIVE, days=WEEKEND_DAYS, nth=Nth.SECOND),
            "2027-01-01",
            count=3,
        ),
        ["2027-01-03", "2027-02-07", "2027-03-07"],
    ),
    "last day": (
        series(
            Pattern(Frequency.MONTHLY_RELATIVE, days=EVERY_DAY, nth=Nth.LAST),
            "2027-01-01",
            count=3,
        ),
        ["2027-01-31", "2027-02-28", "2027-03-31"],
    ),
    "every Christmas, from after this year's on": (
        series(Pattern(Frequency.YEARLY, day_of_month=25, month=12), "2025-12-26"),
        ["2026-12-25", "2027-12-25", "2028-12-25"],
    ),
    "29 February": (
        series(Pattern(Frequency.YEARLY, day_of_month=29, month=2), "2024-02-29", count=5),
        ["2026-02-28", "2027-02-28", "2028-02-29"],
    ),
    "last Sunday of October": (
        series(
            Pattern(Frequency.YEARLY_RELATIVE, days=(SUNDAY,), month=10, nth=Nth.LAST),
            "2026-10-01",
        ),
        ["2026-10-25", "2027-10-31", "2028-10-29"],
    ),
    "until a date that is one of them": (
        series(Pattern(Frequency.DAILY, 2), "2027-03-01", ends_on="2027-03-05"),
        ["2027-03-01", "2027-03-03", "2027-03-05"],
    ),
    "until a date between two": (
        series(Pattern(Frequency.DAILY, 2), "2027-03-01", ends_on="2027-03-04"),
        ["2027-03-01", "2027-03-03"],
    ),
    "the earlier of an end and a number": (
        series(Pattern(Frequency.DAILY), "2027-03-01", ends_on="2027-03-04", count=2),
        ["2027-03-01", "2027-03-02"],
    ),
    "an end before the first": (
        series(Pattern(Frequency.WEEKLY, days=(FRIDAY,)), "2027-03-01", ends_on="2027-03-04"),
        [],
    ),
}


@pytest.mark.parametrize(("given", "expected"), DATES.values(), ids=DATES.keys())
def test_pattern_falls_on_the_dates_of_microsofts_rules(given: Series, expected: list[str]) -> None:
    assert dates(given, window("2026-01-01", "2029-01-01")) == expected


# Clocks: (series, window, times in UTC).
WEEK = Pattern(Frequency.WEEKLY, days=(SUNDAY,))
CLOCKS: dict[str, tuple[Series, Window, list[str]]] = {
    "London goes forward on 28 March": (
        series(Pattern(Frequency.DAILY), "2027-03-27", at="09:00", zone="Europe/London"),
        window("2027-03-27", "2027-03-30"),
        ["27 09:00-10:00", "28 08:00-09:00", "29 08:00-09:00"],
    ),
    "London goes back on 31 October": (
        series(Pattern(Frequency.DAILY), "2027-10-30", at="09:00", zone="Europe/London"),
        window("2027-10-30", "2027-11-02"),
        ["30 08:00-09:00", "31 09:00-10:00", "01 09:00-10:00"],
    ),
    "Sydney goes back on 4 April": (
        series(Pattern(Frequency.DAILY), "2027-04-03", at="09:00", zone="Australia/Sydney"),
        window("2027-04-02", "2027-04-05"),
        ["02 22:00-23:00", "03 23:00-00:00", "04 23:00-00:00"],
    ),
    "Sydney goes forward on 3 October": (
        series(Pattern(Frequency.DAILY), "2027-10-02", at="09:00", zone="Australia/Sydney"),
        window("2027-10-01", "2027-10-04"),
        ["01 23:00-00:00", "02 22:00-23:00", "03 22:00-23:00"],
    ),
    "New York goes forward on 14 March": (
        series(WEEK, "2027-03-07", at="09:00", zone="America/New_York"),
        window("2027-03-07", "2027-03-22"),
        ["07 14:00-15:00", "14 13:00-14:00", "21 13:00-14:00"],
    ),
    "New York goes back on 7 November": (
        series(WEEK, "2027-10-31", at="09:00", zone="America/New_York"),
        window("2027-10-31", "2027-11-15"),
        ["31 13:00-14:00", "07 14:00-15:00", "14 14:00-15:00"],
    ),
    "a time that is skipped moves forward, its end too": (
        series(WEEK, "2027-03-14", at="02:30", zone="America/New_York", length=HOUR / 2, count=1),
        YEAR,
        ["14 07:30-08:00"],
    ),
    "an end that is skipped moves forward": (
        series(WEEK, "2027-03-14", at="01:30", zone="America/New_York", count=1),
        YEAR,
        ["14 06:30-07:30"],
    ),
    "a length is the wall's: two hours over the skipped one last one": (
        series(WEEK, "2027-03-28", at="00:30", zone="Europe/London", length=2 * HOUR, count=1),
        YEAR,
        ["28 00:30-01:30"],
    ),
    "a time that is shown twice is the first": (
        series(WEEK, "2027-10-31", at="01:15", zone="Europe/London", length=HOUR / 2, count=1),
        YEAR,
        ["31 00:15-00:45"],
    ),
    "a length is the wall's: past the hour that comes twice it lasts longer": (
        series(WEEK, "2027-10-31", at="00:30", zone="Europe/London", length=2 * HOUR, count=1),
        YEAR,
        ["30 23:30-02:30"],
    ),
    "the same in Sydney: skipped": (
        series(WEEK, "2027-10-03", at="02:15", zone="Australia/Sydney", count=1),
        YEAR,
        ["02 16:15-17:15"],
    ),
    "the same in Sydney: twice": (
        series(WEEK, "2027-04-04", at="02:15", zone="Australia/Sydney", length=HOUR / 4, count=1),
        YEAR,
        ["03 15:15-15:30"],
    ),
}


@pytest.mark.parametrize(("given", "within", "expected"), CLOCKS.values(), ids=CLOCKS.keys())
def test_series_keeps_its_wall_time_when_the_clock_changes(
    given: Series, within: Window, expected: list[str]
) -> None:
    assert times(given, within) == expected


def test_all_day_occurrence_is_a_whole_date_of_its_zone() -> None:
    given = series(
        Pattern(Frequency.WEEKLY, days=(SUNDAY,)),
        "2027-03-21",
        count=2,
        zone="Europe/London",
        length=DAY,
        is_all_day=True,
    )

    assert found(given) == [
        Slot("2027-03-21", 1, instant("2027-03-21T00:00"), instant("2027-03-22T00:00"), False),
        # The day on which the clock goes forward has 23 hours.
        Slot("2027-03-28", 2, instant("2027-03-28T00:00"), instant("2027-03-28T23:00"), False),
    ]


def test_all_day_occurrences_meet_where_the_clock_skips_midnight() -> None:
    # Beirut goes forward at midnight of 28 March 2027.
    given = series(
        Pattern(Frequency.DAILY),
        "2027-03-27",
        count=3,
        zone="Asia/Beirut",
        length=DAY,
        is_all_day=True,
    )

    assert times(given) == ["26 22:00-22:00", "27 22:00-21:00", "28 21:00-21:00"]


def test_all_day_occurrence_may_take_several_days() -> None:
    given = series(
        Pattern(Frequency.MONTHLY, day_of_month=1),
        "2027-01-01",
        length=3 * DAY,
        is_all_day=True,
        deleted=("2027-02-01",),
        moved={"2027-03-01": ("2027-03-02", "2027-03-05")},
    )

    assert dates(given, window("2027-01-03T12:00", "2027-04-01")) == ["2027-01-01", "2027-03-02"]


DAILY = series(Pattern(Frequency.DAILY), "2027-03-01")


@pytest.mark.parametrize(
    ("starts_at", "ends_at", "expected"),
    [
        # Half-open on both sides: what touches does not overlap.
        ("2027-03-05T10:00", "2027-03-06T09:00", []),
        ("2027-03-05T09:59", "2027-03-06T09:00", ["2027-03-05"]),
        ("2027-03-05T10:00", "2027-03-06T09:01", ["2027-03-06"]),
        ("2027-02-01T00:00", "2027-03-01T09:00", []),
        ("2027-02-01T00:00", "2027-03-01T09:01", ["2027-03-01"]),
        ("2027-03-05T09:20", "2027-03-05T09:30", ["2027-03-05"]),
    ],
)
def test_window_holds_what_overlaps_it(starts_at: str, ends_at: str, expected: list[str]) -> None:
    assert dates(DAILY, window(starts_at, ends_at)) == expected


def test_occurrence_longer_than_the_pattern_reaches_the_window_from_afar() -> None:
    given = series(Pattern(Frequency.DAILY), "2027-03-01", length=5 * DAY)

    assert dates(given, window("2027-03-20", "2027-03-20T01:00")) == [
        "2027-03-15",
        "2027-03-16",
        "2027-03-17",
        "2027-03-18",
        "2027-03-19",
    ]


def test_deleted_occurrence_is_left_out_and_keeps_its_number() -> None:
    given = series(
        Pattern(Frequency.DAILY), "2027-03-01", count=4, deleted=("2027-03-02T09:00:00Z",)
    )

    assert [(slot.index, slot.starts_at.day) for slot in found(given)] == [(1, 1), (3, 3), (4, 4)]


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        # Within, out of, and into the window of 2 to 4 March.
        (("2027-03-03T15:00", "2027-03-03T16:00"), [(2, "02 09:00"), (3, "03 15:00")]),
        (("2027-03-09T09:00", "2027-03-09T10:00"), [(2, "02 09:00")]),
        (("2027-02-01T09:00", "2027-02-01T10:00"), [(2, "02 09:00")]),
        (("2027-03-02T07:00", "2027-03-02T08:00"), [(3, "02 07:00"), (2, "02 09:00")]),
    ],
)
def test_moved_occurrence_counts_where_it_lies_now(
    now: tuple[str, str], expected: list[tuple[int, str]]
) -> None:
    given = series(Pattern(Frequency.DAILY), "2027-03-01", moved={"2027-03-03T09:00:00Z": now})

    slots_found = found(given, window("2027-03-02", "2027-03-04"))

    assert [(slot.index, f"{slot.starts_at:%d %H:%M}") for slot in slots_found] == expected
    assert [slot.is_exception for slot in slots_found] == [n == 3 for n, _at in expected]


def test_occurrence_moved_in_from_far_away_keeps_name_and_number() -> None:
    given = series(
        Pattern(Frequency.WEEKLY, days=(MONDAY,)),
        "2027-03-01",
        at="09:00",
        zone="Europe/London",
        moved={"2027-06-07T08:00:00Z": ("2027-03-03T15:00", "2027-03-03T16:00")},
    )

    (slot,) = found(given, window("2027-03-02", "2027-03-05"))

    assert slot == Slot(
        "2027-06-07T08:00:00Z",
        15,
        instant("2027-03-03T15:00"),
        instant("2027-03-03T16:00"),
        is_exception=True,
    )


def test_occurrence_that_was_moved_and_then_deleted_is_gone() -> None:
    name = "2027-03-03T09:00:00Z"
    given = series(
        Pattern(Frequency.DAILY),
        "2027-03-01",
        count=3,
        deleted=(name,),
        moved={name: ("2027-03-09T09:00", "2027-03-09T10:00")},
    )

    assert dates(given) == ["2027-03-01", "2027-03-02"]


def test_exception_that_the_pattern_does_not_know_is_still_told() -> None:
    given = series(
        Pattern(Frequency.DAILY),
        "2027-03-01",
        count=1,
        moved={"2027-05-05T09:00:00Z": ("2027-05-06T09:00", "2027-05-06T10:00")},
    )

    assert [(slot.index, slot.starts_at.day) for slot in found(given)] == [(1, 1), (0, 6)]


@pytest.mark.parametrize(
    ("name", "index"),
    [
        ("2027-03-01T09:00:00Z", 1),
        ("2027-04-10T08:00:00Z", 41),
        # Not at its wall time, before the first, on a day between two, after the last.
        ("2027-04-10T09:00:00Z", 0),
        ("2027-02-28T09:00:00Z", 0),
        ("2027-05-01T08:00:00Z", 0),
    ],
)
def test_index_is_found_by_the_original_start(name: str, index: int) -> None:
    given = series(
        Pattern(Frequency.DAILY), "2027-03-01", ends_on="2027-04-30", zone="Europe/London"
    )

    assert index_of(given, name) == index


def test_index_of_an_all_day_occurrence_is_found_by_its_date() -> None:
    given = series(
        Pattern(Frequency.WEEKLY, days=(MONDAY, FRIDAY)),
        "2027-03-01",
        is_all_day=True,
        length=DAY,
        zone="Pacific/Auckland",
    )

    assert [index_of(given, f"2027-03-0{day}") for day in (1, 5, 6, 8)] == [1, 2, 0, 3]


def test_original_start_is_an_instant_in_utc_or_a_date() -> None:
    at = dt.datetime(2027, 3, 1, 10, 0, tzinfo=dt.timezone(HOUR))

    assert original_start(at) == "2027-03-01T09:00:00Z"
    assert original_start(dt.date(2027, 3, 1)) == "2027-03-01"


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"frequency": Frequency.DAILY, "interval": 0}, "every 0"),
        ({"frequency": Frequency.WEEKLY}, "needs days"),
        ({"frequency": Frequency.MONTHLY, "day_of_month": 32}, "32 is no day"),
        ({"frequency": Frequency.YEARLY, "day_of_month": 1, "month": 13}, "13 is no month"),
        ({"frequency": Frequency.MONTHLY_RELATIVE}, "needs days"),
    ],
)
def test_pattern_that_lacks_something_is_refused(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        Pattern(**fields)  # type: ignore[arg-type]


@pytest.mark.parametrize("pattern", [Pattern(Frequency.DAILY), WEEK])
def test_series_of_many_years_costs_no_more_than_one_of_today(pattern: Pattern) -> None:
    within = window("2027-03-01", "2027-08-28")
    young = series(pattern, "2027-02-01", zone="Europe/London")
    old = series(pattern, "1927-02-01", zone="Europe/London")

    # The best of some, so that a busy machine does not decide.
    def cost(of: Series) -> float:
        return min(_timed(of, within) for _ in range(5))

    assert cost(old) < 3 * cost(young)


def _timed(of: Series, within: Window) -> float:
    begun = time.process_time()
    found(of, within)
    return time.process_time() - begun
