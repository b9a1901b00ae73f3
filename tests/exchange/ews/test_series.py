"""From a master to the recurrence that our arithmetic expands."""

from __future__ import annotations

import datetime as dt

import pytest

from apps.exchange.calendar import Window
from apps.exchange.ews.mapping import Unreadable
from apps.exchange.ews.series import moved, series, zone_of
from apps.exchange.ews.xml import Element, find, make
from apps.exchange.recurrence import (
    EVERY_DAY,
    WEEKEND_DAYS,
    WORKING_DAYS,
    Frequency,
    Nth,
    Weekday,
    slots,
)
from tests.exchange.ews.samples import item, items

SPRING = Window(dt.datetime(2026, 3, 1, tzinfo=dt.UTC), dt.datetime(2026, 5, 1, tzinfo=dt.UTC))


def master(pattern: Element, limits: Element | None = None, **fields: str | Element) -> Element:
    if limits is None:
        limits = make("t:NoEndRecurrence", make("t:StartDate", text="2026-01-05"))
    zone = fields.pop("StartTimeZone", make("t:StartTimeZone", Id="UTC"))
    return item(Recurrence=make("t:Recurrence", pattern, limits), StartTimeZone=zone, **fields)


def pattern(name: str, **parts: str) -> Element:
    return make(f"t:{name}", *(make(f"t:{part}", text=value) for part, value in parts.items()))


def test_series_over_the_change_of_the_clock_keeps_its_wall_time() -> None:
    found = list(slots(series(items()["AAMkMaster="]), SPRING))

    # Ten in Berlin is nine in UTC, and from the 29th on eight. The 18th is deleted, the 25th moved.
    assert [slot.original_start for slot in found] == [
        "2026-03-16T09:00:00Z",
        "2026-03-23T09:00:00Z",
        "2026-03-25T09:00:00Z",
        "2026-03-30T08:00:00Z",
        "2026-04-01T08:00:00Z",
    ]
    assert [slot.index for slot in found] == [1, 3, 4, 5, 6]
    assert found[2].starts_at == dt.datetime(2026, 3, 26, 13, tzinfo=dt.UTC)
    assert found[0].ends_at - found[0].starts_at == dt.timedelta(minutes=30)


def test_exceptions_come_with_their_ids() -> None:
    (found,) = moved(items()["AAMkMaster="])

    assert (found.name, found.wire_id) == ("2026-03-25T09:00:00Z", "AAMkException=")


def test_every_kind_of_pattern() -> None:
    daily = series(master(pattern("DailyRecurrence", Interval="3"))).recurrence.pattern
    weekly = series(
        master(pattern("WeeklyRecurrence", Interval="2", DaysOfWeek="Friday Weekday"))
    ).recurrence.pattern
    monthly = series(
        master(pattern("AbsoluteMonthlyRecurrence", Interval="1", DayOfMonth="31"))
    ).recurrence.pattern
    relative = series(
        master(
            pattern(
                "RelativeMonthlyRecurrence", Interval="1", DaysOfWeek="Day", DayOfWeekIndex="Last"
            )
        )
    ).recurrence.pattern
    yearly = series(
        master(pattern("AbsoluteYearlyRecurrence", DayOfMonth="29", Month="February"))
    ).recurrence.pattern
    relative_yearly = series(
        master(
            pattern(
                "RelativeYearlyRecurrence",
                DaysOfWeek="WeekendDay", DayOfWeekIndex="Second", Month="October",
            )
        )
    ).recurrence.pattern  # fmt: skip

    assert (daily.frequency, daily.interval) == (Frequency.DAILY, 3)
    assert weekly.days == (Weekday.FRIDAY, *WORKING_DAYS[:4])
    assert weekly.first_day is Weekday.SUNDAY
    assert (monthly.frequency, monthly.day_of_month) == (Frequency.MONTHLY, 31)
    assert (relative.days, relative.nth) == (EVERY_DAY, Nth.LAST)
    assert (yearly.month, yearly.interval) == (2, 1)
    assert (relative_yearly.days, relative_yearly.nth, relative_yearly.month) == (
        WEEKEND_DAYS, Nth.SECOND, 10,
    )  # fmt: skip


def test_every_kind_of_end() -> None:
    day = pattern("DailyRecurrence", Interval="1")
    until = pattern("EndDateRecurrence", StartDate="2026-01-05Z", EndDate="2026-02-01Z")
    number = pattern("NumberedRecurrence", StartDate="2026-01-05", NumberOfOccurrences="9")

    assert series(master(day, until)).recurrence.range.ends_on == dt.date(2026, 2, 1)
    assert series(master(day, number)).recurrence.range.count == 9
    assert series(master(day)).recurrence.range.count is None


def test_days_are_named_by_dates() -> None:
    day = pattern("DailyRecurrence", Interval="1")
    berlin = make("t:StartTimeZone", Id="W. Europe Standard Time")
    gone = make("t:DeletedOccurrence", make("t:Start", text="2026-01-05T23:00:00Z"))

    found = series(
        master(
            day,
            IsAllDayEvent="true",
            Start="2026-01-04T23:00:00Z",
            End="2026-01-05T23:00:00Z",
            StartTimeZone=berlin,
            DeletedOccurrences=make("t:DeletedOccurrences", gone),
        )
    )

    assert found.is_all_day
    assert found.length == dt.timedelta(days=1)
    assert found.deleted == {"2026-01-06"}


def test_zone_is_told_by_id_alone_where_its_definition_is_missing() -> None:
    day = pattern("DailyRecurrence", Interval="1")

    assert str(zone_of(master(day, StartTimeZone="", StartTimeZoneId="UTC"))) == "Etc/UTC"
    assert zone_of(item()) is None


@pytest.mark.parametrize(
    "odd",
    [
        item(StartTimeZone=make("t:StartTimeZone", Id="UTC")),
        master(pattern("DailyRecurrence", Interval="1"), StartTimeZone=make("t:StartTimeZone", Id="tzone://Microsoft/Custom")),
        master(pattern("DailyRegeneration", Interval="1")),
        master(pattern("DailyRecurrence", Interval="1"), pattern("LunarRecurrence")),
        master(pattern("DailyRecurrence", Interval="0")),
        master(pattern("WeeklyRecurrence", Interval="1", DaysOfWeek="Someday")),
        master(pattern("AbsoluteYearlyRecurrence", DayOfMonth="1", Month="Brumaire")),
        master(pattern("DailyRecurrence", Interval="1"), pattern("NoEndRecurrence", StartDate="")),
        master(
            pattern("DailyRecurrence", Interval="1"),
            ModifiedOccurrences=make("t:ModifiedOccurrences", pattern("Occurrence", Start="2026-01-05T08:00:00Z")),
        ),
    ],
    ids=["none", "zone", "regeneration", "range", "interval", "day", "month", "start", "exception"],
)  # fmt: skip
def test_series_that_we_do_not_understand_is_unreadable(odd: Element) -> None:
    with pytest.raises(Unreadable):
        series(odd)


def test_exception_without_times_is_left_out_of_the_list() -> None:
    occurrence = find(items()["AAMkMaster="], "t:ModifiedOccurrences/t:Occurrence")
    occurrence.remove(find(occurrence, "t:End"))

    assert moved(occurrence.getparent().getparent()) == ()
