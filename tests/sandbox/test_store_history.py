"""What a folder remembers of items: what they were called first, and how they changed."""

from __future__ import annotations

from apps.sandbox.graph import ids
from apps.sandbox.store import Folder, Store
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
    assert ids.of_ews(store, item.id, immutable=False) == ids.rest(item.id) != named


def test_a_change_of_one_occurrence_is_noted_by_its_number() -> None:
    store = desk.make()
    series = desk.weekly(store)

    store.change(store.occurrence(series.id, 2).id, {"subject": "Second"})
    store.delete(store.occurrence(series.id, 3).id)

    slot = calendar(store).slots[series.id]
    assert slot.numbers == {2: slot.changed_seq - 1}
    assert slot.whole_seq == 0


def test_a_change_of_the_whole_series_is_noted_as_such() -> None:
    store = desk.make()
    series = desk.weekly(store)

    store.change(series.id, {"subject": "Renamed"})

    slot = calendar(store).slots[series.id]
    assert slot.whole_seq == slot.changed_seq
    assert slot.numbers == {}
