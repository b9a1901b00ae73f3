"""Meetings: what a room's attendant does with a request, an update and a cancellation, and what it never touches."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from apps.sandbox.recurrence import Pattern, Recurrence
from apps.sandbox.store import Attendee, Item, Store, StoreError
from tests.sandbox import desk
from tests.sandbox.desk import COLLEAGUE, DOMAIN, PERSON, ROOM, at, book, invite, mails, view


@pytest.fixture
def store() -> Store:
    return desk.make()


def in_room(store: Store) -> Item:
    (found,) = store.mailbox(ROOM).calendar.items
    return found


def answers(item: Item) -> list[str]:
    return [one.response for one in item.attendees]


def test_an_accepted_request_shows_the_organiser_and_nothing_of_the_meeting(store: Store) -> None:
    made = invite(store, ROOM, sensitivity="Private")

    copy = in_room(store)
    assert (copy.subject, copy.body, copy.sensitivity) == ("Ann Onym", "", "Normal")
    assert (copy.uid, copy.organizer.address) == (made.uid, PERSON)
    assert (copy.show_as, copy.my_response, copy.appointment_state) == ("Busy", "Accept", 3)
    assert answers(store.item(made.id)) == ["Accept"]
    assert mails(store) == [("request", "room"), ("accept", "ann")]


def test_settings_say_what_is_stripped(store: Store) -> None:
    store.set_attendant(
        ROOM,
        delete_subject=False,
        add_organizer_to_subject=False,
        delete_comments=False,
        remove_private_property=False,
    )

    invite(store, ROOM, sensitivity="Private")

    copy = in_room(store)
    assert (copy.subject, copy.body, copy.sensitivity) == ("Budget", "Bring figures.", "Private")


def test_a_clash_with_what_was_written_directly_is_declined(store: Store) -> None:
    direct = book(store)

    made = invite(store, ROOM)

    assert in_room(store).id == direct.id
    assert answers(store.item(made.id)) == ["Decline"]


@pytest.mark.parametrize("fields", [{"show_as": "Free"}, {"start": at(26, 10), "end": at(26, 11)}])
def test_free_and_adjacent_events_are_no_clash(store: Store, fields: dict[str, Any]) -> None:
    book(store, **fields)

    assert answers(store.item(invite(store, ROOM).id)) == ["Accept"]


def test_conflicts_are_accepted_where_they_are_allowed(store: Store) -> None:
    book(store)
    store.set_attendant(ROOM, allow_conflicts=True)

    assert answers(store.item(invite(store, ROOM).id)) == ["Accept"]


def test_a_direct_write_over_a_meeting_is_never_touched(store: Store) -> None:
    invite(store, ROOM)

    direct = book(store, body="ours", sensitivity="Private")

    assert (direct.subject, direct.body, direct.sensitivity) == ("Talk", "ours", "Private")
    assert len(view(store)) == 2


def test_auto_update_leaves_a_request_tentative_and_unanswered(store: Store) -> None:
    store.set_attendant(ROOM, automate_processing="AutoUpdate")

    made = invite(store, ROOM)

    copy = in_room(store)
    assert (copy.subject, copy.show_as, copy.my_response) == (
        "Budget",
        "Tentative",
        "NoResponseReceived",
    )
    assert answers(store.item(made.id)) == ["Unknown"]


def test_without_processing_nothing_reaches_the_calendar(store: Store) -> None:
    store.set_attendant(ROOM, automate_processing="None")

    invite(store, ROOM)

    assert view(store) == []


def test_one_clash_declines_a_whole_series(store: Store) -> None:
    book(store, start=at(3, 9, month=12), end=at(3, 10, month=12))

    made = invite(store, ROOM, series=True)

    assert answers(store.item(made.id)) == ["Decline"]
    assert len(view(store)) == 1


def test_a_series_may_lose_single_occurrences_where_that_is_allowed(store: Store) -> None:
    book(store, start=at(3, 9, month=12), end=at(3, 10, month=12))
    store.set_attendant(ROOM, conflict_percentage_allowed=50, maximum_conflict_instances=2)

    made = invite(store, ROOM, series=True)

    assert [(one.subject, one.index) for one in view(store)] == [
        ("Ann Onym", 1),
        ("Talk", 0),
        ("Ann Onym", 3),
        ("Ann Onym", 4),
    ]
    assert answers(store.occurrence(made.id, 2)) == ["Decline"]
    assert answers(store.occurrence(made.id, 3)) == ["Accept"]


@pytest.mark.parametrize(
    ("rules", "fields"),
    [
        ({"allow_recurring_meetings": False}, {"series": True}),
        ({"maximum_duration_in_minutes": 30}, {}),
        ({"booking_window_in_days": 0}, {}),
        ({"booking_window_in_days": 10}, {"series": True}),
    ],
    ids=["no series", "too long", "too far ahead", "series past the window"],
)
def test_a_request_against_the_rules_is_declined(
    store: Store, rules: dict[str, object], fields: dict[str, Any]
) -> None:
    store.set_attendant(ROOM, **rules)

    made = invite(store, ROOM, **fields)

    assert answers(store.item(made.id)) == ["Decline"]


def test_a_series_without_end_is_declined_unless_the_horizon_is_not_enforced(store: Store) -> None:
    rule = Recurrence(pattern=Pattern(kind="Daily"), start=dt.date(2026, 11, 26))

    assert answers(store.item(invite(store, ROOM, recurrence=rule).id)) == ["Decline"]
    store.set_attendant(ROOM, enforce_scheduling_horizon=False)
    assert answers(store.item(invite(store, ROOM, recurrence=rule).id)) == ["Accept"]


def test_a_request_from_another_organisation_is_left_alone(store: Store) -> None:
    store.add_organisation(domain="far.example", name="Far", server="x", time_zone="UTC")
    store.add_mailbox("far.example", address="hall@far.example", name="Hall")

    invite(store, "hall@far.example")

    assert store.mailbox("hall@far.example").calendar.items == []


def test_an_update_moves_the_rooms_copy_and_is_answered_anew(store: Store) -> None:
    made = invite(store, ROOM)
    before = in_room(store).id

    store.change(made.id, {"start": at(26, 11), "end": at(26, 12)}, send=True)

    assert (in_room(store).start, in_room(store).id) == (at(26, 11), before)
    assert mails(store)[2:] == [("update", "room"), ("accept", "ann")]


def test_an_update_onto_another_booking_is_declined_and_leaves_the_room(store: Store) -> None:
    book(store, hour=11)
    made = invite(store, ROOM)

    store.change(made.id, {"start": at(26, 11), "end": at(26, 12)}, send=True)

    assert [one.subject for one in view(store)] == ["Talk"]
    assert answers(store.item(made.id)) == ["Decline"]


def test_an_update_of_one_occurrence_reaches_that_one_in_the_room(store: Store) -> None:
    made = invite(store, ROOM, series=True)
    second = store.occurrence(made.id, 2)

    store.change(second.id, {"start": at(3, 13, month=12), "end": at(3, 14, month=12)}, send=True)

    assert [(one.kind, one.start.hour) for one in view(store)] == [
        ("Occurrence", 9),
        ("Exception", 13),
        ("Occurrence", 9),
        ("Occurrence", 9),
    ]


def test_a_change_without_sending_tells_nobody(store: Store) -> None:
    made = invite(store, ROOM)
    store.organisation(DOMAIN).outbox.clear()

    store.change(made.id, {"start": at(26, 11), "end": at(26, 12)})
    store.delete(made.id)

    assert mails(store) == []
    assert in_room(store).start == at(26, 9)


def test_deleting_a_meeting_tells_who_is_invited_once(store: Store) -> None:
    made = invite(store, ROOM)
    store.organisation(DOMAIN).outbox.clear()

    gone = store.delete(made.id, "MoveToDeletedItems", send=True)
    assert gone is not None
    store.delete(gone.id, send=True)

    assert mails(store) == [("cancellation", "room")]
    assert in_room(store).is_cancelled


def test_a_cancelled_meeting_stays_in_the_room_as_cancelled_and_blocks_nothing(
    store: Store,
) -> None:
    made = invite(store, ROOM, COLLEAGUE)

    store.cancel(made.id)

    copy = in_room(store)
    assert (copy.is_cancelled, copy.blocks, copy.appointment_state) == (True, False, 7)
    assert store.mailbox(PERSON).calendar.items == []
    assert [mail for mail in mails(store) if mail[0] == "cancellation"] == [
        ("cancellation", "room"),
        ("cancellation", "bob"),
    ]


def test_a_cancelled_meeting_leaves_a_room_that_removes_them(store: Store) -> None:
    store.set_attendant(ROOM, remove_canceled_meetings=True)
    made = invite(store, ROOM)

    store.cancel(made.id)

    assert view(store) == []


def test_cancelling_one_occurrence_leaves_the_others(store: Store) -> None:
    made = invite(store, ROOM, series=True)

    store.cancel(store.occurrence(made.id, 2).id)

    assert [one.is_cancelled for one in view(store)] == [False, True, False, False]
    assert len(view(store, PERSON)) == 3


def test_only_the_organiser_cancels(store: Store) -> None:
    invite(store, ROOM)

    with pytest.raises(StoreError, match="ErrorCalendarIsNotOrganizer"):
        store.cancel(in_room(store).id)


def test_a_declining_room_mails_the_organiser_and_frees_the_time(store: Store) -> None:
    made = invite(store, ROOM)

    store.respond(in_room(store).id, "Decline", body="Painting.")

    assert view(store) == []
    assert answers(store.item(made.id)) == ["Decline"]
    assert store.organisation(DOMAIN).outbox[-1].body == "Painting."


def test_one_occurrence_is_declined_alone(store: Store) -> None:
    made = invite(store, ROOM, series=True)

    store.respond(view(store)[1].id, "Decline")

    assert [one.index for one in view(store)] == [1, 3, 4]
    assert answers(store.occurrence(made.id, 2)) == ["Decline"]


def test_an_appointment_and_a_cancelled_meeting_cannot_be_declined(store: Store) -> None:
    with pytest.raises(StoreError, match="ErrorCalendarIsOrganizerForDecline"):
        store.respond(book(store, day=28).id, "Decline")
    made = invite(store, ROOM)
    store.cancel(made.id)

    cancelled = next(one for one in view(store) if one.is_cancelled)
    with pytest.raises(StoreError, match="ErrorCalendarIsCancelledForDecline"):
        store.respond(cancelled.id, "Decline")


def test_a_person_gets_a_tentative_copy_and_may_accept(store: Store) -> None:
    made = invite(store, COLLEAGUE)
    (copy,) = store.mailbox(COLLEAGUE).calendar.items
    assert (copy.subject, copy.show_as, copy.my_response) == (
        "Budget",
        "Tentative",
        "NoResponseReceived",
    )

    store.respond(copy.id, "Accept")

    assert store.item(copy.id).show_as == "Busy"
    assert answers(store.item(made.id)) == ["Accept"]


def test_who_is_left_out_of_an_update_gets_a_cancellation(store: Store) -> None:
    made = invite(store, ROOM, COLLEAGUE)

    store.change(made.id, {"attendees": (Attendee(name="Bob", address=COLLEAGUE),)}, send=True)

    assert in_room(store).is_cancelled
