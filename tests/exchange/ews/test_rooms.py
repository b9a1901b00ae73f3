"""Rooms to suggest, and rooms that hide their subjects."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.exchange.calendar import CalendarEvent
from apps.exchange.errors import AuthenticationFailed
from apps.exchange.ews.mapping import event
from apps.exchange.ews.rooms import Room, suggestions
from apps.exchange.ews.stripping import stripping
from tests.exchange.ews.samples import items
from tests.exchange.ews.sandbox_room import DOMAIN, OTHER, ROOM, SandboxRoom

MEETING = event(items()["AAMkSingle="])


def with_lists(room: SandboxRoom) -> SandboxRoom:
    store = room.server.store
    store.add_room_list(DOMAIN, name="Ground floor", address=f"ground@{DOMAIN}", members=[ROOM])
    store.add_room_list(
        DOMAIN, name="All rooms", address=f"all@{DOMAIN}", members=[ROOM, OTHER]
    )  # fmt: skip
    return room


def test_rooms_on_lists_are_suggested_once_by_name(room: SandboxRoom) -> None:
    found = suggestions(with_lists(room).settings)

    assert [(one.name, one.email) for one in found] == [("Lounge", OTHER), ("Room", ROOM)]


def test_organisation_without_lists_suggests_nothing(room: SandboxRoom) -> None:
    assert suggestions(room.settings) == []


def test_list_that_cannot_be_read_is_left_out(room: SandboxRoom) -> None:
    with_lists(room).server.faults.arrange(
        {"kind": "error", "operation": "GetRooms", "code": "ErrorAccessDenied"}
    )

    assert {one.email for one in suggestions(room.settings)} == {ROOM, OTHER}


def test_refused_sign_in_is_told(room: SandboxRoom) -> None:
    room.faults.refuse_sign_in()

    with pytest.raises(AuthenticationFailed):
        suggestions(room.settings)


def test_rooms_are_sorted_by_name() -> None:
    assert Room("A", "z@x") < Room("B", "a@x")


def meetings(*subjects: str, **fields: object) -> list[CalendarEvent]:
    return [replace(MEETING, subject=subject, **fields) for subject in subjects]  # type: ignore[arg-type]


def test_room_whose_meetings_are_called_by_their_organisers_is_told_with_the_command() -> None:
    told = stripping(meetings("Olga Ohm", "", "Olga Ohm "), ROOM)

    assert told is not None
    assert told.command == (
        f"Set-CalendarProcessing -Identity {ROOM} -DeleteSubject $false "
        "-AddOrganizerToSubject $false -DeleteComments $false -RemovePrivateProperty $false"
    )


@pytest.mark.parametrize(
    "events",
    [
        meetings("Olga Ohm", "Olga Ohm"),
        meetings("Olga Ohm", "Olga Ohm", "Numbers"),
        meetings("Olga Ohm", "Olga Ohm", "Olga Ohm", is_invitation=False),
        meetings("Olga Ohm", "Olga Ohm", "Olga Ohm", is_private=True),
        [],
    ],
    ids=["few", "one with a subject", "appointments", "private", "none"],
)
def test_room_that_keeps_subjects_or_shows_too_little_is_not_told(
    events: list[CalendarEvent],
) -> None:
    assert stripping(events, ROOM) is None
