"""A room that throws subjects away is told from one that does not."""

from __future__ import annotations

import datetime as dt

import pytest

from apps.exchange.calendar import CalendarEvent, EventKey, ShowAs
from apps.exchange.ews.stripping import stripping

ROOM = "room@example.com"
START = dt.datetime(2026, 11, 25, 9, tzinfo=dt.UTC)


def meeting(
    subject: str, organizer: str = "Olga", *, is_invitation: bool = True, is_private: bool = False
) -> CalendarEvent:
    return CalendarEvent(
        EventKey("x"), "uid", "key", START, START, ShowAs.BUSY, subject=subject, organizer=organizer,
        is_invitation=is_invitation, is_private=is_private,
    )  # fmt: skip


def test_meetings_called_by_their_organisers_are_told_with_the_command() -> None:
    found = stripping([meeting("Olga"), meeting("Ben ", "Ben"), meeting("", "Ada")], ROOM)

    assert found is not None
    assert "organiser's name in place of the subject" in found.cause
    assert found.command.startswith(
        f"Set-CalendarProcessing -Identity {ROOM} -DeleteSubject $false"
    )
    assert "-AddOrganizerToSubject $false" in found.command


@pytest.mark.parametrize(
    "events",
    [
        [],
        [meeting("Olga")] * 2,
        [meeting("Olga")] * 3 + [meeting("Budget")],
        [meeting("Olga", is_invitation=False)] * 3,
        [meeting("Olga", is_private=True)] * 3,
        [meeting("", organizer="")] * 3,
    ],
    ids=["none", "too few", "one has its subject", "written by hand", "private", "nobody"],
)
def test_anything_else_proves_nothing(events: list[CalendarEvent]) -> None:
    assert stripping(events, ROOM) is None
