from __future__ import annotations

import base64
import datetime as dt
import zlib

import pytest

from apps.exchange.calendar import Window
from apps.exchange.graph import cursors
from apps.exchange.graph.cursors import NoCursor, Shown
from tests.exchange.graph.samples import event, occurrence

ROOM = "Room@example.com"
WINDOW = Window(dt.datetime(2027, 3, 1, tzinfo=dt.UTC), dt.datetime(2027, 9, 1, tzinfo=dt.UTC))


@pytest.mark.parametrize("whose", ["/users/x", "/Users('x')"])
def test_link_is_kept_for_its_mailbox(whose: str) -> None:
    """However Graph writes whose calendar it is."""
    link = f"{whose}/calendarView/delta?$deltatoken=y"
    cursor = cursors.of_link(ROOM, link)

    assert cursors.read(cursor, "ROOM@EXAMPLE.COM") == link
    with pytest.raises(NoCursor):
        cursors.read(cursor, "lounge@example.com")


def test_what_was_shown_is_kept_for_its_mailbox() -> None:
    shown = Shown(WINDOW, {"AAMk=": "abc", "master": "def"})
    cursor = cursors.of_shown(ROOM, shown)

    assert cursors.read(cursor, ROOM) == shown
    with pytest.raises(NoCursor):
        cursors.read(cursor, "lounge@example.com")


@pytest.mark.parametrize(
    "held",
    [
        "",
        "delta room@example.com",
        "delta room@example.com https://evil.example/users",
        "delta room@example.com //evil.example/users",
        "delta room@example.com /users/a b",
        "shown room@example.com !!!",
        "shown room@example.com AAAA",
        f"shown room@example.com {base64.b64encode(zlib.compress(b'[]')).decode()}",
        f"shown room@example.com {base64.b64encode(zlib.compress(b'[[1,2],{}]')).decode()}",
        "ews-sync-state==",
    ],
)
def test_what_was_not_made_here_is_no_cursor(held: str) -> None:
    with pytest.raises(NoCursor):
        cursors.read(held, ROOM)


def test_digest_changes_with_a_version_and_with_an_occurrence_that_goes() -> None:
    rows = [event(), occurrence(2), occurrence(3)]
    before = cursors.digests(rows)

    assert before.keys() == {"AAMk=", "master"}
    assert cursors.digests(reversed(rows)) == before
    assert cursors.digests(rows[:2])["master"] != before["master"]
    assert cursors.digests([event(changeKey="key-2")])["AAMk="] != before["AAMk="]


def test_calendar_of_a_thousand_items_makes_no_large_cursor() -> None:
    rows = [event(id=f"AAMkAGI1AAAt9AHjAAA{number:04}=") for number in range(1000)]

    cursor = cursors.of_shown(ROOM, Shown(WINDOW, cursors.digests(rows)))

    assert len(cursor) < 40_000
