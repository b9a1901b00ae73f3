"""Which item over a new wire is the one that was known over the old."""

from __future__ import annotations

import datetime as dt

from apps.exchange.calendar import CalendarEvent, EventKey, Item, ShowAs
from apps.sync.rematching import Known, are_the_same, by_id, by_starts, by_uid

NOON = dt.datetime(2027, 3, 1, 12, tzinfo=dt.UTC)
HOUR = dt.timedelta(hours=1)


def single(item_id: str, uid: str, at: dt.datetime = NOON) -> Item:
    return Item(item_id, (event(item_id, uid, at),))


def series(item_id: str, uid: str, *starts: dt.datetime) -> Item:
    events = tuple(event(item_id, uid, at, at.isoformat()) for at in starts)
    return Item(item_id, events, is_series=True)


def event(item_id: str, uid: str, at: dt.datetime, original: str = "") -> CalendarEvent:
    return CalendarEvent(
        key=EventKey(item_id, original), uid=uid, change_key="k", starts_at=at, ends_at=at + HOUR,
        show_as=ShowAs.BUSY,
    )  # fmt: skip


def known(item_id: str, uid: str = "", at: dt.datetime = NOON, original: str = "") -> Known:
    return Known(item_id, uid, frozenset({(original, at)}))


def test_translation_counts_and_what_has_none_is_missing() -> None:
    found = by_id([known("a"), known("b")], {"a": "A", "c": "C"})

    assert found.ids == {"a": "A"}
    assert found.missing == {"b"}


def test_two_that_would_become_one_stay_two() -> None:
    found = by_id([known("a"), known("b")], {"a": "A", "b": "A"})

    assert found.translated == {"a": "A"}
    assert found.missing == {"b"}


def test_missing_one_takes_the_item_with_its_uid() -> None:
    wanted = [known("a", "u"), known("b", "v"), known("c")]
    found = by_id(wanted, {})

    by_uid(found, wanted, [single("A", "u"), single("X", "other")])

    assert found.matched == {"a": "A"}
    assert found.missing == {"b", "c"}


def test_of_two_with_one_uid_the_one_at_the_same_time_is_taken() -> None:
    wanted = [known("a", "u", NOON + HOUR), known("b", "u")]
    found = by_id(wanted, {})

    by_uid(found, wanted, [single("B", "u"), single("A", "u", NOON + HOUR)])

    assert found.matched == {"a": "A", "b": "B"}


def test_series_is_preferred_for_a_series() -> None:
    wanted = [known("s", "u", NOON, NOON.isoformat())]
    found = by_id(wanted, {})

    by_uid(found, wanted, [single("A", "u"), series("S", "u", NOON, NOON + HOUR)])

    assert found.matched == {"s": "S"}


def test_item_that_another_has_already_is_not_taken_again() -> None:
    wanted = [known("a", "u"), known("b", "u")]
    found = by_id(wanted, {"a": "A"})

    by_uid(found, wanted, [single("A", "u")])

    assert found.missing == {"b"}


def test_same_item_says_the_same_uid_and_lies_in_the_same_place() -> None:
    assert are_the_same(known("a", "u"), single("A", "u"))
    assert not are_the_same(known("a", "u"), single("A", "v"))
    assert not are_the_same(known("a", "u"), single("A", "u", NOON + HOUR))
    assert not are_the_same(known("a"), single("A", ""))


def unnamed(item_id: str, *starts: dt.datetime) -> Known:
    return Known(item_id, "", frozenset((at.isoformat(), at) for at in starts))


def test_series_without_a_uid_takes_the_one_with_the_most_of_its_starts() -> None:
    days = [NOON + dt.timedelta(days=number) for number in range(4)]
    wanted = [unnamed("s", *days), known("a"), unnamed("t", NOON + HOUR)]
    found = by_id(wanted, {})

    by_starts(
        found,
        wanted,
        [series("S", "", *days[:3]), series("X", "", days[3]), single("A", "")],
    )

    assert found.matched == {"s": "S"}
    assert found.missing == {"a", "t"}


def test_of_two_series_with_the_same_starts_none_is_taken() -> None:
    wanted = [unnamed("s", NOON)]
    found = by_id(wanted, {})

    by_starts(found, wanted, [series("S", "", NOON), series("X", "", NOON)])

    assert found.missing == {"s"}
