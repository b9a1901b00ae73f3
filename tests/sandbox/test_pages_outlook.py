"""The Outlook page, through `respond`, by what a person reads and fills in."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from lxml import html

from apps.sandbox.pages import Response, respond
from apps.sandbox.store import Item, Store
from tests.sandbox import desk
from tests.sandbox.desk import BERLIN, COLLEAGUE, PERSON, ROOM, at, book, invite, view, weekly

FORM = {
    "subject": "Regatta",
    "date": "2026-11-26",
    "from": "09:00",
    "to": "10:30",
    "show_as": "Busy",
}


@pytest.fixture
def store() -> Store:
    return desk.make()


def get(store: Store, path: str) -> Response:
    parts = urlsplit(path)
    return respond("GET", parts.path, parse_qs(parts.query, keep_blank_values=True), {}, store)


def post(store: Store, path: str, entries: dict[str, Any]) -> Response:
    form = {name: value if isinstance(value, list) else [value] for name, value in entries.items()}
    return respond("POST", path, {}, form, store)


def text(answer: Response) -> str:
    return " ".join(html.fromstring(answer.body.decode()).find("body").text_content().split())


def events(answer: Response) -> list[str]:
    found = html.fromstring(answer.body.decode()).xpath("//a[contains(@class, 'event')]")
    return [" ".join(one.text_content().split()) for one in found]


def new(store: Store, address: str = ROOM, **entries: Any) -> Response:
    return post(store, f"/outlook/{address}/new", FORM | entries)


def entries_of(store: Store, item: Item, address: str = ROOM) -> dict[str, Any]:
    """Read the form as a browser would send it."""
    page = get(store, f"/outlook/{address}/event?id={quoted(item.id)}")
    assert page.status == 200
    form = html.fromstring(page.body.decode()).xpath("//form[.//button[@value='save']]")[0]
    entries: dict[str, Any] = {}
    for name, value in form.form_values():
        entries.setdefault(name, []).append(value.removeprefix("\n"))
    return entries | {"action": "save"}


def quoted(text: str) -> str:
    return text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")


def act(store: Store, item: Item, action: str, address: str = ROOM) -> Response:
    return post(store, f"/outlook/{address}/event", {"id": item.id, "action": action})


def follow(store: Store, answer: Response) -> Response:
    assert answer.status == 303, text(answer)
    return get(store, answer.headers["Location"])


def test_a_week_shows_events_by_their_day_time_and_subject(store: Store) -> None:
    book(store, subject="Dinner & dance")
    book(store, day=20, subject="Last week's")

    page = get(store, f"/outlook/{ROOM}/?week=2026-11-25")

    assert events(page) == ["09:00–10:00 Dinner & dance"]
    assert "23 to 29 November 2026" in text(page)


def test_without_a_week_it_is_todays(store: Store) -> None:
    assert "23 to 29 November 2026" in text(get(store, f"/outlook/{ROOM}/"))
    assert "Wednesday 25 Nov, today" in text(get(store, f"/outlook/{ROOM}/")).replace(
        "Wednesday25", "Wednesday 25"
    )


def test_what_is_special_about_an_event_is_in_its_words(store: Store) -> None:
    book(store, sensitivity="Private", show_as="Tentative")
    weekly(store, start=at(26, 11), end=at(26, 12))

    assert events(get(store, f"/outlook/{ROOM}/?week=2026-11-25")) == [
        "09:00–10:00 Talk, private, tentative",
        "11:00–12:00 Talk, series",
    ]


def test_a_subject_is_text_and_never_markup(store: Store) -> None:
    made = book(store, subject="<script>alert(1)</script>")

    for path in ("", f"event?id={quoted(made.id)}"):
        assert b"<script>alert" not in get(store, f"/outlook/{ROOM}/{path}").body


def test_a_new_event_is_written_at_the_mailboxs_wall_time() -> None:
    store = desk.make("Europe/Berlin")

    page = follow(store, new(store, private="on", location="Quay", notes="a\nb"))

    (made,) = store.mailbox(ROOM).calendar.items
    assert (made.start, made.end, made.start_zone) == (at(26, 8), at(26, 9, 30), BERLIN)
    assert (made.sensitivity, made.location, made.body) == ("Private", "Quay", "a\nb")
    assert "Saved: Regatta, Thursday 26 November 2026, 09:00 to 10:30." in text(page)
    assert events(page) == ["09:00–10:30 Regatta, private"]


def test_an_all_day_event_of_two_days_ends_at_the_midnight_after(store: Store) -> None:
    page = follow(store, new(store, all_day="on", last_day="2026-11-27", **{"from": "", "to": ""}))

    (made,) = store.mailbox(ROOM).calendar.items
    assert (made.all_day, made.start, made.end) == (True, at(26, 0), at(28, 0))
    assert events(page) == ["All day Regatta", "All day Regatta"]


RULES = {
    "Daily": ({"every": "2"}, [26, 28, 30]),
    "Weekly": ({"every": "1", "days": ["Thursday", "Saturday"]}, [26, 28, 3]),
    "AbsoluteMonthly": ({"every": "1"}, [26, 26, 26]),
    "RelativeMonthly": ({"every": "1", "order": "Last", "weekday": "Friday"}, [27, 25, 29]),
    "AbsoluteYearly": ({}, [26, 26, 26]),
    "RelativeYearly": ({"order": "Fourth", "weekday": "Thursday"}, [26, 25, 23]),
}


@pytest.mark.parametrize(("kind", "more", "days"), [(kind, *rest) for kind, rest in RULES.items()])
def test_a_series_of_each_pattern_is_written(
    store: Store, kind: str, more: dict[str, Any], days: list[int]
) -> None:
    follow(store, new(store, repeats=kind, ends="times", times="3", **more))

    calendar = store.mailbox(ROOM).calendar.id
    starts = [at(1, 0), at(1, 0).replace(year=2027, month=6), at(1, 0).replace(year=2028, month=6)]
    found = [
        one
        for first in starts
        for one in store.view(calendar, first, first + dt.timedelta(days=200)).items
    ]
    assert [one.start.day for one in found] == days


def test_a_series_ends_on_a_day(store: Store) -> None:
    follow(store, new(store, repeats="Daily", every="1", ends="until", until="2026-11-28"))

    assert len(view(store)) == 3


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"subject": " "}, "Give the event a subject."),
        ({"date": "26.11."}, "This is no day."),
        ({"from": "nine"}, "This is no time."),
        ({"to": "08:00"}, "The end must be after the beginning."),
        ({"last_day": "2026-11-25"}, "The last day is before the first."),
        ({"repeats": "Weekly", "every": "1"}, "Choose the days of the week."),
        ({"repeats": "Daily", "every": "0"}, "Enter a number from 1 to 999."),
        (
            {"repeats": "Daily", "every": "1", "ends": "until", "until": "2026-11-01"},
            "never takes place",
        ),
        (
            {"repeats": "Daily", "every": "1", "last_day": "2026-11-28"},
            "lasts until after the next one begins",
        ),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_lost(
    store: Store, wrong: dict[str, Any], sentence: str
) -> None:
    page = new(store, location="Quay", notes="Keep me", **wrong)

    assert page.status == 400
    assert sentence in text(page)
    assert "Keep me" in text(page)
    assert b'value="Quay"' in page.body
    assert store.mailbox(ROOM).calendar.items == []


def test_a_change_moves_the_event(store: Store) -> None:
    made = book(store)

    page = follow(
        store,
        post(
            store,
            f"/outlook/{ROOM}/event",
            entries_of(store, made) | {"from": "11:00", "to": "12:00"},
        ),
    )

    assert events(page) == ["11:00–12:00 Talk"]


def test_saving_without_a_change_writes_nothing(store: Store) -> None:
    made = weekly(store)
    store.change(store.occurrence(made.id, 2).id, {"subject": "x"})
    before = store.item(made.id)

    follow(store, post(store, f"/outlook/{ROOM}/event", entries_of(store, before)))

    assert store.item(made.id) == before


def test_somebody_elses_change_is_shown_and_the_second_save_wins(store: Store) -> None:
    made = book(store)
    mine = entries_of(store, made) | {"subject": "Mine"}
    store.change(made.id, {"subject": "Theirs"})

    page = post(store, f"/outlook/{ROOM}/event", mine)

    assert page.status == 400
    assert "Somebody else changed this event meanwhile. It is now “Theirs”" in text(page)
    assert b'value="Mine"' in page.body
    again = mine | {"change_key": [store.item(made.id).change_key]}
    follow(store, post(store, f"/outlook/{ROOM}/event", again))
    assert store.item(made.id).subject == "Mine"


def test_one_occurrence_is_changed_alone(store: Store) -> None:
    master = weekly(store)
    second = store.occurrence(master.id, 2)

    follow(
        store,
        post(
            store,
            f"/outlook/{ROOM}/event",
            entries_of(store, second) | {"from": "14:00", "to": "15:00"},
        ),
    )

    assert [one.start.hour for one in view(store)] == [9, 14, 9, 9, 9]


def test_the_whole_series_is_changed_by_its_own_page(store: Store) -> None:
    master = weekly(store)
    page = get(store, f"/outlook/{ROOM}/event?id={quoted(store.occurrence(master.id, 2).id)}")
    assert "Change the whole series" in text(page)

    follow(
        store,
        post(
            store,
            f"/outlook/{ROOM}/event",
            entries_of(store, master) | {"from": "14:00", "to": "15:00"},
        ),
    )

    assert [one.start.hour for one in view(store)] == [14] * 5


def test_an_occurrence_that_would_pass_its_neighbour_is_refused_in_words(store: Store) -> None:
    second = store.occurrence(weekly(store).id, 2)

    page = post(store, f"/outlook/{ROOM}/event", entries_of(store, second) | {"date": "2026-12-11"})

    assert page.status == 400
    assert "cannot pass or overlap" in text(page)


def test_deleting_an_occurrence_asks_which(store: Store) -> None:
    master = weekly(store)
    second = store.occurrence(master.id, 2)

    page = act(store, second, "delete")
    assert "What should be deleted?" in text(page)
    assert len(view(store)) == 5

    follow(store, act(store, second, "delete-one"))
    assert len(view(store)) == 4
    follow(store, act(store, store.occurrence(master.id, 3), "delete-series"))
    assert view(store) == []


def test_a_deleted_event_is_restored_from_its_folder(store: Store) -> None:
    follow(store, act(store, book(store), "delete"))
    assert view(store) == []
    assert "Talk" in text(get(store, f"/outlook/{ROOM}/deleted"))

    page = follow(store, act(store, store.mailbox(ROOM).deleted_items.items[0], "restore"))

    assert events(page) == ["09:00–10:00 Talk"]


def test_an_event_goes_to_another_folder_and_back(store: Store) -> None:
    follow(store, act(store, book(store), "refile"))
    assert view(store) == []
    assert "Move to calendar" in text(get(store, f"/outlook/{ROOM}/other"))

    follow(store, act(store, store.mailbox(ROOM).other.items[0], "refile-back"))

    assert len(view(store)) == 1


@pytest.mark.parametrize(
    ("action", "field", "value"),
    [("free", "show_as", "Free"), ("private", "sensitivity", "Private")],
)
def test_free_and_private_are_one_press(store: Store, action: str, field: str, value: str) -> None:
    made = book(store)

    follow(store, act(store, made, action))

    assert getattr(store.item(made.id), field) == value


def test_a_copy_is_another_event(store: Store) -> None:
    page = follow(store, act(store, book(store), "copy"))

    assert "Copied: Talk" in text(page)
    assert len(view(store)) == 2


def test_a_person_invites_a_room_and_reads_its_answer(store: Store) -> None:
    page = follow(store, new(store, PERSON, invited=[ROOM, COLLEAGUE]))

    assert "Bob Boss has not answered. Room accepted." in text(page)
    assert [one.subject for one in view(store)] == ["Ann Onym"]


@pytest.mark.parametrize("address", [ROOM, PERSON])
def test_every_field_has_a_label_of_its_own(store: Store, address: str) -> None:
    page = html.fromstring(get(store, f"/outlook/{address}/new").body.decode())

    controls = page.xpath(
        "//main//*[self::input or self::select or self::textarea][not(@type='hidden')]"
    )
    ids = [one.get("id") for one in controls]
    labels = page.xpath("//label/@for")
    assert len(ids) == len(set(ids))
    assert sorted(ids) == sorted(labels)


def test_a_room_invites_nobody(store: Store) -> None:
    assert "Invite" not in text(get(store, f"/outlook/{ROOM}/new"))
    follow(store, new(store, ROOM, invited=[COLLEAGUE]))

    assert store.organisation(desk.DOMAIN).outbox == []


def test_a_meeting_is_cancelled_by_its_organiser(store: Store) -> None:
    made = invite(store, ROOM)

    follow(store, act(store, made, "cancel", PERSON))

    assert events(get(store, f"/outlook/{ROOM}/?week=2026-11-25")) == [
        "09:00–10:00 Canceled: Ann Onym, free, cancelled"
    ]


def test_changing_a_meeting_sends_the_update(store: Store) -> None:
    made = invite(store, ROOM)

    follow(
        store,
        post(
            store,
            f"/outlook/{PERSON}/event",
            entries_of(store, made, PERSON) | {"from": "13:00", "to": "14:00"},
        ),
    )

    assert [one.start.hour for one in view(store)] == [13]
    assert [one.response for one in store.item(made.id).attendees] == ["Accept"]


def test_a_meeting_is_declined_by_the_room(store: Store) -> None:
    made = invite(store, ROOM)

    follow(store, act(store, view(store)[0], "decline"))

    assert view(store) == []
    assert [one.response for one in store.item(made.id).attendees] == ["Decline"]


def test_booking_rules_are_read_and_saved(store: Store) -> None:
    page = get(store, f"/outlook/{ROOM}/rules")
    assert "Allow conflicts" in text(page)

    follow(
        store,
        post(
            store,
            f"/outlook/{ROOM}/rules",
            {"automate_processing": "AutoUpdate", "booking_window_in_days": "90"},
        ),
    )

    settings = store.mailbox(ROOM).attendant
    assert (
        settings.automate_processing,
        settings.booking_window_in_days,
        settings.delete_subject,
    ) == ("AutoUpdate", 90, False)


def test_what_is_not_there_is_said(store: Store) -> None:
    gone = book(store)
    store.delete(gone.id)
    elsewhere = book(store, address=PERSON)

    for path in (
        "/outlook/nobody@pier.example/",
        f"/outlook/{ROOM}/nowhere",
        f"/outlook/{ROOM}/event?id={quoted(gone.id)}",
        f"/outlook/{ROOM}/event?id={quoted(elsewhere.id)}",
        f"/outlook/{ROOM}/event?id=nonsense",
        "/nowhere",
    ):
        assert get(store, path).status == 404, path


@pytest.mark.parametrize("week", ["nonsense", "0001-01-01", "9999-12-31"])
def test_an_odd_week_is_still_a_page(store: Store, week: str) -> None:
    assert get(store, f"/outlook/{ROOM}/?week={week}").status == 200
