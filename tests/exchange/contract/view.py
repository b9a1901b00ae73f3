from __future__ import annotations

import datetime as dt

import pytest

from apps.exchange.calendar import Window
from apps.exchange.recurrence import Frequency, Pattern, Range, Recurrence, Weekday
from tests.exchange.contract.room import DAY, HOUR, NOW, Room, subjects, whole_view

MINUTE = dt.timedelta(minutes=1)
# The day after tomorrow.
FROM, TO = NOW.replace(hour=0) + 2 * DAY, NOW.replace(hour=0) + 3 * DAY
THAT_DAY = Window(FROM, TO)
DAILY = Recurrence(Pattern(Frequency.DAILY), Range(NOW.date(), count=10))


class View:
    """view()"""

    def test_empty_calendar_shows_nothing(self, room: Room) -> None:
        assert whole_view(room.calendar, THAT_DAY) == []

    @pytest.mark.parametrize(
        ("starts_at", "ends_at", "is_seen"),
        [
            (FROM - HOUR, FROM, False),
            (FROM - HOUR, FROM + MINUTE, True),
            (FROM, FROM + HOUR, True),
            (TO - HOUR, TO, True),
            (TO - MINUTE, TO + HOUR, True),
            (TO, TO + HOUR, False),
            (FROM - DAY, TO + DAY, True),
            # Without a length: a moment.
            (FROM, FROM, True),
            (FROM + HOUR, FROM + HOUR, True),
            (TO, TO, False),
        ],
    )
    def test_view_shows_what_overlaps_the_range(
        self, room: Room, starts_at: dt.datetime, ends_at: dt.datetime, is_seen: bool
    ) -> None:
        room.outlook.book(starts_at, ends_at, "Edge")

        seen = [(event.starts_at, event.ends_at) for event in whole_view(room.calendar, THAT_DAY)]

        assert seen == ([(starts_at, ends_at)] if is_seen else [])

    def test_series_that_began_long_ago_is_shown_by_its_occurrences(self, room: Room) -> None:
        weekly = Recurrence(
            Pattern(Frequency.WEEKLY, days=(Weekday.WEDNESDAY,)), Range(dt.date(2015, 1, 7))
        )
        room.outlook.book_series(weekly, dt.time(15), HOUR, "Old")

        (event,) = whole_view(room.calendar, THAT_DAY)

        assert event.key.original_start == "2027-03-03T15:00:00Z"
        assert (event.starts_at, event.ends_at) == (FROM + 15 * HOUR, FROM + 16 * HOUR)
        assert event.is_occurrence

    def test_occurrence_is_shown_where_it_was_moved_to(self, room: Room) -> None:
        series = room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        # Exchange lets no occurrence pass another.
        room.outlook.delete(room.outlook.occurrence(series, "2027-03-04T09:00:00Z"))
        out = room.outlook.occurrence(series, "2027-03-03T09:00:00Z")
        room.outlook.move(out, TO + DAY + 5 * HOUR)

        assert whole_view(room.calendar, THAT_DAY) == []
        after = whole_view(room.calendar, Window(TO + DAY, TO + 2 * DAY))
        assert [event.key.original_start for event in after] == [
            "2027-03-03T09:00:00Z",
            "2027-03-05T09:00:00Z",
        ]

    def test_occurrence_moved_in_from_outside_the_range_is_shown(self, room: Room) -> None:
        weekly = Recurrence(
            Pattern(Frequency.WEEKLY, days=(Weekday.MONDAY,)), Range(NOW.date(), count=3)
        )
        series = room.outlook.book_series(weekly, dt.time(9), HOUR, "Weekly")
        second = room.outlook.occurrence(series, "2027-03-08T09:00:00Z")
        room.outlook.move(second, FROM + 9 * HOUR)

        (event,) = whole_view(room.calendar, THAT_DAY)

        assert event.key.original_start == "2027-03-08T09:00:00Z"
        assert event.starts_at == FROM + 9 * HOUR

    def test_deleted_occurrence_is_not_shown(self, room: Room) -> None:
        series = room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")
        room.outlook.delete(room.outlook.occurrence(series, "2027-03-03T09:00:00Z"))

        assert whole_view(room.calendar, THAT_DAY) == []

    def test_all_day_event_is_shown_on_the_day_of_its_zone(self, room: Room) -> None:
        # In Sydney the day begins at 13:00 UTC of the day before.
        begins = FROM - 11 * HOUR
        room.outlook.book(
            begins, begins + DAY, "Sydney", is_all_day=True, time_zone="Australia/Sydney"
        )

        (event,) = whole_view(room.calendar, Window(begins - HOUR, begins + MINUTE))

        assert event.is_all_day
        assert (event.starts_at, event.ends_at) == (begins, begins + DAY)
        assert whole_view(room.calendar, Window(begins - HOUR, begins)) == []
        assert whole_view(room.calendar, Window(begins + DAY, begins + 2 * DAY)) == []

    def test_all_day_series_is_shown_by_its_dates(self, room: Room) -> None:
        room.outlook.book_series(
            DAILY, dt.time(0), DAY, "Days", is_all_day=True, time_zone="Europe/London"
        )

        (event,) = whole_view(room.calendar, THAT_DAY)

        assert event.key.original_start == "2027-03-03"
        assert event.is_all_day
        assert (event.starts_at, event.ends_at) == (FROM, TO)

    @pytest.mark.parametrize(
        ("time_zone", "hours_of_day"),
        [
            # 28 March 2027 in London has 23 hours, 4 April in Sydney 25.
            ("Europe/London", {"2027-03-27": 9, "2027-03-28": 8}),
            ("Australia/Sydney", {"2027-04-03": -2, "2027-04-04": -1}),
            ("America/New_York", {"2027-03-13": 14, "2027-03-14": 13}),
        ],
    )
    def test_series_keeps_its_wall_time_when_the_clock_changes(
        self, room: Room, time_zone: str, hours_of_day: dict[str, int]
    ) -> None:
        daily = Recurrence(Pattern(Frequency.DAILY), Range(dt.date(2027, 3, 1), count=60))
        room.outlook.book_series(daily, dt.time(9), HOUR, "Nine", time_zone=time_zone)

        for date, hours in hours_of_day.items():
            midnight = dt.datetime.fromisoformat(date).replace(tzinfo=dt.UTC)
            at = midnight + hours * HOUR
            assert at in {
                event.starts_at for event in whole_view(room.calendar, Window(at - HOUR, at + HOUR))
            }

    def test_pages_together_show_everything_once(self, room: Room) -> None:
        expected = [f"Event {number}" for number in range(7)]
        for number, subject in enumerate(expected):
            room.outlook.book(FROM + number * HOUR, FROM + (number + 1) * HOUR, subject)
        room.outlook.book_series(DAILY, dt.time(9), HOUR, "Daily")

        seen = whole_view(room.fresh(page_size=3), THAT_DAY)

        assert sorted(subjects(seen)) == ["Daily", *expected]

    def test_two_events_at_the_same_time_are_both_shown(self, room: Room) -> None:
        for subject in ("One", "Two"):
            room.outlook.book(FROM, FROM + HOUR, subject)

        assert sorted(subjects(whole_view(room.calendar, THAT_DAY))) == ["One", "Two"]

    def test_what_lies_in_other_folders_is_not_shown(self, room: Room) -> None:
        room.outlook.file_elsewhere(room.outlook.book(FROM, FROM + HOUR, "Filed"))
        room.outlook.delete(room.outlook.book(FROM, FROM + HOUR, "Deleted"))

        assert whole_view(room.calendar, THAT_DAY) == []
