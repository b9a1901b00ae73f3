"""What Exchange sees of our bookings, and what we keep of its events."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from apps.exchange.calendar import CalendarEvent, EventKey, ShowAs
from apps.sync.fingerprint import fingerprint, rest_part, state_of, time_part
from apps.sync.mapping import Kept, Sent, content, masked, stamp, stamped_booking, title

NOW = dt.datetime(2027, 3, 1, 9, 0, tzinfo=dt.UTC)
EVENT = CalendarEvent(
    key=EventKey("item"),
    uid="uid",
    change_key="key",
    starts_at=NOW,
    ends_at=NOW + dt.timedelta(hours=1),
    show_as=ShowAs.BUSY,
    subject="  Review\n of  plans ",
    organizer="Olga",
    organizer_email="olga@example.com",
)


@pytest.mark.parametrize(
    ("sent", "person", "subject"),
    [
        (Sent.BOOKED, "Ann", "Booked"),
        (Sent.TITLE, "Ann", "Stand-up"),
        (Sent.TITLE_AND_PERSON, "Ann", "Stand-up (Ann)"),
        (Sent.TITLE_AND_PERSON, "", "Stand-up"),
    ],
)
def test_subject_tells_what_the_tenant_chose(sent: Sent, person: str, subject: str) -> None:
    made = content(
        title="Stand-up",
        person=person,
        starts_at=NOW,
        ends_at=NOW + dt.timedelta(hours=1),
        is_all_day=False,
        time_zone="UTC",
        sent=sent,
    )

    assert made.subject == subject


@pytest.mark.parametrize(
    ("kept", "subject", "organizer"),
    [
        (Kept.SUBJECT, "Review of plans", "Olga"),
        (Kept.ORGANIZER, "Olga", "Olga"),
        (Kept.BUSY, "Busy", ""),
    ],
)
def test_event_is_kept_as_the_tenant_chose(kept: Kept, subject: str, organizer: str) -> None:
    event = masked(EVENT, kept)

    assert (event.subject, event.organizer) == (subject, organizer)


@pytest.mark.parametrize("kept", Kept)
@pytest.mark.parametrize("is_ours", [True, False])
def test_private_is_private_whatever_is_chosen(kept: Kept, is_ours: bool) -> None:
    event = masked(replace(EVENT, is_private=True), kept, is_ours=is_ours)

    assert (event.subject, event.organizer, event.organizer_email) == ("Private", "", "")


def test_subject_of_our_own_event_is_ours_to_keep() -> None:
    assert masked(EVENT, Kept.BUSY, is_ours=True).subject == "Review of plans"


def test_title_is_never_empty() -> None:
    assert title(EVENT.subject, EVENT.organizer) == "Review of plans"
    assert title("  ", EVENT.organizer) == "Olga"


@pytest.mark.parametrize(
    ("value", "booking"),
    [
        (stamp("inst", "res", "book"), "book"),
        (stamp("other", "res", "book"), ""),
        (stamp("inst", "other", "book"), ""),
        ("2:inst:res:book", ""),
        ("", ""),
    ],
)
def test_stamp_counts_only_for_this_installation_and_resource(value: str, booking: str) -> None:
    assert stamped_booking(value, "inst", "res") == booking


def test_unknown_status_decides_nothing() -> None:
    assert state_of(replace(EVENT, show_as=ShowAs.UNKNOWN)).value == "unreadable"


def test_state_is_what_the_event_does_to_the_resource() -> None:
    changed: dict[str, Any] = {
        "cancelled": {"is_cancelled": True},
        "blocks": {"show_as": ShowAs.TENTATIVE},
        "free": {"show_as": ShowAs.FREE},
    }
    for state, fields in changed.items():
        assert state_of(replace(EVENT, **fields)).value == state
    assert state_of(replace(EVENT, is_declined=True)).value == "cancelled"
    assert state_of(replace(EVENT, ends_at=EVENT.starts_at)).value == "free"


def test_fingerprint_has_a_part_for_the_time_and_one_for_the_rest() -> None:
    of = fingerprint(EVENT)
    moved = fingerprint(replace(EVENT, ends_at=EVENT.ends_at + dt.timedelta(hours=1)))
    renamed = fingerprint(replace(EVENT, subject="Other"))

    assert (rest_part(moved), time_part(renamed)) == (rest_part(of), time_part(of))
    assert time_part(moved) != time_part(of)
    assert rest_part(renamed) != rest_part(of)
