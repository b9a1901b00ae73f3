"""Who belongs to whom when ids, keys and shapes change."""

from __future__ import annotations

from dataclasses import replace

from apps.exchange.calendar import EventKey, EventRef
from apps.sync.facts import Attempt, Link, LinkState, Local, Policy, Remote, RemoteState, Status
from apps.sync.operations import Adopt, CancelLocal, CreateLocal, Relink
from apps.sync.pairing import pair_up
from tests.sync.plain import NOW, linked, local, plan_of, remote

GONE = RemoteState.GONE


def at(event: Remote, item_id: str, start: str = "", uid: str = "series") -> Remote:
    return replace(event, ref=EventRef(EventKey(item_id, start), "key"), uid=uid)


def series(item_id: str, hours: list[float], first: int = 1, uid: str = "series") -> list[Remote]:
    return [
        at(remote(number, hour), item_id, f"start{number}", uid)
        for number, hour in enumerate(hours, start=first)
    ]


def booked(events: list[Remote]) -> tuple[list[Local], list[Link]]:
    bookings = [local(number, 24) for number, _event in enumerate(events, start=1)]
    bookings = [
        replace(
            booking,
            content=replace(booking.content, starts_at=event.starts_at, ends_at=event.ends_at),
        )
        for booking, event in zip(bookings, events, strict=True)
    ]
    return bookings, [linked(*pair, uid=pair[1].uid) for pair in zip(bookings, events, strict=True)]


def new_keys(bookings: list[Local], events: list[Remote], links: list[Link]) -> dict[int, EventKey]:
    pairing = pair_up(bookings, events, links, {})
    return {op.link_id: op.remote.key for op in pairing.operations if isinstance(op, Relink)}


def gone(events: list[Remote]) -> list[Remote]:
    return [replace(event, state=GONE) for event in events]


def test_reshaped_series_is_matched_by_start_and_then_in_order_of_time() -> None:
    old = series("a", [24, 48, 72])
    bookings, links = booked(old)
    # Under a new id, the second still starts as it did; the two others lie elsewhere.
    new = [
        at(remote(8, 30), "b", "x"),
        at(remote(9, 48), "b", "start2"),
        at(remote(7, 90), "b", "y"),
    ]

    assert new_keys(bookings, [*gone(old), *new], links) == {
        1: EventKey("b", "x"),
        2: EventKey("b", "start2"),
        3: EventKey("b", "y"),
    }


def test_what_is_left_over_is_gone_or_new() -> None:
    old = series("a", [24, 48])
    bookings, links = booked(old)
    fewer = series("b", [24])
    more = series("b", [24, 48, 72])

    planned = plan_of(bookings, [*gone(old), *fewer], links)
    assert [type(op) for op in planned.operations] == [Relink, CancelLocal]
    planned = plan_of(bookings, [*gone(old), *more], links)
    assert [type(op) for op in planned.operations] == [Relink, Relink, CreateLocal]


def test_series_that_tells_no_uid_is_matched_by_its_item() -> None:
    old, others = series("a", [24, 48], uid=""), series("c", [30], first=3)
    bookings, links = booked([*old, *others])
    # Shifted it is the same item; what has another id by now is found by its UID.
    shifted = [at(remote(8, 26), "a", "x", ""), at(remote(9, 50), "a", "y", "")]
    put_back = at(remote(7, 30), "d", "start3")

    assert new_keys(bookings, [*gone([*old, *others]), *shifted, put_back], links) == {
        1: EventKey("a", "x"),
        2: EventKey("a", "y"),
        3: EventKey("d", "start3"),
    }


def test_without_a_uid_nothing_is_found_again() -> None:
    old = series("a", [24], uid="")
    bookings, links = booked(old)

    assert new_keys(bookings, [*gone(old), *series("b", [24], uid="")], links) == {}


def test_event_of_another_link_is_not_taken_for_a_lost_one() -> None:
    events = [at(remote(1, 24), "a"), at(remote(2, 48), "b")]
    bookings, links = booked(events)

    assert new_keys(bookings, [replace(events[0], state=GONE), events[1]], links) == {}


def test_attempts_of_others_adopt_nothing() -> None:
    bookings = [local(1), local(2, hours=48)]
    event = remote(9, stamped=bookings[0].uuid, attempt_id="a")

    # The attempt was made for another booking; or nobody knows it; or there is no such booking.
    for policy, stamped in (
        (Policy(attempts={"a": Attempt(2, was_seen=False)}), bookings[0].uuid),
        (Policy(attempts={"b": Attempt(1, was_seen=False)}), bookings[0].uuid),
        (Policy(attempts={"a": Attempt(1, was_seen=False)}), local(7).uuid),
        (Policy(attempts={"a": Attempt(1, was_seen=False)}), None),
    ):
        found = pair_up(bookings, [replace(event, stamped=stamped)], [], policy.attempts)
        assert [one.key for one in found.strangers] == [event.key]


def test_older_of_two_events_of_ours_is_adopted() -> None:
    booking = local()
    one = remote(1, stamped=booking.uuid, attempt_id="a", created_at=None)
    other = remote(2, stamped=booking.uuid, attempt_id="a", created_at=NOW)
    attempts = {"a": Attempt(booking.id, was_seen=False, link_id=5)}

    found = pair_up([booking], [one, other], [], attempts)

    assert found.operations == (Adopt(5, booking.id, other),)
    assert found.twins == ((one, booking.id),)
    assert found.found == (booking,)


def test_link_that_is_being_made_is_the_one_that_adopts() -> None:
    booking = local()
    event = remote(1, stamped=booking.uuid, attempt_id="a")
    link = Link(3, booking.id, LinkState.CREATING, EventKey(""))

    found = pair_up([booking], [event], [link], {"a": Attempt(booking.id, False, 2)})

    assert found.operations == (Adopt(3, booking.id, event),)


def test_event_of_a_cancelled_booking_that_was_seen_before_is_a_stranger() -> None:
    booking = local(status=Status.CANCELLED)
    event = remote(1, stamped=booking.uuid, attempt_id="a")

    seen = pair_up([booking], [event], [], {"a": Attempt(booking.id, was_seen=True)})
    unseen = pair_up([booking], [event], [], {"a": Attempt(booking.id, was_seen=False)})

    assert seen.strangers == (event,)
    assert unseen.twins == ((event, booking.id),)


def test_only_as_many_lost_links_are_matched_as_there_are_events() -> None:
    bookings = [local(1), local(2, hours=48)]
    lost = [replace(remote(1), state=GONE), replace(remote(2, hours=48), state=GONE)]
    links = [linked(*pair) for pair in zip(bookings, lost, strict=True)]
    event = remote(9, hours=72, stamped=bookings[1].uuid, attempt_id="a")
    attempts = {"a": Attempt(2, was_seen=True)}

    found = pair_up(bookings, [*lost, event], links, attempts)

    assert found.operations == (Relink(2, event),)


def test_second_live_event_of_a_lost_pair_is_a_twin() -> None:
    booking = local()
    lost = replace(remote(1), state=GONE)
    events = [remote(number, 24, stamped=booking.uuid, attempt_id="a", uid="") for number in (2, 3)]

    found = pair_up(
        [booking], [lost, *events], [linked(booking, lost)], {"a": Attempt(1, was_seen=True)}
    )

    assert found.operations == (Relink(1, events[0]),)
    assert found.twins == ((events[1], 1),)
