"""What the planner does around the table: edges of the window, twins, policies, clashes."""

from __future__ import annotations

import cProfile
import datetime as dt
from dataclasses import replace

import pytest

from apps.exchange.calendar import EventKey, Window
from apps.sync.facts import (
    Attempt,
    Choice,
    ConflictKey,
    ConflictKind,
    ConflictPolicy,
    Decided,
    Link,
    LinkState,
    Local,
    Origin,
    Policy,
    Remote,
    RemoteState,
    Status,
)
from apps.sync.operations import (
    Adopt,
    Agree,
    CancelAsStaff,
    CancelLocal,
    ClearClash,
    CreateLocal,
    CreateRemote,
    Forget,
    Operation,
    Plan,
    ReleaseLocal,
    Relink,
    RemoveRemote,
    RemoveTwin,
    Retire,
    TakeTime,
    UpdateRemote,
)
from apps.sync.planner import plan
from tests.sync.plain import HOUR, NOTHING_FOUND, NOW, linked, local, plan_of, printed, remote

DAYS = 24


def kinds(planned: Plan) -> list[type[Operation]]:
    return [type(operation) for operation in planned.operations]


def decided(planned: Plan, choice: Choice, policy: Policy | None = None) -> Policy:
    """The same policy, after somebody decided what the plan found."""
    decisions = {found.key: Decided(choice, found.versions) for found in planned.conflicts}
    return replace(policy or Policy(), decisions=decisions)


def test_pair_that_passed_the_lower_edge_is_retired() -> None:
    booking, event = local(hours=-3 * DAYS), remote(hours=-3 * DAYS)

    assert kinds(plan_of([booking], [event], [linked(booking, event)])) == [Retire]


def test_pair_past_the_upper_edge_waits() -> None:
    booking, event = local(hours=200 * DAYS), remote(hours=200 * DAYS)
    link = linked(booking, event)

    assert plan_of([replace(booking, revision=2)], [event], [link]) == NOTHING_FOUND


def test_event_that_is_gone_after_its_end_cancels_nothing() -> None:
    booking, event = local(hours=-5), remote(hours=-5)
    gone = replace(event, state=RemoteState.GONE)

    assert plan_of([booking], [gone], [linked(booking, event)]) == NOTHING_FOUND
    cancelled = replace(booking, status=Status.CANCELLED)
    assert kinds(plan_of([cancelled], [gone], [linked(booking, event)])) == [Forget]


def test_booking_whose_event_the_mirror_does_not_know_decides_nothing() -> None:
    booking, event = local(), remote()

    assert plan_of([booking], [], [linked(booking, event)]) == NOTHING_FOUND


def test_refused_event_is_left_alone_until_its_time() -> None:
    booking, event = local(revision=2), remote()
    link = linked(local(), event, not_before=NOW + HOUR, refused_revision=2)

    planned = plan_of([replace(booking, content=local(hours=30).content)], [event], [link])

    assert planned == Plan(look_again_at=NOW + HOUR)


def test_same_words_on_both_sides_are_agreed_without_a_request() -> None:
    booking, event = local(), remote()
    link = linked(booking, event)

    assert kinds(plan_of([replace(booking, revision=2)], [event], [link])) == [Agree]
    other = replace(event, fingerprint="other.other")
    assert kinds(plan_of([booking], [other], [link])) == [Agree]
    assert kinds(plan_of([replace(booking, revision=2)], [other], [link])) == [Agree]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [(ConflictPolicy.EXCHANGE, TakeTime), (ConflictPolicy.OURS, UpdateRemote)],
)
def test_policy_decides_what_both_changed(policy: ConflictPolicy, expected: type) -> None:
    booking, event = local(), remote()
    moved = printed(event, starts_at=event.starts_at + HOUR, ends_at=event.ends_at + HOUR)
    changed = replace(booking, revision=2, content=local(hours=48).content)

    planned = plan_of([changed], [moved], [linked(booking, event)], Policy(conflicts=policy))

    assert kinds(planned) == [expected]


@pytest.mark.parametrize(
    ("state", "choice", "expected"),
    [
        (RemoteState.GONE, Choice.OURS, Forget),
        (RemoteState.GONE, Choice.EXCHANGE, CancelLocal),
        (RemoteState.CANCELLED, Choice.EXCHANGE, CancelLocal),
    ],
)
def test_changed_here_and_gone_there(state: RemoteState, choice: Choice, expected: type) -> None:
    booking, event = local(), remote()
    rows = [replace(booking, revision=2)], [replace(event, state=state)], [linked(booking, event)]

    planned = plan_of(*rows, decided(plan_of(*rows), choice))

    assert kinds(planned) == [expected]


@pytest.mark.parametrize(
    ("choice", "expected"), [(Choice.OURS, UpdateRemote), (Choice.EXCHANGE, ReleaseLocal)]
)
def test_shown_as_free_a_second_time_is_decided(choice: Choice, expected: type) -> None:
    booking, event = local(), remote()
    free = printed(event, state=RemoteState.FREE)
    rows = [booking], [free], [linked(booking, event, restored_fingerprint=free.fingerprint)]

    planned = plan_of(*rows, decided(plan_of(*rows), choice))

    assert kinds(planned) == [expected]


def test_decision_lapses_when_either_side_moves_on() -> None:
    booking, event = local(), remote(2)
    first = plan_of([booking], [event], [])
    moved = printed(event, ends_at=event.ends_at + HOUR)

    planned = plan_of([booking], [moved], [], decided(first, Choice.BOTH))

    assert [found.key.kind for found in planned.conflicts] == [ConflictKind.OVERLAP]


@pytest.mark.parametrize(
    ("minutes", "expected"), [(-10, CancelLocal), (10, None), (1, "ask"), (None, "ask")]
)
def test_first_come_keeps_what_was_made_earlier(
    minutes: int | None, expected: type | str | None
) -> None:
    booking = local()
    made = None if minutes is None else booking.created_at + dt.timedelta(minutes=minutes)
    event = remote(2, created_at=made)

    planned = plan_of([booking], [event], [], Policy(conflicts=ConflictPolicy.FIRST_COME))

    assert (expected == "ask") == bool(planned.conflicts)
    assert (CancelLocal in kinds(planned)) == (expected is CancelLocal)


def test_first_sync_asks_whatever_the_policy() -> None:
    policy = Policy(conflicts=ConflictPolicy.EXCHANGE, is_first_sync=True)

    planned = plan_of([local()], [remote(2)], [], policy)

    assert kinds(planned) == [CreateLocal]
    assert len(planned.conflicts) == 1


def test_linked_booking_gives_way_through_a_cancellation_that_is_sent() -> None:
    booking, event = local(), remote()
    policy = Policy(conflicts=ConflictPolicy.EXCHANGE)

    planned = plan_of([booking], [event, remote(2)], [linked(booking, event)], policy)

    assert CancelAsStaff in kinds(planned)


def test_our_event_is_adopted_once_and_its_twin_deleted() -> None:
    booking = local()
    first = remote(1, stamped=booking.uuid, attempt_id="a", created_at=NOW)
    second = remote(2, subject="Title 1", stamped=booking.uuid, attempt_id="a")
    policy = Policy(attempts={"a": Attempt(booking.id, was_seen=False)})

    assert kinds(plan_of([booking], [first, second], [], policy)) == [Adopt]
    link = linked(booking, first)
    assert kinds(plan_of([booking], [first, second], [link], policy)) == [RemoveTwin]


@pytest.mark.parametrize(
    ("choice", "removed"), [(Choice.OURS, "item2"), (Choice.THIS, "item1"), (None, None)]
)
def test_twin_that_somebody_changed_is_asked_about(
    choice: Choice | None, removed: str | None
) -> None:
    booking, event = local(), remote()
    twin = remote(2, hours=48, stamped=booking.uuid, attempt_id="a")
    policy = Policy(attempts={"a": Attempt(booking.id, was_seen=True)})
    rows = [booking], [event, twin], [linked(booking, event)]
    found = plan_of(*rows, policy)
    assert [conflict.key.kind for conflict in found.conflicts] == [ConflictKind.TWIN]

    planned = plan_of(*rows, decided(found, choice, policy)) if choice else found

    operations = [op for op in planned.operations if isinstance(op, RemoveTwin)]
    assert [op.ref.key.item_id for op in operations] == ([removed] if removed else [])


def test_late_event_of_a_cancelled_booking_that_somebody_moved_is_like_any_other() -> None:
    booking = local(status=Status.CANCELLED)
    late = remote(2, hours=48, stamped=booking.uuid, attempt_id="a")
    policy = Policy(attempts={"a": Attempt(booking.id, was_seen=False)})

    assert kinds(plan_of([booking], [late], [], policy)) == [CreateLocal]


@pytest.mark.parametrize(
    ("choice", "cancelled"), [(Choice.OURS, 2), (Choice.EXCHANGE, 1), (Choice.BOTH, None)]
)
def test_two_of_ours_on_each_other_are_decided(choice: Choice, cancelled: int | None) -> None:
    bookings = [local(1, is_clashing=True), local(2)]
    events = [remote(1), remote(2)]
    links = [linked(b, e) for b, e in zip(bookings, events, strict=True)]
    found = plan_of(bookings, events, links)
    assert [conflict.key.other_id for conflict in found.conflicts] == [2]

    planned = plan_of(bookings, events, links, decided(found, choice))

    operations = [op for op in planned.operations if isinstance(op, CancelAsStaff)]
    assert [op.booking_id for op in operations] == ([cancelled] if cancelled else [])


def test_clash_is_over_when_nothing_is_in_the_way() -> None:
    bookings = [local(1, is_clashing=True), local(2, hours=48)]
    events = [remote(1), remote(2, hours=48)]
    links = [linked(b, e) for b, e in zip(bookings, events, strict=True)]

    assert kinds(plan_of(bookings, events, links)) == [ClearClash]


def test_create_that_was_refused_waits_for_its_time() -> None:
    booking = local()
    link = linked(booking, remote(), state=LinkState.CREATING, key=EventKey(""))

    waits = replace(link, not_before=NOW + HOUR, refused_revision=1)
    assert plan_of([booking], [], [waits]) == Plan(look_again_at=NOW + HOUR)
    assert kinds(plan_of([booking], [], [link])) == [CreateRemote]
    cancelled = replace(booking, status=Status.CANCELLED)
    assert kinds(plan_of([cancelled], [], [link])) == [Forget]


def test_retired_pair_that_is_seen_again_is_taken_up() -> None:
    booking, event = local(hours=-3 * DAYS), remote(hours=-3 * DAYS)
    link = linked(booking, event, state=LinkState.RETIRED)
    back = printed(event, starts_at=NOW + HOUR, ends_at=NOW + 2 * HOUR)

    assert kinds(plan_of([booking], [back], [link])) == [Adopt, TakeTime]


def test_staff_cancelled_exchange_booking_is_no_overlap() -> None:
    theirs = local(2, origin=Origin.EXCHANGE)
    event = remote(2)
    link = linked(theirs, event)

    planned = plan_of([local(), replace(theirs, status=Status.CANCELLED)], [event], [link])

    assert not planned.conflicts


def test_wrong_choice_for_a_kind_asks_again() -> None:
    rows: tuple[list[Local], list[Remote], list[Link]] = ([local()], [remote(2)], [])
    key = ConflictKey(ConflictKind.OVERLAP, 1, EventKey("item2"))
    found = plan_of(*rows)
    policy = Policy(decisions={key: Decided(Choice.SEND, found.conflicts[0].versions)})

    assert plan_of(*rows, policy).conflicts == found.conflicts


def test_all_day_changed_alone_takes_the_time() -> None:
    booking, event = local(), remote()
    whole = printed(event, is_all_day=True)

    assert kinds(plan_of([booking], [whole], [linked(booking, event)])) == [TakeTime]


def test_all_day_that_a_zone_does_not_cover_is_taken_once() -> None:
    booking = local()
    whole = printed(remote(), is_all_day=True)
    renamed = printed(whole, subject="Other")

    assert plan_of([booking], [whole], [linked(booking, whole)]) == NOTHING_FOUND
    (update,) = plan_of([booking], [renamed], [linked(booking, whole)]).operations
    assert isinstance(update, UpdateRemote)
    assert not update.parts.time


def test_two_overlaps_give_a_booking_up_once() -> None:
    booking = local(content=replace(local().content, ends_at=NOW + 30 * HOUR))
    events = [remote(2, 25), remote(3, 27)]

    planned = plan_of([booking], events, [], Policy(conflicts=ConflictPolicy.EXCHANGE))

    assert kinds(planned).count(CancelLocal) == 1


def test_second_event_waits_while_the_first_cannot_be_read() -> None:
    booking, event = local(), remote(state=RemoteState.UNREADABLE)
    twin = remote(2, subject="Title 1", stamped=booking.uuid, attempt_id="a")
    policy = Policy(attempts={"a": Attempt(booking.id, was_seen=True)})

    assert plan_of([booking], [event, twin], [linked(booking, event)], policy) == NOTHING_FOUND


def test_second_event_is_not_deleted_while_the_first_is_free() -> None:
    booking, event = local(), remote()
    free = printed(event, state=RemoteState.FREE)
    twin = remote(2, subject="Title 1", stamped=booking.uuid, attempt_id="a")
    policy = Policy(attempts={"a": Attempt(booking.id, was_seen=True)})

    planned = plan_of([booking], [free, twin], [linked(booking, event)], policy)

    assert kinds(planned) == [UpdateRemote]
    assert [found.key.kind for found in planned.conflicts] == [ConflictKind.TWIN]


def test_twin_with_guests_is_not_deleted_without_asking_where_that_mails() -> None:
    booking, event = local(), remote()
    twin = remote(2, hours=48, stamped=booking.uuid, attempt_id="a", has_attendees=True)
    attempts = {"a": Attempt(booking.id, was_seen=True)}
    policy = Policy(attempts=attempts, mails_attendees=True)
    rows = [booking], [event, twin], [linked(booking, event)]

    planned = plan_of(*rows, decided(plan_of(*rows, policy), Choice.OURS, policy))

    assert not planned.operations
    assert [found.key.kind for found in planned.conflicts] == [ConflictKind.WOULD_MAIL]


def test_lost_event_is_replaced_by_another_of_ours_with_another_uid() -> None:
    booking, event = local(), remote()
    gone = replace(event, state=RemoteState.GONE)
    other = remote(2, hours=48, stamped=booking.uuid, attempt_id="a")
    policy = Policy(attempts={"a": Attempt(booking.id, was_seen=True)})

    planned = plan_of([booking], [gone, other], [linked(booking, event)], policy)

    assert kinds(planned) == [Relink, TakeTime]


def test_cancelled_event_of_ours_is_adopted_only_if_it_was_never_seen() -> None:
    booking = local()
    event = remote(state=RemoteState.CANCELLED, stamped=booking.uuid, attempt_id="a")

    seen = Policy(attempts={"a": Attempt(booking.id, was_seen=True, link_id=7)})
    assert kinds(plan_of([booking], [event], [], seen)) == [CreateRemote]
    unseen = Policy(attempts={"a": Attempt(booking.id, was_seen=False, link_id=7)})
    assert plan_of([booking], [event], [], unseen).operations == (Adopt(7, booking.id, event),)


def test_only_one_retired_link_of_a_booking_is_woken() -> None:
    booking = local(hours=-3 * DAYS)
    events = [remote(1, hours=30), remote(2, hours=60)]
    links = [
        linked(booking, event, id=number, state=LinkState.RETIRED)
        for number, event in enumerate(events, start=1)
    ]

    planned = plan_of([booking], events, links)

    assert [op.link_id for op in planned.operations if isinstance(op, Adopt)] == [2]
    live = replace(links[0], state=LinkState.LIVE)
    planned = plan_of([booking], events, [live, links[1]])
    assert not [op for op in planned.operations if isinstance(op, Adopt)]


def test_pair_whose_event_was_never_seen_is_retired_with_its_booking() -> None:
    booking, event = local(hours=-3 * DAYS), remote(hours=-3 * DAYS)

    assert kinds(plan_of([booking], [], [linked(booking, event)])) == [Retire]


def test_held_deletion_of_a_booking_that_moved_away_can_stay() -> None:
    booking, event = local(status=Status.CANCELLED, is_elsewhere=True), remote()
    link = linked(booking, event, is_held=True, decision="keep")

    planned = plan_of([booking], [event], [link])

    assert kinds(planned) == [Forget]
    assert planned.decided == {link.id}


def test_what_is_held_stays_while_nothing_can_be_said_of_the_event() -> None:
    booking, event = local(status=Status.CANCELLED), remote()
    link = linked(booking, event, is_held=True, decision="apply")

    unread = plan_of([booking], [replace(event, state=RemoteState.UNREADABLE)], [link])
    assert unread.unclear == {link.id}
    assert not unread.decided
    far = local(hours=200 * DAYS, status=Status.CANCELLED), remote(hours=200 * DAYS)
    assert plan_of([far[0]], [far[1]], [link]).unclear == {link.id}


def test_person_is_asked_about_what_a_first_sync_found_whatever_the_policy() -> None:
    rows: tuple[list[Local], list[Remote], list[Link]] = ([local()], [remote(2)], [])
    found = plan_of(*rows).conflicts
    policy = Policy(
        conflicts=ConflictPolicy.EXCHANGE, asked=frozenset(conflict.key for conflict in found)
    )

    assert plan_of(*rows, policy).conflicts == found


def test_work_for_a_booking_is_the_same_among_few_and_many() -> None:
    calls = {}
    for size in (200, 4_000):
        bookings = [local(number, hours=24 + number) for number in range(size)]
        events = [remote(number, hours=24 + number + (number % 3 == 0)) for number in range(size)]
        links = [
            linked(booking, remote(number, 24 + number)) for number, booking in enumerate(bookings)
        ]
        arguments = (bookings, events, links, Policy(), Window(NOW, NOW + 5_000 * HOUR), NOW)
        profile = cProfile.Profile()
        profile.runcall(plan, *arguments)
        calls[size] = sum(entry.callcount for entry in profile.getstats()) / size

    assert calls[4_000] < 1.1 * calls[200]


def test_booking_of_exchange_gives_way_where_optixsync_wins() -> None:
    theirs, event = local(2, origin=Origin.EXCHANGE), remote(2)
    rows = [local(), theirs], [event], [linked(theirs, event)]

    planned = plan_of(*rows, Policy(conflicts=ConflictPolicy.OURS))

    assert planned.operations == (CancelAsStaff(2, theirs.revision),)
    cancelled = replace(theirs, status=Status.CANCELLED)
    asked_anew = printed(event, ends_at=event.ends_at + HOUR)
    again = plan_of(
        [local(), cancelled], [asked_anew], rows[2], Policy(conflicts=ConflictPolicy.OURS)
    )
    assert CancelAsStaff not in kinds(again)


def test_booking_that_is_allowed_beside_an_event_says_so_when_it_is_sent() -> None:
    rows: tuple[list[Local], list[Remote], list[Link]] = ([local()], [remote(2)], [])

    planned = plan_of(*rows, decided(plan_of(*rows), Choice.BOTH))

    (create,) = [op for op in planned.operations if isinstance(op, CreateRemote)]
    assert create.beside == (EventKey("item2"),)


def test_exchange_bookings_that_block_no_longer_are_in_nobodys_way() -> None:
    theirs, event = local(2, origin=Origin.EXCHANGE), remote(2)
    free = printed(event, state=RemoteState.FREE)
    link = linked(theirs, free)

    planned = plan_of([local(), replace(theirs, status=Status.RELEASED)], [free], [link])

    assert kinds(planned) == [CreateRemote]


def test_two_that_both_clash_are_told_of_once() -> None:
    bookings = [local(1, is_clashing=True), local(2, is_clashing=True)]
    events = [remote(1), remote(2)]
    links = [linked(b, e) for b, e in zip(bookings, events, strict=True)]

    assert [found.key.booking_id for found in plan_of(bookings, events, links).conflicts] == [2]


@pytest.mark.parametrize("choice", [Choice.SEND, Choice.LEAVE, None])
@pytest.mark.parametrize("is_cancelled", [True, False])
def test_what_would_mail_waits_for_a_word(choice: Choice | None, is_cancelled: bool) -> None:
    booking, event = local(), remote(has_attendees=True)
    status = Status.CANCELLED if is_cancelled else Status.CONFIRMED
    changed = replace(booking, revision=2, status=status, content=local(hours=48).content)
    policy = Policy(mails_attendees=True)
    rows = [changed], [event], [linked(booking, event)]
    found = plan_of(*rows, policy)
    assert [conflict.key.kind for conflict in found.conflicts] == [ConflictKind.WOULD_MAIL]

    planned = plan_of(*rows, decided(found, choice, policy)) if choice else found

    expected = RemoveRemote if is_cancelled else UpdateRemote
    assert kinds(planned) == ([expected] if choice is Choice.SEND else [])


def test_first_sync_holds_what_would_decline_a_meeting() -> None:
    booking = local(origin=Origin.EXCHANGE, status=Status.CANCELLED)
    event = remote(is_invitation=True, has_attendees=True)
    link = linked(booking, event)
    policy = Policy(is_first_sync=True, mails_attendees=True)

    planned = plan_of([booking], [event], [link], policy)
    assert [held.link_id for held in planned.held] == [link.id]
    applied = plan_of([booking], [event], [replace(link, decision="apply")], policy)
    assert kinds(applied) == [RemoveRemote]
    later = plan_of([booking], [event], [link], Policy(mails_attendees=True))
    assert kinds(later) == [RemoveRemote]


def test_first_sync_sends_many_only_when_that_was_allowed() -> None:
    bookings = [local(number, hours=24 + 2 * number) for number in range(51)]

    held = plan_of(bookings, [], [], Policy(is_first_sync=True))
    assert (held.operations, held.sends_held) == ((), 51)
    assert plan_of(bookings[:50], [], [], Policy(is_first_sync=True)).sends_held == 0
    allowed = plan_of(bookings, [], [], Policy(is_first_sync=True, are_sends_approved=True))
    assert len(allowed.operations) == 51


def test_event_of_a_cancelled_booking_that_is_over_stays() -> None:
    booking, event = local(hours=-5, status=Status.CANCELLED), remote(hours=-5)

    assert plan_of([booking], [event], [linked(booking, event)]) == NOTHING_FOUND


def test_moved_booking_stays_where_it_was_while_something_has_its_new_time() -> None:
    booking, event = local(), remote()
    moved = replace(booking, revision=2, content=local(hours=48).content)
    other = remote(2, hours=48)

    planned = plan_of([moved], [event, other], [linked(booking, event)])

    assert kinds(planned) == [CreateLocal]
    assert [found.key.kind for found in planned.conflicts] == [ConflictKind.OVERLAP]


def test_removal_of_ours_that_took_effect_late_is_no_loss() -> None:
    booking, event = local(), remote()
    gone = replace(event, state=RemoteState.GONE)
    link = linked(booking, event, removal_at=NOW - HOUR)

    assert kinds(plan_of([booking], [gone], [link])) == [Forget]
    old = replace(link, removal_at=NOW - 25 * HOUR)
    assert kinds(plan_of([booking], [gone], [old])) == [CancelLocal]
    theirs = replace(booking, origin=Origin.EXCHANGE)
    assert kinds(plan_of([theirs], [gone], [link])) == [CancelLocal]


def test_booking_whose_event_is_lost_and_held_is_in_the_way_of_others() -> None:
    booking, event = local(), remote()
    gone = replace(event, state=RemoteState.GONE)
    link = linked(booking, event)

    assert not plan_of([booking], [gone, remote(2)], [link]).conflicts
    held = plan_of([booking], [gone, remote(2)], [replace(link, is_held=True)])
    assert [found.key.kind for found in held.conflicts] == [ConflictKind.OVERLAP]


def test_booking_whose_event_was_cancelled_there_is_in_nobodys_way() -> None:
    booking, event = local(), remote()
    cancelled = replace(event, state=RemoteState.CANCELLED)

    planned = plan_of([booking], [cancelled, remote(2)], [linked(booking, event)])

    assert not planned.conflicts


def test_refused_deletion_waits_for_its_time() -> None:
    booking, event = local(status=Status.CANCELLED), remote()
    link = linked(booking, event, not_before=NOW + HOUR, refused_revision=1)

    assert plan_of([booking], [event], [link]) == Plan(look_again_at=NOW + HOUR)
    due = replace(link, not_before=NOW)
    assert kinds(plan_of([booking], [event], [due])) == [RemoveRemote]


def test_create_that_landed_late_for_a_cancelled_booking_is_deleted() -> None:
    booking = local(status=Status.CANCELLED)
    event = remote(1, stamped=booking.uuid, attempt_id="a")
    policy = Policy(attempts={"a": Attempt(booking.id, was_seen=False)})

    assert kinds(plan_of([booking], [event], [], policy)) == [RemoveTwin]


def test_time_that_looks_again_is_the_earliest_that_waits() -> None:
    links = [
        linked(local(number), remote(number), state=LinkState.CREATING, key=EventKey(""),
               attempted_at=NOW - dt.timedelta(minutes=number))
        for number in (1, 3, 2)
    ]  # fmt: skip
    bookings = [local(number, hours=24 * number) for number in (1, 2, 3)]

    planned = plan_of(bookings, [], links)

    assert planned == Plan(look_again_at=NOW + dt.timedelta(minutes=2))
