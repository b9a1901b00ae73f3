"""What holds for every plan, whatever the planner is given."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from apps.sync.facts import (
    Attempt,
    ConflictKind,
    ConflictPolicy,
    Link,
    LinkState,
    Local,
    Origin,
    Policy,
    Remote,
    RemoteState,
    Status,
)
from apps.sync.guard import MANY_OF_ALL
from apps.sync.operations import (
    Agree,
    CancelLocal,
    CreateLocal,
    CreateRemote,
    RemoveRemote,
    RemoveTwin,
    UpdateRemote,
)
from tests.sync.applying import settled
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


# --- Coming to agree ------------------------------------------------------------------------------


@given(any_states(), st.sampled_from([*ConflictPolicy]))
def test_carried_out_plans_leave_nothing_to_do(state: State, policy: ConflictPolicy) -> None:
    _sides, last = settled(state, Policy(conflicts=policy))

    assert not last.operations


@given(any_states())
def test_what_is_neither_asked_nor_held_blocks_on_both_sides_in_the_end(state: State) -> None:
    bookings, events, links = state
    live = {link.booking_id for link in links if link.state is LinkState.LIVE}
    # A booking of Exchange's without its event is one that a mailbox left behind.
    paired = [booking for booking in bookings if booking.is_ours or booking.id in live]
    sides, last = settled((paired, events, links), Policy(conflicts=ConflictPolicy.EXCHANGE))
    if (
        last.conflicts
        or last.held
        or any(event.state is RemoteState.UNREADABLE for event in sides.events.values())
    ):
        return

    here = [
        (booking.starts_at, booking.ends_at)
        for booking in sides.bookings.values()
        if booking.status is Status.CONFIRMED
    ]
    there = [(event.starts_at, event.ends_at) for event in sides.events.values() if event.blocks]
    assert sorted(here) == sorted(there)


@given(any_states())
def test_what_both_changed_is_touched_on_neither_side_until_it_is_decided(state: State) -> None:
    planned = plan_of(*state)
    asked = {
        found.key.booking_id
        for found in planned.conflicts
        if found.key.kind is ConflictKind.BOTH_CHANGED
    }

    for operation in planned.operations:
        assert getattr(operation, "booking_id", None) not in asked


@given(agreed_states(), st.data())
def test_change_on_one_side_alone_is_never_a_conflict(state: State, data: st.DataObject) -> None:
    bookings, events, links = state
    for place, event in enumerate(events):
        match data.draw(st.sampled_from(["here", "there", "neither"])):
            case "here" if bookings[place].is_ours:
                content = replace(bookings[place].content, subject="New")
                bookings[place] = replace(bookings[place], revision=2, content=content)
            case "there":
                longer = event.ends_at + dt.timedelta(minutes=30)
                events[place] = printed(event, ends_at=longer)
            case _:
                pass

    assert not plan_of(bookings, events, links).conflicts


@given(agreed_states(), st.data())
def test_no_plan_takes_away_all_that_is_known(state: State, data: st.DataObject) -> None:
    bookings, events, links = state
    if len(bookings) < MANY_OF_ALL:
        return
    if data.draw(st.booleans()):
        events = [replace(event, state=RemoteState.GONE) for event in events]
    else:
        events = [printed(event, state=RemoteState.BLOCKS) for event in events]
        links = [linked(*pair) for pair in zip(bookings, events, strict=True)]
        bookings = [replace(booking, status=Status.CANCELLED) for booking in bookings]

    planned = plan_of(bookings, events, links)

    assert len(planned.held) >= MANY_OF_ALL
    assert not [op for op in planned.operations if isinstance(op, CancelLocal | RemoveRemote)]


@given(any_states(), st.sampled_from(["", "a", "b"]))
def test_copy_of_our_event_is_never_deleted(state: State, attempt: str) -> None:
    bookings, events, links = state
    copies = [
        remote(
            100 + booking.id,
            500 + booking.id,
            subject=booking.content.subject,
            stamped=booking.uuid,
            attempt_id=attempt,
        )
        for booking in bookings
    ]
    # Attempts there were, but none of these copies is the event of one.
    policy = Policy(attempts={f"c{b.id}": Attempt(b.id, was_seen=True) for b in bookings})

    planned = plan_of(bookings, [*events, *copies], links, policy)

    keys = {event.key for event in copies}
    for operation in planned.operations:
        if isinstance(operation, RemoveRemote | RemoveTwin | UpdateRemote):
            assert operation.ref.key not in keys
    booked = {op.remote.key for op in planned.operations if isinstance(op, CreateLocal)}
    assert keys <= booked


@given(any_states())
def test_events_of_others_are_removed_only_when_staff_cancelled_their_booking(
    state: State,
) -> None:
    cancelled = {b.id for b in state[0] if b.status is Status.CANCELLED}

    for operation in plan_of(*state).operations:
        if isinstance(operation, RemoveRemote):
            assert operation.booking_id in cancelled
