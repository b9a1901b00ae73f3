"""What holds for every plan, whatever the planner is given."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from apps.sync.facts import Link, LinkState, Local, Origin, Policy, Remote, RemoteState, Status
from apps.sync.operations import (
    Agree,
    CreateLocal,
    CreateRemote,
    RemoveRemote,
    RemoveTwin,
    UpdateRemote,
)
from tests.sync.plain import NOTHING_FOUND, NOW, linked, local, plan_of, printed, remote

State = tuple[list[Local], list[Remote], list[Link]]
# Each in an hour of its own, so that nothing overlaps by itself.
SLOTS = st.integers(min_value=0, max_value=40)


@st.composite
def agreed_states(draw: st.DrawFn) -> State:
    bookings, events, links = [], [], []
    for number, slot in enumerate(draw(st.sets(SLOTS, max_size=12)), start=1):
        origin = draw(st.sampled_from(Origin))
        booking, event = local(number, 24 + 2 * slot, origin), remote(number, 24 + 2 * slot)
        if draw(st.booleans()) and origin is Origin.EXCHANGE:
            booking = replace(booking, status=Status.RELEASED)
            event = printed(event, state=RemoteState.FREE)
        bookings.append(booking)
        events.append(event)
        links.append(linked(booking, event))
    return bookings, events, links


@st.composite
def any_states(draw: st.DrawFn) -> State:
    bookings, events, links = draw(agreed_states())
    for place in range(len(bookings)):
        hours = dt.timedelta(hours=draw(st.sampled_from([0, 0, 1, 3])))
        event = events[place]
        events[place] = printed(
            event, starts_at=event.starts_at + hours, ends_at=event.ends_at + hours
        )
        events[place] = replace(
            events[place], state=draw(st.sampled_from([event.state, *RemoteState]))
        )
        bookings[place] = replace(
            bookings[place],
            revision=draw(st.sampled_from([1, 1, 2])),
            status=draw(st.sampled_from(Status)),
        )
        links[place] = replace(
            links[place],
            state=draw(st.sampled_from([LinkState.LIVE, LinkState.LIVE, LinkState.CREATING])),
        )
    keep = draw(st.integers(min_value=0, max_value=len(links)))
    return bookings, events, links[:keep]


@given(agreed_states())
def test_agreed_sides_plan_nothing(state: State) -> None:
    assert plan_of(*state) == NOTHING_FOUND


@given(any_states(), st.randoms(use_true_random=False))
def test_order_of_input_is_irrelevant(state: State, source: random.Random) -> None:
    bookings, events, links = state
    shuffled = (
        source.sample(bookings, len(bookings)),
        source.sample(events, len(events)),
        source.sample(links, len(links)),
    )

    assert plan_of(*shuffled) == plan_of(*state)


@given(any_states())
def test_nothing_is_deleted_that_no_link_saw(state: State) -> None:
    seen = {link.key for link in state[2]}

    for operation in plan_of(*state).operations:
        if isinstance(operation, RemoveRemote | RemoveTwin | UpdateRemote):
            assert operation.ref.key in seen


@given(any_states())
def test_row_with_a_problem_decides_nothing(state: State) -> None:
    bookings, events, links = state
    unreadable = [replace(event, state=RemoteState.UNREADABLE) for event in events]
    live = {link.booking_id for link in links if link.state is LinkState.LIVE}

    planned = plan_of(bookings, unreadable, links)

    for operation in planned.operations:
        assert not isinstance(operation, CreateLocal | RemoveRemote | UpdateRemote | Agree)
        assert getattr(operation, "booking_id", None) not in live
    assert not planned.held


@given(any_states())
def test_no_booking_is_created_twice_in_one_plan(state: State) -> None:
    created = [
        operation.booking_id
        for operation in plan_of(*state).operations
        if isinstance(operation, CreateRemote)
    ]

    assert len(created) == len(set(created))


@given(any_states())
def test_create_that_may_still_land_is_not_repeated(state: State) -> None:
    bookings, _events, links = state
    waiting = [
        replace(link, state=LinkState.CREATING, attempted_at=NOW - dt.timedelta(minutes=4))
        for link in links
    ]
    in_flight = {link.booking_id for link in waiting}

    for operation in plan_of(bookings, [], waiting, Policy()).operations:
        if isinstance(operation, CreateRemote):
            assert operation.booking_id not in in_flight


@given(any_states(), st.integers(min_value=1, max_value=24 * 200))
def test_plan_that_rests_goes_on_resting_as_time_passes(state: State, hours: int) -> None:
    bookings, events, links = state
    # Only those pairs that rest by themselves, so that the whole often does.
    resting = [
        number
        for number, link in enumerate(links)
        if plan_of([bookings[number]], [events[number]], [link]).rests
    ]
    chosen = (
        [bookings[number] for number in resting],
        [events[number] for number in resting],
        [links[number] for number in resting],
    )

    if plan_of(*chosen).rests:
        assert plan_of(*chosen, now=NOW + dt.timedelta(hours=hours)).rests
