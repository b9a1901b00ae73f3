from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest

from apps.exchange.calendar import EventKey, MailboxKind, ShowAs
from apps.exchange.errors import NotFound, Transient
from apps.exchange.memory import EVER, MemoryCalendar, MemoryMailbox, Outlook, occurrence
from apps.exchange.recurrence import Frequency, Nth, Pattern, Weekday
from tests.exchange.contract import CalendarContract, Can, Room
from tests.exchange.contract.room import (
    DAY,
    HOUR,
    NOW,
    WINDOW,
    changed,
    content,
    cursor_now,
    needed,
    whole_view,
    write,
)
from tests.exchange.memory_room import MemoryRoom


class TestMemory(CalendarContract, can=set(Can)):
    @pytest.fixture
    def room(self) -> Room:
        return MemoryRoom()


class TestMemoryWithAThinView(CalendarContract, can=set(Can)):
    @pytest.fixture
    def room(self) -> Room:
        return MemoryRoom(is_view_thin=True)


@pytest.fixture
def mailbox() -> MemoryMailbox:
    return MemoryMailbox(lambda: NOW)


@pytest.fixture
def port(mailbox: MemoryMailbox) -> MemoryCalendar:
    return MemoryCalendar(mailbox)


@pytest.fixture
def outlook(mailbox: MemoryMailbox) -> Outlook:
    return Outlook(mailbox)


def test_contract_leaves_out_what_an_implementation_cannot_provoke() -> None:
    class Bare(CalendarContract, can={Can.ALIAS}):
        pass

    collected = {name for name in dir(Bare) if name.startswith("test_") and getattr(Bare, name)}
    everything = {name for name in dir(TestMemory) if name.startswith("test_")}

    assert all(needed(getattr(Bare, name)) <= {Can.ALIAS} for name in collected)
    assert "test_alias_opens_the_same_mailbox" in collected
    assert "test_mailbox_tells_that_it_is_a_room" in everything - collected
    assert len(collected) > 90


def test_hook_is_called_around_every_step(port: MemoryCalendar) -> None:
    steps: list[tuple[str, str]] = []
    port.hook = lambda name, when: steps.append((name, when))

    ref = write(port)
    port.open()
    cursor = port.advance("", WINDOW).cursor
    port.changes(cursor, WINDOW)
    port.view(WINDOW)
    port.find(WINDOW, stamp="none")
    port.read(ref.key.item_id, WINDOW)
    port.delete(ref)

    names = ["create", "open", "advance", "changes", "view", "find", "read", "delete"]
    assert steps == [(name, when) for name in names for when in ("before", "after")]
    assert port.requests == names


@pytest.mark.parametrize(("when", "is_done"), [("before", False), ("after", True)])
def test_what_a_hook_raises_goes_up_before_or_after_the_effect(
    port: MemoryCalendar, mailbox: MemoryMailbox, when: str, is_done: bool
) -> None:
    def hook(name: str, at: str) -> None:
        if at == when:
            raise Transient("Bad luck.")

    port.hook = hook

    with pytest.raises(Transient):
        write(port)

    assert bool(mailbox.items) is is_done


def test_events_are_made_at_the_time_of_the_clock() -> None:
    now = NOW
    mailbox = MemoryMailbox(lambda: now)
    write(MemoryCalendar(mailbox))
    now += DAY
    Outlook(mailbox).book(NOW, NOW + HOUR)

    made = [stored.event.created_at for stored in mailbox.items.values()]

    assert made == [NOW, NOW + DAY]


def test_create_can_land_late(port: MemoryCalendar) -> None:
    cursor = cursor_now(port)

    ref = port.land_create(content(), stamp="1:a", attempt_id="attempt")

    assert port.requests == ["advance"]
    assert list(changed(port, cursor).items) == [ref.key.item_id]


def test_mailbox_tells_zone_kind_and_name(mailbox: MemoryMailbox, port: MemoryCalendar) -> None:
    mailbox.time_zone = "Europe/London"
    mailbox.kind = MailboxKind.SHARED
    mailbox.name = "Board room"

    told = port.open()

    assert (told.time_zone, told.kind, told.name) == (
        "Europe/London",
        MailboxKind.SHARED,
        "Board room",
    )


def test_whether_attendees_are_mailed_is_a_fact_of_the_mailbox(mailbox: MemoryMailbox) -> None:
    one, two = MemoryCalendar(mailbox), MemoryCalendar(mailbox)
    assert not one.mails_attendees

    one.mails_attendees = True

    assert two.mails_attendees


def test_pages_hold_as_many_as_they_may(port: MemoryCalendar, outlook: Outlook) -> None:
    cursor = cursor_now(port)
    for number in range(7):
        outlook.book(NOW + number * HOUR, NOW + (number + 1) * HOUR)
    port.page_size = 3
    port.requests.clear()

    first = port.view(WINDOW)

    assert len(first.events) == 3
    assert len(whole_view(port)) == 7
    assert port.requests == ["view"] * 4
    assert changed(port, cursor).pages == 3


def test_problems_are_told_with_the_last_page_of_a_view(
    port: MemoryCalendar, outlook: Outlook, mailbox: MemoryMailbox
) -> None:
    keys = [outlook.book(NOW, NOW + HOUR) for _number in range(3)]
    mailbox.items[keys[0].item_id].problem = "Damaged."
    port.page_size = 1

    first = port.view(WINDOW)
    last = port.view(WINDOW, first.next)

    assert first.problems == ()
    assert last.problems == ((keys[0].item_id, "Damaged."),)
    assert last.next == ""


def test_thin_view_leaves_out_uid_attempt_and_address(port: MemoryCalendar) -> None:
    write(port)
    port.is_view_thin = True

    (event,) = port.view(WINDOW).events

    assert (event.uid, event.attempt_id, event.organizer_email) == ("", "", "")
    assert event.stamp
    assert event.organizer == "Room"


MONTHLY = Pattern(Frequency.MONTHLY, day_of_month=31)
LAST_FRIDAY = Pattern(Frequency.MONTHLY_RELATIVE, days=(Weekday.FRIDAY,), nth=Nth.LAST)
Given = Callable[[Outlook], list[EventKey]]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (
            lambda outlook: outlook.book_series(NOW, HOUR, days=1, count=3),
            ["2027-03-01T09:00:00Z", "2027-03-02T09:00:00Z", "2027-03-03T09:00:00Z"],
        ),
        (
            lambda outlook: outlook.book_series(NOW, HOUR, days=14, count=2),
            ["2027-03-01T09:00:00Z", "2027-03-15T09:00:00Z"],
        ),
        (
            lambda outlook: outlook.book_series(NOW, HOUR, pattern=MONTHLY, count=2),
            ["2027-03-31T09:00:00Z", "2027-04-30T09:00:00Z"],
        ),
        (
            lambda outlook: outlook.book_series(
                NOW, HOUR, pattern=LAST_FRIDAY, count=None, ends_on=dt.date(2027, 4, 30)
            ),
            ["2027-03-26T09:00:00Z", "2027-04-30T09:00:00Z"],
        ),
        (
            lambda outlook: outlook.book_series(NOW, HOUR, days=28, count=2, time_zone="Europe/London"),
            ["2027-03-01T09:00:00Z", "2027-03-29T08:00:00Z"],
        ),
        (
            lambda outlook: outlook.book_series(
                NOW.replace(hour=0), DAY, count=2, is_all_day=True
            ),
            ["2027-03-01", "2027-03-08"],
        ),
    ],
)  # fmt: skip
def test_series_of_any_pattern_can_be_made(
    outlook: Outlook, given: Given, expected: list[str]
) -> None:
    assert [key.original_start for key in given(outlook)] == expected


@pytest.mark.parametrize(
    ("pattern", "hours", "expected"),
    [
        # Past midnight the days of the pattern turn along.
        (Pattern(Frequency.WEEKLY, days=(Weekday.MONDAY, Weekday.WEDNESDAY)), 24,
         ["2027-03-02T09:00:00Z", "2027-03-04T09:00:00Z", "2027-03-09T09:00:00Z"]),
        (Pattern(Frequency.WEEKLY, days=(Weekday.MONDAY,)), -24,
         ["2027-02-28T09:00:00Z", "2027-03-07T09:00:00Z", "2027-03-14T09:00:00Z"]),
        (Pattern(Frequency.MONTHLY, day_of_month=1), 24,
         ["2027-03-02T09:00:00Z", "2027-04-02T09:00:00Z", "2027-05-02T09:00:00Z"]),
        (Pattern(Frequency.MONTHLY, day_of_month=1), 2,
         ["2027-03-01T11:00:00Z", "2027-04-01T11:00:00Z", "2027-05-01T11:00:00Z"]),
        (LAST_FRIDAY, 2,
         ["2027-03-26T11:00:00Z", "2027-04-30T11:00:00Z", "2027-05-28T11:00:00Z"]),
    ],
)  # fmt: skip
def test_series_is_shifted_with_its_pattern(
    outlook: Outlook, pattern: Pattern, hours: int, expected: list[str]
) -> None:
    keys = outlook.book_series(NOW, HOUR, pattern=pattern, count=3)
    outlook.delete(keys[1])
    outlook.move(keys[2], NOW + 50 * DAY)

    outlook.shift_series(keys[0].item_id, dt.timedelta(hours=hours))

    # Exceptions are lost.
    assert [key.original_start for key in outlook.keys(keys[0].item_id)] == expected


def test_shift_moves_the_end_of_a_series_along(outlook: Outlook) -> None:
    end = dt.date(2027, 3, 3)
    keys = outlook.book_series(NOW, HOUR, days=1, count=None, ends_on=end)

    outlook.shift_series(keys[0].item_id, 7 * DAY)

    assert outlook.keys(keys[0].item_id)[-1].original_start == "2027-03-10T09:00:00Z"


def test_cut_series_loses_the_exceptions_behind_the_cut(outlook: Outlook) -> None:
    keys = outlook.book_series(NOW, HOUR, days=1, count=4)
    outlook.change(keys[0], subject="Stays")
    outlook.change(keys[3], subject="Goes")

    outlook.cut_series(keys[0].item_id, 2)

    events = outlook.mailbox.events(keys[0].item_id, EVER)
    assert [(event.key, event.subject) for event in sorted(events, key=lambda e: e.key)] == [
        (keys[0], "Stays"),
        (keys[1], "Weekly"),
    ]


def test_single_becomes_a_series_and_back(outlook: Outlook) -> None:
    key = outlook.book(NOW, NOW + HOUR)

    outlook.make_series(key.item_id, days=1, count=2)
    assert [k.original_start for k in outlook.keys(key.item_id)] == [
        "2027-03-01T09:00:00Z",
        "2027-03-02T09:00:00Z",
    ]

    outlook.make_single(key.item_id)
    assert outlook.keys(key.item_id) == [key]


def test_change_of_a_master_leaves_its_exceptions(outlook: Outlook) -> None:
    keys = outlook.book_series(NOW, HOUR, days=1, count=2)
    outlook.change(keys[0], subject="Special")

    outlook.change(EventKey(keys[0].item_id), subject="Renamed", show_as=ShowAs.FREE)

    events = sorted(outlook.mailbox.events(keys[0].item_id, EVER), key=lambda e: e.key)
    assert [event.subject for event in events] == ["Special", "Renamed"]


def test_what_is_gone_comes_back_under_another_id(outlook: Outlook, mailbox: MemoryMailbox) -> None:
    deleted, filed = (outlook.book(NOW, NOW + HOUR) for _number in range(2))
    outlook.delete(deleted)
    outlook.file_elsewhere(filed.item_id)

    back = [outlook.put_back(key.item_id) for key in (deleted, filed)]

    assert set(back).isdisjoint({deleted, filed})
    assert mailbox.trash == mailbox.elsewhere == {}
    assert [stored.event.uid for stored in mailbox.items.values()] == [
        f"uid-{key.item_id}" for key in (deleted, filed)
    ]


@pytest.mark.parametrize(
    "key", [EventKey("Item99"), EventKey("Item1", "2027-03-01T09:00:00Z"), EventKey("Item3")]
)
def test_unknown_key_names_no_event(
    outlook: Outlook, mailbox: MemoryMailbox, key: EventKey
) -> None:
    assert outlook.book(NOW, NOW + HOUR) == EventKey("Item1")
    assert outlook.book_series(NOW, HOUR)[0].item_id == "Item3"

    with pytest.raises(KeyError):
        occurrence(mailbox, key)


def test_only_series_can_be_reshaped(outlook: Outlook) -> None:
    key = outlook.book(NOW, NOW + HOUR)

    with pytest.raises(TypeError):
        outlook.shift_series(key.item_id, HOUR)
    with pytest.raises(TypeError):
        outlook.mailbox.items[key.item_id].delete("2027-03-01T09:00:00Z")


def test_port_at_a_foreign_address_finds_nothing(mailbox: MemoryMailbox) -> None:
    with pytest.raises(NotFound):
        MemoryCalendar(mailbox, address="elsewhere@example.com").view(WINDOW)
