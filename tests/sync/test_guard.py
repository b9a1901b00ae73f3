"""When losses are many, and what becomes of each."""

from __future__ import annotations

from dataclasses import replace

import pytest

from apps.exchange.calendar import EventKey
from apps.sync.facts import Link, Local, Origin, Policy, Remote, RemoteState, Status
from apps.sync.guard import Known, are_many
from apps.sync.operations import CancelLocal, Forget, Held, RemoveRemote, TakeOver, UpdateLocal
from tests.sync.plain import linked, local, plan_of, remote


def keys(*numbers: int) -> list[EventKey]:
    return [EventKey(f"item{number}") for number in numbers]


@pytest.mark.parametrize(
    ("lost", "known", "recent", "many"),
    [
        (0, 5, 20, False),
        (1, 1, 0, False),
        (2, 2, 0, True),
        (2, 3, 0, False),
        (3, 9, 0, False),
        (3, 8, 0, True),
        (1, 100, 9, False),
        (1, 100, 10, True),
        (11, 100, 0, True),
        (10, 100, 0, False),
    ],
)
def test_many_are_all_of_two_or_over_a_third_or_over_ten_a_day(
    lost: int, known: int, recent: int, many: bool
) -> None:
    all_known = Known(frozenset(keys(*range(known))))

    assert are_many(keys(*range(lost)), all_known, recent) is many


def test_two_series_with_one_occurrence_lost_each_are_not_lost() -> None:
    names = [EventKey(item, start) for item in ("a", "b") for start in ("1", "2")]

    assert not are_many([names[0], names[2]], Known(frozenset(names)), 0)
    assert are_many(names, Known(frozenset(names)), 0)


def pairs(
    count: int, lost: int, origin: Origin = Origin.OURS
) -> tuple[list[Local], list[Remote], list[Link]]:
    """So many pairs, of which the first so many are gone in Exchange."""
    bookings = [local(number, 24 * number, origin) for number in range(1, count + 1)]
    events = [remote(number, 24 * number) for number in range(1, count + 1)]
    links = [linked(booking, event) for booking, event in zip(bookings, events, strict=True)]
    gone = [replace(event, state=RemoteState.GONE) for event in events[:lost]]
    return bookings, gone + events[lost:], links


def test_few_losses_are_carried_out() -> None:
    planned = plan_of(*pairs(9, 3))

    assert [type(op) for op in planned.operations] == [CancelLocal] * 3
    assert not planned.held


def test_many_losses_are_held_and_the_rest_goes_on() -> None:
    bookings, events, links = pairs(4, 3)
    bookings[3] = replace(bookings[3], status=Status.CANCELLED)

    planned = plan_of(bookings, events, links)

    assert planned.held == tuple(Held(number, is_loss=True) for number in (1, 2, 3))
    assert [type(op) for op in planned.operations] == [RemoveRemote]


def test_losses_of_the_last_day_count() -> None:
    rows = pairs(100, 1)

    assert not plan_of(*rows, Policy(recent_losses=9)).held
    assert plan_of(*rows, Policy(recent_losses=10)).held
    assert not plan_of(*rows, Policy(recent_deletions=10)).held


def test_many_deletions_are_held() -> None:
    bookings, events, links = pairs(4, 0)
    bookings = [replace(booking, status=Status.CANCELLED) for booking in bookings]

    planned = plan_of(bookings, events, links)

    assert [held.is_loss for held in planned.held] == [False] * 4
    assert not planned.operations


@pytest.mark.parametrize(
    ("origin", "decision", "expected"),
    [
        (Origin.OURS, "apply", CancelLocal),
        (Origin.OURS, "keep", Forget),
        (Origin.EXCHANGE, "apply", CancelLocal),
        (Origin.EXCHANGE, "keep", TakeOver),
    ],
)
def test_held_loss_is_carried_out_as_decided(origin: Origin, decision: str, expected: type) -> None:
    bookings, events, links = pairs(4, 3, origin)
    links = [replace(link, is_held=link.id < 4) for link in links]
    links[0] = replace(links[0], decision=decision)

    planned = plan_of(bookings, events, links)

    (operation,) = planned.operations
    assert type(operation) is expected
    assert getattr(operation, "is_approved", True)
    assert planned.decided == {1}
    assert {held.link_id for held in planned.held} == {2, 3}


@pytest.mark.parametrize(("decision", "expected"), [("apply", RemoveRemote), ("keep", UpdateLocal)])
def test_held_deletion_is_carried_out_as_decided(decision: str, expected: type) -> None:
    booking, event = local(status=Status.CANCELLED), remote()
    link = linked(booking, event, is_held=True, decision=decision)

    (operation,) = plan_of([booking], [event], [link]).operations

    assert type(operation) is expected


def test_held_loss_waits_whatever_the_others_do() -> None:
    bookings, events, links = pairs(9, 1)
    links[0] = replace(links[0], is_held=True)

    assert [held.link_id for held in plan_of(bookings, events, links).held] == [1]


def test_what_is_over_is_no_loss_and_not_known() -> None:
    bookings, events, links = pairs(2, 1)
    past = local(3, -5), remote(3, -5)

    planned = plan_of([*bookings, past[0]], [*events, past[1]], [*links, linked(*past)])

    assert [type(op) for op in planned.operations] == [CancelLocal]
