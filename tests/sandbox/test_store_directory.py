"""Lists, names and the ends of a series: what look-ups answer."""

from __future__ import annotations

import datetime as dt

import pytest

from apps.sandbox.recurrence import Pattern, Recurrence
from apps.sandbox.store import Store, StoreError, series
from tests.sandbox import desk
from tests.sandbox.desk import DOMAIN, PERSON, ROOM, at, book, weekly


@pytest.fixture
def store() -> Store:
    return desk.make()


def test_names_are_resolved_by_their_beginning_and_hidden_ones_are_not(store: Store) -> None:
    store.add_mailbox(DOMAIN, address=f"roomy@{DOMAIN}", name="Roomy", hidden=True)

    assert [one.address for one in store.resolve(DOMAIN, "ROO")] == [ROOM]
    assert [one.address for one in store.resolve(DOMAIN, "big-r")] == [ROOM]
    assert store.resolve(DOMAIN, "oom") == []


def test_a_room_list_names_the_rooms_that_there_still_are(store: Store) -> None:
    store.add_room_list(DOMAIN, name="All", address="all@x", members=[ROOM, "gone@x"])

    assert [one.name for one in store.rooms(DOMAIN, "ALL@x")] == ["Room"]
    with pytest.raises(StoreError, match="ErrorNameResolutionNoResults"):
        store.rooms(DOMAIN, "none@x")


def test_an_unknown_organisation_or_account_is_refused(store: Store) -> None:
    with pytest.raises(StoreError, match="ErrorInvalidOrganization"):
        store.organisation("far.example")
    with pytest.raises(StoreError, match="ErrorNameResolutionNoResults"):
        store.set_password("nobody", "x")


def test_the_role_can_be_given_and_taken(store: Store) -> None:
    account = store.add_account(DOMAIN, name="svc@x", login="svc", password="x")
    room = store.mailbox(ROOM)

    store.set_impersonation("SVC", ["room"])
    assert store.right(account, room, impersonating=True) == "editor"
    store.set_impersonation("svc", [])
    assert store.right(account, room, impersonating=True) == "none"


def test_a_removed_mailbox_takes_its_items_along(store: Store) -> None:
    made = book(store)

    store.remove_mailbox(ROOM)

    with pytest.raises(StoreError, match="ErrorItemNotFound"):
        store.item(made.id)


def test_an_organisation_made_again_is_empty(store: Store) -> None:
    store.add_organisation(domain=DOMAIN.upper(), name="New", server="x", time_zone="UTC")

    assert store.mailboxes() == []


def test_the_servers_address_is_that_of_this_process(store: Store) -> None:
    store.set_server("http://127.0.0.1:9")

    assert store.organisation(DOMAIN).server == "http://127.0.0.1:9"


def test_first_and_last_are_those_that_still_stand(store: Store) -> None:
    master = weekly(store, count=4)
    store.delete(store.occurrence(master.id, 1).id)
    store.delete(store.occurrence(master.id, 4).id)

    first, last = series.first_and_last(store.item(master.id))

    assert first is not None
    assert last is not None
    assert (first.index, last.index) == (2, 3)


def test_a_series_without_end_has_no_last(store: Store) -> None:
    first, last = series.first_and_last(weekly(store, count=None))

    assert first is not None
    assert last is None


def test_an_occurrence_that_was_moved_is_an_exception(store: Store) -> None:
    master = weekly(store)
    store.change(
        store.occurrence(master.id, 2).id,
        {"start": at(3, 13, month=12), "end": at(3, 14, month=12)},
    )
    master = store.item(master.id)

    assert [one.index for one in series.exceptions(master)] == [2]


def test_a_person_answers_tentatively(store: Store) -> None:
    made = desk.invite(store, desk.COLLEAGUE)
    (copy,) = store.mailbox(desk.COLLEAGUE).calendar.items

    store.respond(copy.id, "Tentative", send=False)

    assert store.item(copy.id).my_response == "Tentative"
    assert [one.response for one in store.item(made.id).attendees] == ["Unknown"]


def test_a_meeting_series_is_copied_for_a_person_with_its_exceptions(store: Store) -> None:
    rule = Recurrence(pattern=Pattern(kind="Daily"), start=dt.date(2026, 11, 26), count=3)
    master = book(store, address=PERSON, recurrence=rule)
    store.delete(store.occurrence(master.id, 2).id)

    copied = store.copy(master.id)

    assert (copied.kind, copied.deleted) == ("RecurringMaster", frozenset({2}))
    alone = store.copy(store.occurrence(master.id, 3).id)
    assert (alone.kind, alone.start, alone.index) == ("Single", at(28, 9), 0)
