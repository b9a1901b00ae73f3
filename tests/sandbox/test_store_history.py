"""What a folder remembers of items: where they lay, what they were called first, and what became of them."""

from __future__ import annotations

import datetime as dt

from apps.sandbox.graph import ids
from apps.sandbox.store import Folder, Store, history
from tests.sandbox import desk


def calendar(store: Store) -> Folder:
    return store.mailbox(desk.ROOM).calendar


def test_an_item_that_moves_keeps_the_id_that_it_got_first() -> None:
    store = desk.make()
    item = desk.book(store)

    moved = store.move(item.id, store.mailbox(desk.ROOM).other.id)
    back = store.restore(moved.id)

    assert moved.first_id == back.first_id == item.id
    assert store.id_now(item.id) == back.id
    assert {store.first_id_of(one) for one in (item.id, moved.id, back.id)} == {item.id}


def test_a_copy_and_what_moves_to_another_mailbox_begin_anew() -> None:
    store = desk.make()
    item = store.create(calendar(store).id, {}, transaction_id="t")
    moved = store.move(item.id, store.mailbox(desk.ROOM).other.id)

    copy = store.copy(moved.id)
    elsewhere = store.move(moved.id, store.mailbox(desk.PERSON).calendar.id)

    assert (copy.first_id, copy.transaction_id) == ("", "")
    assert elsewhere.first_id == ""
    assert store.id_now(item.id) == item.id


def test_an_immutable_id_can_be_told_of_what_is_gone() -> None:
    store = desk.make()
    item = desk.book(store)
    named = ids.of_ews(store, item.id, immutable=True)
    moved = store.move(item.id, store.mailbox(desk.ROOM).other.id)

    store.delete(moved.id)

    assert ids.of_ews(store, moved.id, immutable=True) == named
    assert ids.of_ews(store, item.id, immutable=True) == named
    assert ids.is_immutable(named)
    assert not ids.is_immutable(ids.of_ews(store, item.id, immutable=False))


def test_a_slot_tells_where_its_item_lay_at_each_number() -> None:
    store = desk.make()
    item = desk.book(store, 26, 9)
    before = calendar(store).seq
    store.change(item.id, {"subject": "Same time"})
    store.change(item.id, {"start": desk.at(27, 9), "end": desk.at(27, 10)})
    slot = calendar(store).slots[item.id]

    assert history.span_at(slot, before).start == desk.at(26, 9)
    assert history.span_at(slot, calendar(store).seq).start == desk.at(27, 9)
    assert len(slot.spans) == 1


def test_what_leaves_is_remembered_with_all_the_places_where_it_lay() -> None:
    store = desk.make()
    item = desk.book(store, 26, 9)
    store.change(item.id, {"start": desk.at(27, 9), "end": desk.at(27, 10)})
    store.delete(item.id)

    trace = calendar(store).traces[item.id]

    assert trace.first_id == item.id
    assert [one.start for one in trace.spans] == [desk.at(26, 9), desk.at(27, 9)]


def test_the_span_of_a_series_holds_all_its_occurrences() -> None:
    store = desk.make()
    series = desk.weekly(store, count=3)
    endless = desk.weekly(store, count=None)

    span = history.span(series)

    assert span.start == series.start
    assert desk.at(10, 10, month=12) <= span.end <= desk.at(12, 12, month=12)
    assert history.span(endless).end == history.FAR_ON


def test_an_occurrence_that_is_moved_widens_the_span() -> None:
    store = desk.make()
    series = desk.weekly(store, count=1)
    late = desk.at(26, 9) + dt.timedelta(days=60)

    store.change(
        store.occurrence(series.id, 1).id, {"start": late, "end": late + dt.timedelta(hours=1)}
    )

    slot = calendar(store).slots[series.id]
    assert history.span(slot.item).end == late + dt.timedelta(hours=1)
    assert slot.numbers == {1: slot.changed_seq}
    assert slot.whole_seq == 0


def test_a_change_of_the_whole_series_is_noted_as_such() -> None:
    store = desk.make()
    series = desk.weekly(store)

    store.change(series.id, {"subject": "Renamed"})

    slot = calendar(store).slots[series.id]
    assert slot.whole_seq == slot.changed_seq
    assert slot.numbers == {}
