"""The start page and the JSON interface."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import re
from typing import Any

import pytest

from apps.sandbox import seed
from apps.sandbox.pages import respond
from apps.sandbox.pages.control import VERBS
from apps.sandbox.store import Store
from tests.sandbox import desk
from tests.sandbox.desk import DOMAIN, PERSON, ROOM

NINE, TEN = "2026-11-26T09:00:00+00:00", "2026-11-26T10:00:00+00:00"


@pytest.fixture
def store() -> Store:
    return desk.make()


def call(store: Store, verb: str, *, status: int = 200, **given: Any) -> dict[str, Any]:
    answer = respond("POST", f"/control/{verb}", {}, given, store)
    body: dict[str, Any] = json.loads(answer.body)
    assert answer.status == status, body
    return body


def test_the_start_page_says_what_to_type() -> None:
    store = Store()
    seed.fill(store, dt.date(2026, 11, 25), "http://127.0.0.1:8025")

    page = respond("GET", "/", {}, {}, store).body.decode()

    for what in (
        "http://127.0.0.1:8025", seed.HARBOUR_ACCOUNT, seed.ALSTER_ACCOUNT, *seed.PASSWORDS.values(),
        "window-desk-1@harbour.example", "desk1@harbour.example", "grosser-saal@alster.example",
    ):  # fmt: skip
        assert f'data-copy="{what}"' in page, what
    assert page.count("Room, no right") == 1
    assert page.count("<dt>Mailbox to try, also for autodiscover</dt>") == len(seed.PASSWORDS)
    assert 'href="/outlook/lighthouse@harbour.example/"' in page


def test_the_start_page_runs_its_own_script_alone_and_fetches_nothing() -> None:
    answer = respond("GET", "/", {}, {}, desk.make())
    page, policy = answer.body.decode(), answer.headers["Content-Security-Policy"]

    (script,) = re.findall(r"<script>(.*?)</script>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert "default-src 'none'" in policy
    assert not re.findall(r'(?:src|href)="(?:https?:)?//', page)


def test_an_empty_sandbox_says_so() -> None:
    assert b"There is no organisation yet." in respond("GET", "/", {}, {}, Store()).body


def test_an_organisation_is_built_by_verbs() -> None:
    store = Store()
    call(store, "organisation", domain="x.example", time_zone="Europe/Berlin")
    call(
        store,
        "account",
        domain="x.example",
        name="svc@x.example",
        password="p",
        impersonates=["room"],
    )
    made = call(
        store,
        "mailbox",
        domain="x.example",
        address="hall@x.example",
        kind="room",
        aliases=["h@x.example"],
    )
    call(
        store,
        "room_list",
        domain="x.example",
        name="All",
        address="all@x.example",
        members=["hall@x.example"],
    )
    call(store, "password", name="svc@x.example", password="q")
    call(store, "rights", name=r"X\svc", address="hall@x.example", right="reviewer")

    account = store.sign_in(r"X\svc", "q")
    assert account is not None
    assert account.rights == {"hall@x.example": "reviewer"}
    assert store.mailbox("h@x.example").id == made["mailbox_id"]
    assert [one.name for one in store.rooms("x.example", "all@x.example")] == ["hall"]


def test_an_event_goes_through_its_life(store: Store) -> None:
    tag = [{"set_id": "g", "name": "n", "value": "v"}]
    made = call(store, "book", address=ROOM, subject="a", start=NINE, end=TEN, extended=tag)
    assert (made["kind"], made["extended"], made["start_zone"]) == (
        "Single",
        tag,
        "GMT Standard Time",
    )

    assert call(store, "private", id=made["id"])["sensitivity"] == "Private"
    moved = call(store, "move", id=made["id"], start=TEN, end="2026-11-26T11:00:00+00:00")
    assert (moved["start"], moved["change_key"] != made["change_key"]) == (TEN, True)
    away = call(store, "refile", id=made["id"], folder="other")
    back = call(store, "refile", id=away["id"], folder="calendar")
    gone = call(store, "delete", id=back["id"], how="MoveToDeletedItems")
    again = call(store, "restore", id=gone["id"])
    assert call(store, "copy", id=again["id"])["uid"] != again["uid"]
    call(store, "delete", id=again["id"])
    assert len(call(store, "items", address=ROOM)["items"]) == 1


def test_a_series_is_booked_and_read_back_with_what_it_blocks(store: Store) -> None:
    pattern = {"kind": "Weekly", "days": ["Thursday"]}
    made = call(store, "book_series", address=ROOM, start=NINE, end=TEN, pattern=pattern, count=3)
    call(store, "delete", id=call(store, "occurrence", id=made["id"], index=2)["id"])

    read = call(
        store, "items", address=ROOM, start="2026-11-01T00:00:00Z", end="2026-12-31T00:00:00Z"
    )

    assert read["items"][0]["deleted"] == [2]
    assert [one["index"] for one in read["occurrences"]] == [1, 3]
    assert read["blocking"] == [
        [NINE, TEN],
        ["2026-12-10T09:00:00+00:00", "2026-12-10T10:00:00+00:00"],
    ]


def test_a_meeting_is_sent_and_mails_are_counted(store: Store) -> None:
    made = call(
        store, "invite", organiser=PERSON, attendees=[ROOM], subject="a", start=NINE, end=TEN
    )
    assert made["attendees"] == [{"address": ROOM, "response": "Accept"}]

    mails = call(store, "outbox", domain=DOMAIN, clear=True)["mails"]
    assert [one["kind"] for one in mails] == ["request", "accept"]
    call(store, "cancel", id=made["id"])
    assert [one["kind"] for one in call(store, "outbox", domain=DOMAIN)["mails"]] == [
        "cancellation"
    ]


def test_a_mailbox_is_filled_and_replaced(store: Store) -> None:
    assert call(store, "fill", address=ROOM, count=50, start=NINE) == {"count": 50}
    before = store.mailbox(ROOM).calendar.id

    assert call(store, "replace_mailbox", address=ROOM)["folders"]["calendar"] != before


def test_the_clock_is_set_and_given_back() -> None:
    store = Store()

    assert call(store, "clock", now="2031-01-01T12:00:00Z")["now"].startswith("2031-01-01T12:00")
    assert call(store, "clock")["now"] < "2031"


def test_everything_is_thrown_away_and_the_demo_made_anew(store: Store) -> None:
    call(store, "reset")
    assert call(store, "demo")["organisations"] == [
        "harbour.example",
        "alster.example",
        "lantern.example",
        "quarry.example",
    ]


@pytest.mark.parametrize(
    ("verb", "given", "status", "code"),
    [
        ("nonsense", {}, 404, "UnknownVerb"),
        ("book", {}, 400, "BadArguments"),
        ("book", {"address": ROOM, "start": "2026-11-26T09:00", "end": TEN}, 400, "BadArguments"),
        ("book", {"address": "nobody@x"}, 400, "ErrorNonExistentMailbox"),
        (
            "book",
            {"address": ROOM, "start": TEN, "end": NINE},
            400,
            "ErrorCalendarEndDateIsEarlierThanStartDate",
        ),
        ("item", {"id": "x"}, 400, "ErrorInvalidIdMalformed"),
    ],
)
def test_a_refusal_has_a_code(
    store: Store, verb: str, given: dict[str, Any], status: int, code: str
) -> None:
    assert call(store, verb, status=status, **given)["error"]["code"] == code


def test_the_interface_answers_posts_alone(store: Store) -> None:
    assert respond("GET", "/control/reset", {}, {}, store).status == 404
    assert DOMAIN in store.organisations


def test_every_verb_says_what_it_does() -> None:
    assert all(function.__doc__ for function in VERBS.values())
