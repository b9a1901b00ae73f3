"""Items: ids, change keys, what may be written, folders, copies, views."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from apps.sandbox.store import Item, PropertyName, Store, StoreError, StoreEvent
from tests.sandbox import desk
from tests.sandbox.desk import ALIAS, BERLIN, DOMAIN, PERSON, ROOM, at, book

TAG = PropertyName("cad30ed9-bc9b-457a-91e4-50b0a91dab46", "OptixSyncBooking")


@pytest.fixture
def store() -> Store:
    return desk.make()


def refused(code: str) -> Any:
    return pytest.raises(StoreError, match=rf"^{code}:")


def test_an_id_is_found_in_its_own_letter_case_only(store: Store) -> None:
    made = book(store)

    assert store.item(made.id).subject == "Talk"
    with pytest.raises(StoreError):
        store.item(made.id.swapcase())


@pytest.mark.parametrize(
    ("given", "code"),
    [
        ("", "ErrorInvalidIdEmpty"),
        ("nonsense!", "ErrorInvalidIdMalformed"),
        ("AAAA", "ErrorInvalidIdMalformed"),
    ],
)
def test_an_id_that_is_none_is_refused(store: Store, given: str, code: str) -> None:
    with refused(code):
        store.item(given)


def test_every_write_gives_another_change_key_and_the_same_id(store: Store) -> None:
    made = book(store)

    changed = store.change(made.id, {"subject": "Walk"})

    assert changed.id == made.id
    assert changed.change_key != made.change_key


def test_a_stale_key_is_refused_when_nothing_may_be_overwritten(store: Store) -> None:
    made = book(store)
    store.change(made.id, {"location": "Upstairs"})

    with refused("ErrorIrresolvableConflict"):
        store.change(
            made.id, {"subject": "x"}, change_key=made.change_key, resolution="NeverOverwrite"
        )
    with refused("ErrorIrresolvableConflict"):
        store.delete(made.id, change_key=made.change_key)

    assert store.item(made.id).subject == "Talk"


def test_a_current_key_is_taken(store: Store) -> None:
    made = book(store)

    changed = store.change(
        made.id, {"subject": "x"}, change_key=made.change_key, resolution="NeverOverwrite"
    )

    assert changed.subject == "x"


def test_auto_resolve_merges_other_fields_and_refuses_the_same_one(store: Store) -> None:
    made = book(store)
    store.change(made.id, {"location": "Upstairs"})

    merged = store.change(
        made.id, {"subject": "x"}, change_key=made.change_key, resolution="AutoResolve"
    )

    assert (merged.subject, merged.location) == ("x", "Upstairs")
    with refused("ErrorIrresolvableConflict"):
        store.change(
            made.id, {"location": "y"}, change_key=made.change_key, resolution="AutoResolve"
        )


@pytest.mark.parametrize(
    ("key", "code"),
    [(None, "ErrorChangeKeyRequiredForWriteOperations"), ("abc", "ErrorInvalidChangeKey")],
)
def test_a_conditional_write_needs_a_sound_key(store: Store, key: str | None, code: str) -> None:
    made = book(store)

    with refused(code):
        store.change(made.id, {"subject": "x"}, change_key=key, resolution="NeverOverwrite")


def test_uid_is_set_on_create_only(store: Store) -> None:
    made = book(store, uid="ours-1")

    assert made.uid == "ours-1"
    with refused("ErrorInvalidPropertySet"):
        store.change(made.id, {"uid": "ours-2"})


@pytest.mark.parametrize("field", ["is_cancelled", "organizer", "my_response", "kind", "overrides"])
def test_what_is_exchanges_cannot_be_set(store: Store, field: str) -> None:
    with refused("ErrorInvalidPropertySet"):
        store.create(store.mailbox(ROOM).calendar.id, {field: "x"})


def test_extended_properties_are_set_one_by_one_and_deleted(store: Store) -> None:
    other = PropertyName(TAG.set_id, "Other")
    made = book(store, extended={TAG: "1:a:b:c"})

    both = store.change(made.id, {"extended": {other: "2"}})
    left = store.change(made.id, {"extended": {TAG: None}})

    assert both.extended == {TAG: "1:a:b:c", other: "2"}
    assert left.extended == {other: "2"}


def test_the_owner_organises_what_is_written_into_the_calendar(store: Store) -> None:
    made = book(store)

    assert made.organizer.address == ROOM
    assert (made.is_meeting, made.my_response, made.appointment_state) == (False, "Organizer", 0)


def test_all_day_is_widened_to_midnights_of_its_own_zone(store: Store) -> None:
    made = book(store, all_day=True, start_zone=BERLIN)

    assert (made.start, made.end) == (at(25, 23), at(26, 23))


def test_an_end_before_its_start_and_six_years_are_refused(store: Store) -> None:
    with refused("ErrorCalendarEndDateIsEarlierThanStartDate"):
        book(store, end=at(26, 8))
    with refused("ErrorCalendarDurationIsTooLong"):
        book(store, end=at(26, 8) + dt.timedelta(days=6 * 366))


def test_a_zone_that_nobody_knows_is_kept(store: Store) -> None:
    assert (
        book(store, start_zone="tzone://Microsoft/Custom").start_zone == "tzone://Microsoft/Custom"
    )


def test_hard_delete_leaves_nothing_to_find(store: Store) -> None:
    made = book(store)

    store.delete(made.id)

    with refused("ErrorItemNotFound"):
        store.item(made.id)
    assert store.mailbox(ROOM).deleted_items.items == []


def test_deleted_items_can_be_restored_under_yet_another_id(store: Store) -> None:
    made = book(store, extended={TAG: "1"})

    gone = store.delete(made.id, "MoveToDeletedItems")
    assert gone is not None
    back = store.restore(gone.id)

    assert len({made.id, gone.id, back.id}) == 3
    assert (back.uid, back.extended, back.start) == (made.uid, {TAG: "1"}, made.start)
    assert [one.id for one in store.mailbox(ROOM).calendar.items] == [back.id]


def test_deleting_from_deleted_items_is_for_good(store: Store) -> None:
    gone = store.delete(book(store).id, "MoveToDeletedItems")
    assert gone is not None

    assert store.delete(gone.id, "MoveToDeletedItems") is None

    assert store.mailbox(ROOM).deleted_items.items == []


def test_moving_out_and_back_gives_other_ids_and_leaves_the_view(store: Store) -> None:
    made = book(store)

    out = store.move(made.id, store.mailbox(ROOM).other.id)
    assert desk.view(store) == []
    back = store.move(out.id, store.mailbox(ROOM).calendar.id)

    assert [one.id for one in desk.view(store)] == [back.id]
    assert len({made.id, out.id, back.id}) == 3


def test_a_copy_keeps_extended_properties_and_gets_another_uid(store: Store) -> None:
    made = book(store, uid="ours-1", extended={TAG: "1"})

    copied = store.copy(made.id)

    assert copied.extended == {TAG: "1"}
    assert copied.uid != "ours-1"
    assert len(desk.view(store)) == 2


def test_a_view_holds_what_overlaps_it_and_what_ends_as_it_begins(store: Store) -> None:
    book(store, hour=8, subject="ends as it begins")
    book(store, hour=9, subject="inside")
    book(store, hour=10, subject="begins as it ends")

    found = store.view(store.mailbox(ROOM).calendar.id, at(26, 9), at(26, 10))

    assert [one.subject for one in found.items] == ["ends as it begins", "inside"]


def test_a_view_too_wide_or_turned_round_is_refused(store: Store) -> None:
    calendar = store.mailbox(ROOM).calendar.id
    with refused("ErrorCalendarViewRangeTooBig"):
        store.view(calendar, at(1, 0), at(1, 0) + dt.timedelta(days=800))
    with refused("ErrorCalendarEndDateIsEarlierThanStartDate"):
        store.view(calendar, at(2, 0), at(1, 0))


def test_a_view_gives_a_thousand_and_says_that_there_are_more(store: Store) -> None:
    for _ in range(1005):
        book(store)

    found = store.view(store.mailbox(ROOM).calendar.id, at(1, 0), at(30, 0), limit=5000)

    assert (len(found.items), found.total, found.is_last) == (1000, 1005, False)


def test_find_gives_singles_and_masters_that_fit(store: Store) -> None:
    book(store, extended={TAG: "1"})
    desk.weekly(store)

    calendar = store.mailbox(ROOM).calendar.id
    tagged = store.find(calendar, lambda one: TAG in one.extended)
    everything = store.find(calendar, offset=1)

    assert [one.kind for one in tagged.items] == ["Single"]
    assert (len(everything.items), everything.total, everything.is_last) == (1, 2, True)


def test_listeners_hear_what_happened_in_order(store: Store) -> None:
    heard: list[StoreEvent] = []
    stop = store.listen(heard.append)
    made = book(store)
    store.change(made.id, {"subject": "x"})
    moved = store.move(made.id, store.mailbox(ROOM).other.id)
    store.copy(moved.id)
    store.delete(moved.id)
    stop()
    book(store)

    assert [one.kind for one in heard] == ["Created", "Modified", "Moved", "Copied", "Deleted"]
    assert (heard[2].old_item_id, heard[2].item_id) == (made.id, moved.id)
    assert heard[2].old_folder_id == store.mailbox(ROOM).calendar.id


def test_an_alias_opens_the_same_mailbox_in_any_letter_case(store: Store) -> None:
    assert store.mailbox(ALIAS.upper()).calendar.id == store.mailbox(ROOM).calendar.id


def test_an_address_is_given_once(store: Store) -> None:
    with refused("ErrorAccountExists"):
        store.add_mailbox(DOMAIN, address=ALIAS.upper(), name="Other")


def test_an_unknown_address_has_no_mailbox(store: Store) -> None:
    with refused("ErrorNonExistentMailbox"):
        store.mailbox("nobody@pier.example")


def test_a_replaced_mailbox_has_other_folders_and_nothing_of_the_old(store: Store) -> None:
    made = book(store)
    before = store.mailbox(ROOM).calendar.id

    store.replace_mailbox(ALIAS)

    assert store.mailbox(ROOM).calendar.id != before
    assert desk.view(store) == []
    with refused("ErrorItemNotFound"):
        store.item(made.id)
    with refused("ErrorFolderNotFound"):
        store.folder(before)


def test_sign_in_takes_both_names_the_right_password_and_the_allowed_kind(store: Store) -> None:
    store.add_account(
        DOMAIN, name=f"svc@{DOMAIN}", login=r"PIER\svc", password="tide", sign_ins=["ntlm"]
    )

    assert store.sign_in(r"pier\SVC", "tide", "ntlm") is not None
    assert store.sign_in(f"svc@{DOMAIN}", "tide", "ntlm") is not None
    assert store.sign_in(f"svc@{DOMAIN}", "ebb", "ntlm") is None
    assert store.sign_in(f"svc@{DOMAIN}", "tide", "basic") is None
    store.set_password(f"svc@{DOMAIN}", "ebb")
    assert store.sign_in(f"svc@{DOMAIN}", "ebb", "ntlm") is not None


def test_rights_come_from_the_role_or_the_folder_and_can_be_taken(store: Store) -> None:
    account = store.add_account(
        DOMAIN,
        name=f"svc@{DOMAIN}",
        login="PIER\\svc",
        password="x",
        impersonates=["room"],
        rights={PERSON: "reviewer"},
    )
    room, person = store.mailbox(ROOM), store.mailbox(PERSON)

    assert store.right(account, room, impersonating=True) == "editor"
    assert store.right(account, room, impersonating=False) == "none"
    assert store.right(account, person, impersonating=True) == "none"
    assert store.right(account, person, impersonating=False) == "reviewer"
    store.set_right(account.name, ALIAS, "none")
    assert store.right(account, room, impersonating=True) == "none"


def test_an_item_that_was_read_does_not_change_under_its_reader(store: Store) -> None:
    made: Item = book(store)

    store.change(made.id, {"subject": "x"})

    assert made.subject == "Talk"
