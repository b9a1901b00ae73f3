"""Series: numbers, exceptions, deleted occurrences, and the clock's changes."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from apps.sandbox.recurrence import Pattern, Recurrence
from apps.sandbox.store import Store, StoreError, series
from tests.sandbox import desk
from tests.sandbox.desk import BERLIN, LONDON, ROOM, SYDNEY, at, book, view, weekly


@pytest.fixture
def store() -> Store:
    return desk.make()


def refused(code: str) -> Any:
    return pytest.raises(StoreError, match=rf"^{code}:")


def daily(
    store: Store, start: dt.datetime, zone: str, count: int = 3, hours: float = 1
) -> list[str]:
    rule = Recurrence(pattern=Pattern(kind="Daily"), start=start.date(), count=count)
    master = book(
        store, start=start, end=start + dt.timedelta(hours=hours), start_zone=zone, recurrence=rule
    )
    return [one.start.isoformat()[:16] for one in series.all_of(master)]


def test_a_view_shows_occurrences_by_their_number_and_never_the_master(store: Store) -> None:
    master = weekly(store, count=3)

    found = view(store)

    assert master.kind == "RecurringMaster"
    assert [(one.kind, one.index, one.start) for one in found] == [
        ("Occurrence", 1, at(26, 9)),
        ("Occurrence", 2, at(3, 9, month=12)),
        ("Occurrence", 3, at(10, 9, month=12)),
    ]
    assert {one.change_key for one in found} == {master.change_key}
    assert {one.master_id for one in found} == {master.id}


def test_a_series_begins_with_its_first_occurrence(store: Store) -> None:
    rule = Recurrence(pattern=Pattern(kind="Weekly", days=("Friday",)), start=dt.date(2026, 11, 26))

    assert book(store, recurrence=rule).start == at(27, 9)


def test_a_moved_occurrence_is_an_exception_that_remembers_its_place(store: Store) -> None:
    master = weekly(store)
    second = store.occurrence(master.id, 2)

    store.change(
        second.id, {"start": at(3, 13, month=12), "end": at(3, 14, month=12), "subject": "Later"}
    )

    moved = view(store)[1]
    assert (moved.kind, moved.index, moved.subject) == ("Exception", 2, "Later")
    assert (moved.start, moved.original_start) == (at(3, 13, month=12), at(3, 9, month=12))
    assert view(store)[2].subject == "Talk"


def test_changing_one_occurrence_changes_the_masters_key(store: Store) -> None:
    master = weekly(store)

    changed = store.change(store.occurrence(master.id, 2).id, {"subject": "x"})

    assert store.item(master.id).change_key == changed.change_key != master.change_key


def test_a_deleted_occurrence_keeps_its_number(store: Store) -> None:
    master = weekly(store)

    store.delete(store.occurrence(master.id, 2).id)

    assert [one.index for one in view(store)] == [1, 3, 4, 5]
    assert series.deleted_starts(store.item(master.id)) == [at(3, 9, month=12)]
    with refused("ErrorCalendarOccurrenceIsDeletedFromRecurrence"):
        store.occurrence(master.id, 2)


def test_a_moved_and_then_deleted_occurrence_is_remembered_by_its_first_place(store: Store) -> None:
    master = weekly(store)
    second = store.occurrence(master.id, 2)
    store.change(second.id, {"start": at(3, 13, month=12), "end": at(3, 14, month=12)})

    store.delete(second.id)

    after = store.item(master.id)
    assert series.deleted_starts(after) == [at(3, 9, month=12)]
    assert after.overrides == {}


@pytest.mark.parametrize("index", [0, 6])
def test_a_number_outside_of_the_series_is_refused(store: Store, index: int) -> None:
    master = weekly(store)

    with refused("ErrorCalendarOccurrenceIndexIsOutOfRecurrenceRange"):
        store.occurrence(master.id, index)


@pytest.mark.parametrize(
    ("start", "hours", "allowed"),
    [
        (at(10, 8, month=12), 1, True),  # until the next one begins
        (at(10, 8, 30, month=12), 1, False),  # into the next one
        (at(11, 9, month=12), 1, False),  # past the next one
        (at(26, 10), 1, True),  # from the end of the one before
        (at(26, 9, 30), 1, False),  # into the one before
    ],
)
def test_an_occurrence_stays_between_its_neighbours(
    store: Store, start: dt.datetime, hours: int, allowed: bool
) -> None:
    second = store.occurrence(weekly(store).id, 2)
    fields = {"start": start, "end": start + dt.timedelta(hours=hours)}

    if allowed:
        assert store.change(second.id, fields).start == start
    else:
        with refused("ErrorOccurrenceCrossingBoundary"):
            store.change(second.id, fields)


def test_an_occurrence_may_take_the_place_of_a_deleted_neighbour(store: Store) -> None:
    master = weekly(store)
    store.delete(store.occurrence(master.id, 3).id)

    moved = store.change(
        store.occurrence(master.id, 2).id,
        {"start": at(10, 9, month=12), "end": at(10, 10, month=12)},
    )

    assert moved.start == at(10, 9, month=12)


def test_a_new_time_of_the_series_drops_its_exceptions(store: Store) -> None:
    master = weekly(store)
    store.change(store.occurrence(master.id, 2).id, {"subject": "x"})
    store.delete(store.occurrence(master.id, 3).id)

    changed = store.change(master.id, {"start": at(26, 11), "end": at(26, 12)})

    assert (changed.overrides, changed.deleted) == ({}, frozenset())
    assert [one.start.hour for one in view(store)] == [11] * 5


def test_a_new_subject_of_the_series_keeps_its_exceptions(store: Store) -> None:
    master = weekly(store)
    store.change(store.occurrence(master.id, 2).id, {"location": "Roof"})
    store.delete(store.occurrence(master.id, 3).id)

    store.change(master.id, {"subject": "New"})

    assert [(one.index, one.subject, one.location) for one in view(store)] == [
        (1, "New", ""),
        (2, "New", "Roof"),
        (4, "New", ""),
        (5, "New", ""),
    ]


def test_a_single_becomes_a_series_and_a_single_again(store: Store) -> None:
    made = book(store)
    rule = Recurrence(pattern=Pattern(kind="Daily"), start=dt.date(2026, 11, 26), count=2)

    assert store.change(made.id, {"recurrence": rule}).kind == "RecurringMaster"
    assert len(view(store)) == 2
    assert store.change(made.id, {"recurrence": None}).kind == "Single"
    assert len(view(store)) == 1


@pytest.mark.parametrize(
    ("rule", "code"),
    [
        (
            Recurrence(
                pattern=Pattern(kind="Weekly", days=("Monday",)),
                start=dt.date(2026, 11, 25),
                end=dt.date(2026, 11, 26),
            ),
            "ErrorRecurrenceHasNoOccurrence",
        ),
        (
            Recurrence(pattern=Pattern(kind="Weekly"), start=dt.date(2026, 11, 25)),
            "ErrorCalendarInvalidRecurrence",
        ),
    ],
)
def test_a_rule_that_cannot_be_kept_is_refused(store: Store, rule: Recurrence, code: str) -> None:
    with refused(code):
        book(store, recurrence=rule)


def test_an_occurrence_longer_than_the_time_to_the_next_is_refused(store: Store) -> None:
    rule = Recurrence(pattern=Pattern(kind="Daily"), start=dt.date(2026, 11, 26))

    with refused("ErrorOccurrenceTimeSpanTooBig"):
        book(store, end=at(27, 10), recurrence=rule)


def test_master_and_occurrence_ids_lead_to_each_other(store: Store) -> None:
    master = weekly(store)
    second = store.occurrence(master.id, 2)

    assert store.item(second.id) == second
    assert store.master_of(second.id).id == master.id
    with refused("ErrorCalendarCannotUseIdForOccurrenceId"):
        store.master_of(master.id)
    with refused("ErrorCalendarCannotUseIdForRecurringMasterId"):
        store.occurrence(book(store).id, 1)
    with refused("ErrorCalendarCannotUseIdForRecurringMasterId"):
        store.occurrence(second.id, 1)


def test_an_occurrence_cannot_change_the_rule_or_move_folder(store: Store) -> None:
    second = store.occurrence(weekly(store).id, 2)

    with refused("ErrorCalendarCannotUseIdForOccurrenceId"):
        store.change(second.id, {"recurrence": None})
    with refused("ErrorCalendarCannotMoveOrCopyOccurrence"):
        store.move(second.id, store.mailbox(ROOM).other.id)


def test_north_keeps_its_wall_time_over_both_changes_of_the_clock(store: Store) -> None:
    autumn = dt.datetime(2026, 10, 24, 8, tzinfo=dt.UTC)
    spring = dt.datetime(2027, 3, 27, 9, tzinfo=dt.UTC)

    assert daily(store, autumn, LONDON) == [
        "2026-10-24T08:00",
        "2026-10-25T09:00",
        "2026-10-26T09:00",
    ]
    assert daily(store, spring, LONDON) == [
        "2027-03-27T09:00",
        "2027-03-28T08:00",
        "2027-03-29T08:00",
    ]


def test_south_keeps_its_wall_time_over_both_changes_of_the_clock(store: Store) -> None:
    to_summer = dt.datetime(2026, 10, 2, 23, tzinfo=dt.UTC)  # Saturday 3 October, 09:00 in Sydney
    to_winter = dt.datetime(2027, 4, 2, 22, tzinfo=dt.UTC)  # Saturday 3 April, 09:00 in Sydney
    rule = Recurrence(pattern=Pattern(kind="Daily"), start=dt.date(2026, 10, 3), count=2)
    summer = book(
        store,
        start=to_summer,
        end=to_summer + dt.timedelta(hours=1),
        start_zone=SYDNEY,
        recurrence=rule,
    )

    assert [one.start.hour for one in series.all_of(summer)] == [23, 22]
    assert daily(store, to_winter, SYDNEY, count=4)[-2:] == ["2027-04-03T23:00", "2027-04-04T23:00"]


def test_a_time_that_the_clock_leaps_over_moves_an_hour_on(store: Store) -> None:
    rule_start = dt.datetime(2027, 3, 27, 1, 30, tzinfo=dt.UTC)  # 02:30 in Berlin

    # On Sunday the 28th there is no 02:30: 03:30 summer time, which is 01:30 UTC.
    assert daily(store, rule_start, BERLIN) == [
        "2027-03-27T01:30",
        "2027-03-28T01:30",
        "2027-03-29T00:30",
    ]


def test_a_series_of_fifteen_years_is_seen_today(store: Store) -> None:
    begun = dt.datetime(2011, 11, 24, 9, tzinfo=dt.UTC)
    rule = Recurrence(
        pattern=Pattern(kind="Weekly", days=("Thursday",)), start=dt.date(2011, 11, 24)
    )
    book(store, start=begun, end=begun + dt.timedelta(hours=1), start_zone=LONDON, recurrence=rule)

    found = view(store, first=26, days=1)

    # 24 November 2011 is number 1; 26 November 2026 is 783 weeks later.
    assert [one.index for one in found] == [784]


def test_an_all_day_series_falls_on_whole_days_of_its_zone(store: Store) -> None:
    rule = Recurrence(pattern=Pattern(kind="Daily"), start=dt.date(2026, 10, 24), count=3)
    begin = dt.datetime(2026, 10, 23, 22, tzinfo=dt.UTC)  # midnight in Berlin, summer time
    master = book(
        store,
        start=begin,
        end=begin + dt.timedelta(days=1),
        start_zone=BERLIN,
        all_day=True,
        recurrence=rule,
    )

    lengths = [(one.end - one.start).total_seconds() / 3600 for one in series.all_of(master)]

    assert lengths == [24, 25, 24]
