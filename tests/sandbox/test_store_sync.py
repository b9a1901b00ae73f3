"""Sync states: pages, what changed since, and states that are not this folder's."""

from __future__ import annotations

import pytest

from apps.sandbox.store import Store, StoreError, SyncPage
from tests.sandbox import desk
from tests.sandbox.desk import PERSON, ROOM, book, weekly


@pytest.fixture
def store() -> Store:
    return desk.make()


def sync(store: Store, state: str | None = None, limit: int = 512, address: str = ROOM) -> SyncPage:
    return store.sync(store.mailbox(address).calendar.id, state, limit)


def told(page: SyncPage) -> list[tuple[str, str]]:
    return [(one.kind, one.item.subject if one.item else "") for one in page.changes]


def test_the_first_round_lists_everything_newest_first_in_pages(store: Store) -> None:
    for name in "abcde":
        book(store, subject=name)

    first = sync(store, limit=2)
    second = sync(store, first.state, limit=2)
    third = sync(store, second.state, limit=2)

    assert [told(first), told(second), told(third)] == [
        [("create", "e"), ("create", "d")],
        [("create", "c"), ("create", "b")],
        [("create", "a")],
    ]
    assert [first.is_last, second.is_last, third.is_last] == [False, False, True]


def test_what_changes_while_pages_are_read_is_told_after_them(store: Store) -> None:
    items = [book(store, subject=name) for name in "abc"]
    first = sync(store, limit=2)
    store.change(items[2].id, {"subject": "C"})
    book(store, subject="d")

    second = sync(store, first.state)
    third = sync(store, second.state)

    assert (told(second), second.is_last) == ([("create", "a")], False)
    assert (told(third), third.is_last) == ([("update", "C"), ("create", "d")], True)


def test_create_update_and_delete_are_told_once(store: Store) -> None:
    kept, gone = book(store, subject="kept"), book(store, subject="gone")
    state = sync(store).state
    store.change(kept.id, {"subject": "kept 2"})
    store.delete(gone.id)
    book(store, subject="new")

    page = sync(store, state)

    assert told(page) == [("update", "kept 2"), ("delete", ""), ("create", "new")]
    assert page.changes[1].item_id == gone.id
    assert told(sync(store, page.state)) == []


def test_an_occurrence_that_changes_is_an_update_of_its_master(store: Store) -> None:
    master = weekly(store)
    state = sync(store).state
    store.change(store.occurrence(master.id, 2).id, {"subject": "x"})
    store.delete(store.occurrence(master.id, 3).id)

    page = sync(store, state)

    assert [(one.kind, one.item_id) for one in page.changes] == [("update", master.id)]


def test_a_move_away_is_a_delete_and_a_move_back_a_create(store: Store) -> None:
    made = book(store)
    state = sync(store).state
    out = store.move(made.id, store.mailbox(ROOM).other.id)

    away = sync(store, state)
    store.move(out.id, store.mailbox(ROOM).calendar.id)
    back = sync(store, away.state)

    assert [one.kind for one in away.changes] == ["delete"]
    assert [one.kind for one in back.changes] == ["create"]


def test_what_came_and_went_between_two_rounds_is_not_told(store: Store) -> None:
    state = sync(store).state
    store.delete(book(store).id)

    assert told(sync(store, state)) == []


def test_ignored_items_are_left_out(store: Store) -> None:
    made = book(store)
    calendar = store.mailbox(ROOM).calendar.id

    assert store.sync(calendar, None, ignore={made.id}).changes == ()


@pytest.mark.parametrize("state", ["nonsense", "bm9uc2Vuc2U=", "é"])
def test_a_corrupt_state_is_refused(store: Store, state: str) -> None:
    with pytest.raises(StoreError, match="ErrorInvalidSyncStateData"):
        sync(store, state)


def test_a_state_of_another_folder_or_a_forgotten_one_is_refused(store: Store) -> None:
    state = sync(store).state
    with pytest.raises(StoreError, match="ErrorInvalidSyncStateData"):
        sync(store, state, address=PERSON)

    store.forget_sync_states(store.mailbox(ROOM).calendar.id)

    with pytest.raises(StoreError, match="ErrorInvalidSyncStateData"):
        sync(store, state)


def test_the_folder_of_a_replaced_mailbox_is_not_found(store: Store) -> None:
    before = store.mailbox(ROOM).calendar.id
    store.replace_mailbox(ROOM)

    with pytest.raises(StoreError, match="ErrorSyncFolderNotFound"):
        store.sync(before, None)
