"""What goes wrong between two steps, and that both sides still come to agree."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import pytest

from apps.bookings import services as bookings
from apps.bookings.models import Booking
from apps.bookings.walltime import Span
from apps.exchange import errors
from apps.exchange.calendar import Content, EventKey, EventRef, Parts
from apps.sync import lease, services, there
from apps.sync.mapping import stamp
from apps.sync.models import CalendarLink, EventLink, SyncRun
from apps.tenants.installation import this_installation
from tests.sync.world import DAY, HOUR, World, mirror_equals_calendar

pytestmark = pytest.mark.django_db

MINUTE = dt.timedelta(minutes=1)


class Crash(BaseException):
    """The worker is gone, without another word."""


def fail_once(world: World, step: str, when: str, error: BaseException) -> None:
    """Let one step of the calendar fail, once."""
    left = [error]

    def hook(name: str, moment: str) -> None:
        if (name, moment) == (step, when) and left:
            raise left.pop()

    world.port.hook = hook


def crash_at(world: World, step: str, when: str) -> None:
    fail_once(world, step, when, Crash())
    with pytest.raises(Crash):
        world.sync()
    world.later(4 * MINUTE)


def settle(world: World) -> None:
    """Sync until nothing is left to do."""
    for _number in range(6):
        world.later(6 * MINUTE)
        world.sync()
    report = world.sync()
    assert not report.counts, report
    assert mirror_equals_calendar(world)


def test_create_whose_reply_was_lost_is_adopted_not_repeated(world: World) -> None:
    world.book(24)
    fail_once(world, "create", "after", errors.Unclear("No answer came back."))
    world.sync()

    settle(world)

    assert world.blocking_there() == world.blocking_here() == [(world.at(24), world.at(25))]


def test_second_create_waits_until_the_first_has_settled(world: World) -> None:
    world.book(24)
    fail_once(world, "create", "before", errors.Unclear("No answer came back."))
    world.sync()
    world.later(MINUTE)
    world.sync()
    assert world.blocking_there() == []
    assert EventLink.objects.get().state == "creating"

    settle(world)

    assert world.blocking_there() == [(world.at(24), world.at(25))]


def test_calendar_is_due_when_what_waits_can_go_on(world: World, settings: Any) -> None:
    settings.SYNC_EVERY_S = 3600
    world.book(24)
    fail_once(world, "create", "before", errors.Unclear("No answer came back."))
    world.sync()
    left = world.now
    world.later(MINUTE)

    world.sync()

    assert world.calendar.due_at == left + 5 * MINUTE


def test_late_create_leaves_one_event(world: World) -> None:
    world.book(24)
    fail_once(world, "create", "before", errors.Unclear("No answer came back."))
    world.sync()
    settle(world)
    link = EventLink.objects.get()
    (event,) = world.outlook.blocking()

    # The first write lands after all: the same stamp, the same attempt.
    content = Content("Stand-up", world.at(24), world.at(25), False, "Europe/London")
    world.port.land_create(content, stamp=event.stamp, attempt_id=link.attempt_id)
    settle(world)

    assert world.blocking_there() == [(world.at(24), world.at(25))]


def test_late_create_of_a_cancelled_booking_is_deleted(world: World) -> None:
    booking = world.book(24)
    fail_once(world, "create", "before", errors.Unclear("No answer came back."))
    world.sync()
    world.cancel(booking)
    settle(world)

    link = EventLink.objects.get()

    content = Content("Stand-up", world.at(24), world.at(25), False, "Europe/London")
    value = stamp(this_installation().uuid, world.resource.uuid, booking.uuid)
    world.port.land_create(content, stamp=value, attempt_id=link.attempt_id)
    settle(world)

    assert world.blocking_there() == []
    assert Booking.objects.count() == 1


@pytest.mark.parametrize("step", ["advance", "view", "create"])
@pytest.mark.parametrize("when", ["before", "after"])
def test_crash_at_any_step_of_a_first_sync_converges(world: World, step: str, when: str) -> None:
    world.book(24)
    world.outlook.book(world.at(48), world.at(49))

    crash_at(world, step, when)
    settle(world)

    both = [(world.at(24), world.at(25)), (world.at(48), world.at(49))]
    assert world.blocking_there() == world.blocking_here() == both


@pytest.mark.parametrize(
    ("step", "when"),
    [
        ("changes", "before"),
        ("changes", "after"),
        ("read", "before"),
        ("open", "after"),
        ("find", "after"),
        ("view", "before"),
        ("update", "before"),
        ("update", "after"),
    ],
)
def test_crash_at_any_step_of_a_change_converges(world: World, step: str, when: str) -> None:
    booking = world.book(24)
    gone = world.outlook.book(world.at(48), world.at(49))
    world.outlook.book(world.at(72), world.at(73))
    world.sync()
    world.move(booking, 30)
    world.outlook.delete(gone)

    crash_at(world, step, when)
    settle(world)

    both = [(world.at(30), world.at(31)), (world.at(72), world.at(73))]
    assert world.blocking_there() == world.blocking_here() == both


@pytest.mark.parametrize(
    "error",
    [
        errors.Transient("Connection reset."),
        errors.Throttled("Busy.", retry_after=MINUTE),
        errors.AuthenticationFailed("Refused."),
        errors.AccessDenied("No right."),
        errors.SyncStateInvalid("Lost."),
        errors.Misconfigured("Wrong."),
        errors.NotFound("No folder."),
        errors.Rejected("Bad."),
    ],
    ids=lambda error: error.kind,
)
@pytest.mark.parametrize("step", ["changes", "read", "view", "open", "advance"])
def test_failed_or_partial_read_cancels_nothing(
    world: World, step: str, error: errors.ExchangeError
) -> None:
    for hours in (24, 48, 72):
        world.outlook.book(world.at(hours), world.at(hours + 1))
    world.sync()
    world.outlook.refile(world.outlook.mailbox.log[0])

    def hook(name: str, when: str) -> None:
        if (name, when) == (step, "before"):
            raise error

    world.port.hook = hook
    for _number in range(3):
        world.sync(is_full=True)
        world.later(HOUR)

    assert Booking.objects.blocking().count() == 3


def test_lying_view_cancels_nothing(world: World) -> None:
    keys = [world.outlook.book(world.at(h), world.at(h + 1)) for h in (24, 48, 72)]
    world.sync()
    stored = world.mailbox.items[keys[0].item_id]

    def hook(name: str, when: str) -> None:
        if name == "view":
            if when == "before":
                world.mailbox.items.pop(keys[0].item_id, None)
            else:
                world.mailbox.items[keys[0].item_id] = stored

    world.port.hook = hook
    world.sync(is_full=True)

    assert Booking.objects.blocking().count() == 3


def test_recreated_mailbox_stops_the_calendar(world: World) -> None:
    for hours in (24, 48):
        world.outlook.book(world.at(hours), world.at(hours + 1))
    world.sync()
    world.outlook.recreate_mailbox()

    world.sync()

    assert world.calendar.state == CalendarLink.State.NEEDS_ATTENTION
    assert "not the mailbox" in world.calendar.cause
    assert Booking.objects.blocking().count() == 2


def test_booking_saves_while_exchange_is_down_and_arrives_later(world: World) -> None:
    world.sync()
    world.port.hook = lambda _name, _when: (_ for _ in ()).throw(errors.Transient("Down."))
    world.book(24)
    world.sync()
    assert world.calendar.state == CalendarLink.State.WAITING
    world.port.hook = lambda _name, _when: None

    settle(world)

    assert len(world.blocking_there()) == 1


def test_refused_sign_in_stops_the_connection(world: World) -> None:
    world.port.hook = lambda _name, _when: (_ for _ in ()).throw(
        errors.AuthenticationFailed("The password was refused.")
    )

    world.sync()

    connection = world.calendar.connection
    assert connection is not None
    assert connection.stopped_at is not None
    assert not CalendarLink.objects.due(world.now + DAY).exists()


def test_move_that_exchange_answers_and_does_not_make_is_told_and_tried_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = world.book(24)
    world.sync()
    with monkeypatch.context() as lying:
        lying.setattr(type(world.port), "update", lambda _self, ref, _content, _parts: ref)
        world.move(booking, 30)
        world.sync()
        refused = EventLink.objects.get()

    assert "another time" in refused.refusal
    assert refused.not_before == world.now + 5 * MINUTE
    settle(world)
    assert world.blocking_there() == world.blocking_here() == [(world.at(30), world.at(31))]
    assert EventLink.objects.get().refusal == ""


def test_create_that_exchange_puts_elsewhere_takes_the_booking_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    create = type(world.port).create

    def late(port: Any, content: Content, **named: str) -> Any:
        hour_later = replace(
            content, starts_at=content.starts_at + HOUR, ends_at=content.ends_at + HOUR
        )
        return create(port, hour_later, **named)

    monkeypatch.setattr(type(world.port), "create", late)
    world.book(24)

    settle(world)

    assert world.blocking_there() == world.blocking_here() == [(world.at(25), world.at(26))]


def test_days_that_exchange_writes_by_its_own_zone_are_where_they_were_written(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    update, start = type(world.port).update, world.at(24).replace(hour=0)
    booking = world.book((start - world.at(0)) / HOUR, length=DAY)
    world.sync()

    def by_its_zone(port: Any, ref: EventRef, content: Content, parts: Parts) -> Any:
        moved = {
            name: getattr(content, name) - 2 * HOUR
            for name in ("starts_at", "ends_at") if content.is_all_day
        }  # fmt: skip
        return update(port, ref, replace(content, **moved), parts)

    monkeypatch.setattr(type(world.port), "update", by_its_zone)
    bookings.change(
        booking=booking,
        revision=booking.revision,
        by=None,
        span=Span.days(start.date(), start.date(), "Europe/London"),
    )
    world.sync()

    assert EventLink.objects.get().refusal == ""
    settle(world)


def test_event_that_cannot_be_read_decides_nothing_and_is_read_again(world: World) -> None:
    key = world.outlook.book(world.at(24), world.at(25))
    world.sync()
    world.mailbox.items[key.item_id].problem = "The item is damaged."
    world.mailbox.log.append(key.item_id)
    world.sync()
    assert Booking.objects.blocking().count() == 1

    world.mailbox.items[key.item_id].problem = ""
    world.outlook.move(key, world.at(30))
    settle(world)

    assert world.blocking_here() == [(world.at(30), world.at(31))]


def test_copied_event_of_ours_is_an_ordinary_exchange_event(world: World) -> None:
    world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.copy(event.key, world.at(48))

    settle(world)

    assert sorted(Booking.objects.values_list("origin", flat=True)) == ["exchange", "optixsync"]
    assert world.blocking_here() == world.blocking_there()


def test_restored_event_of_ours_is_an_ordinary_exchange_event(world: World) -> None:
    booking = world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.cancel(booking)
    world.sync()
    world.outlook.put_back(event.key.item_id)

    settle(world)

    assert world.blocking_here() == world.blocking_there() == [(world.at(24), world.at(25))]
    assert Booking.objects.blocking().get().origin == "exchange"


def test_forged_stamp_makes_an_ordinary_exchange_event(world: World) -> None:
    world.book(24)
    world.sync()
    (event,) = world.outlook.blocking()
    world.outlook.book(world.at(48), world.at(49), stamp=event.stamp)

    settle(world)

    assert Booking.objects.blocking().count() == 2
    assert world.blocking_here() == world.blocking_there()


def test_swap_in_outlook_opens_conflict_and_cursor_advances(world: World) -> None:
    first, second = world.book(24), world.book(48)
    world.sync()
    keys = [event.key for event in sorted(world.outlook.blocking(), key=lambda e: e.starts_at)]
    world.outlook.move(keys[0], world.at(48))
    world.sync()
    assert [conflict.kind for conflict in world.conflicts()] == ["overlap"]
    world.outlook.move(keys[1], world.at(24))

    settle(world)

    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.starts_at, second.starts_at) == (world.at(48), world.at(24))
    assert not world.conflicts()
    assert not Booking.objects.filter(clashing=True).exists()


def test_booking_on_an_exchange_event_is_not_sent(world: World) -> None:
    world.outlook.book(world.at(24), world.at(25))
    world.sync()
    world.book(24)

    world.sync()

    assert len(world.blocking_there()) == 1
    assert [conflict.kind for conflict in world.conflicts()] == ["overlap"]


def test_event_that_came_a_moment_before_our_write_opens_a_conflict(world: World) -> None:
    world.sync()
    world.book(24)
    done: list[EventKey] = []

    def hook(name: str, when: str) -> None:
        if (name, when) == ("view", "before") and not done:
            done.append(world.outlook.book(world.at(24), world.at(25)))

    world.port.hook = hook
    world.sync()

    assert len(world.blocking_there()) == 1
    assert [conflict.kind for conflict in world.conflicts()] == ["overlap"]


def test_many_losses_are_held_and_go_on_blocking(world: World) -> None:
    keys = [world.outlook.book(world.at(h), world.at(h + 1)) for h in (24, 48, 72, 96)]
    world.sync()
    for key in keys[:3]:
        world.outlook.delete(key)

    world.sync()

    assert len(world.held()) == 3
    assert Booking.objects.blocking().count() == 4


def test_overslept_worker_leaves_one_event(world: World) -> None:
    world.book(24)

    def hook(name: str, when: str) -> None:
        if (name, when) == ("create", "before"):
            world.port.hook = lambda _name, _when: None
            world.later(4 * MINUTE)
            services.sync_calendar(world.calendar.pk, clock=world.clock)

    world.port.hook = hook
    world.sync()
    world.port.hook = lambda _name, _when: None

    settle(world)

    assert world.blocking_there() == world.blocking_here() == [(world.at(24), world.at(25))]


def test_second_worker_leaves_a_leased_calendar_alone(world: World) -> None:
    assert lease.acquire(world.calendar.pk, world.clock) is not None

    report = world.sync()

    assert report.outcome == "skipped"
    assert world.calendar.is_nudged


def test_poison_calendar_stops_after_five_starts_in_a_row(world: World) -> None:
    world.sync()
    for _number in range(5):
        crash_at(world, "changes", "before")
    world.sync()

    assert world.calendar.state == CalendarLink.State.NEEDS_ATTENTION
    assert SyncRun.objects.filter(error_kind="misconfigured").count() == 1


def test_long_work_goes_on_where_it_stopped(world: World) -> None:
    for hours in range(40):
        world.outlook.book(world.at(24 + hours), world.at(25 + hours))
    world.port.page_size = 10
    world.port.hook = lambda _name, when: (
        world.later(20 * dt.timedelta(seconds=1)) if when == "after" else None
    )

    outcomes = [world.sync().outcome for _number in range(40)]

    assert "continues" in outcomes
    assert outcomes[-1] == "done"
    assert Booking.objects.count() == 40


def test_exchange_down_for_long_stops_no_calendar(world: World) -> None:
    world.sync()
    world.port.hook = lambda _name, _when: (_ for _ in ()).throw(errors.Transient("Down."))
    for _number in range(12):
        world.sync()
        world.later(HOUR)
    assert world.calendar.state == CalendarLink.State.WAITING
    world.port.hook = lambda _name, _when: None

    world.sync()

    assert world.calendar.state == CalendarLink.State.IN_SYNC


def test_run_of_a_killed_worker_is_told_as_interrupted(world: World) -> None:
    world.sync()
    crash_at(world, "changes", "before")
    killed = SyncRun.objects.get(outcome="running")

    world.sync()

    killed.refresh_from_db()
    assert (killed.outcome, killed.error_kind) == ("failed", "interrupted")
    assert killed.finished_at == world.now


def test_worker_that_overslept_before_a_write_sends_nothing(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.sync()
    world.book(24)
    save = EventLink.save

    def oversleep(self: EventLink, **kwargs: object) -> None:
        save(self)
        world.later(dt.timedelta(seconds=150))

    with monkeypatch.context() as patch:
        patch.setattr(EventLink, "save", oversleep)
        world.sync()

    assert "create" not in world.port.requests
    settle(world)
    assert world.blocking_there() == [(world.at(24), world.at(25))]


def test_event_that_came_between_two_writes_that_share_a_read_opens_a_conflict(
    world: World,
) -> None:
    world.sync()
    world.book(24)
    world.book(26)

    def come(name: str, when: str) -> None:
        if (name, when) == ("create", "after") and len(world.blocking_there()) == 1:
            world.outlook.book(world.at(26), world.at(27))

    world.port.hook = come
    world.sync()

    assert world.port.requests.count("create") == 1
    assert [conflict.kind for conflict in world.conflicts()] == ["overlap"]


def test_read_that_is_shared_by_two_writes_is_never_an_old_one(world: World) -> None:
    world.sync()
    world.book(24)
    world.book(26)
    views: list[str] = []

    def come_late(name: str, when: str) -> None:
        if (name, when) == ("view", "after"):
            views.append(name)
            if len(views) == 2:
                # The worker sleeps after the read that both share, and somebody books.
                world.outlook.book(world.at(26), world.at(27))
                patch.setattr(there, "SEEN_FOR", dt.timedelta(seconds=-1))

    patch = pytest.MonkeyPatch()
    world.port.hook = come_late
    try:
        world.sync()
    finally:
        patch.undo()

    assert world.port.requests.count("create") == 1
    assert [conflict.kind for conflict in world.conflicts()] == ["overlap"]


def test_full_round_that_was_wanted_anew_begins_at_the_beginning(world: World) -> None:
    world.sync()
    # Half-way through, somebody left the mailbox and came back, or pressed *Full re-sync*.
    CalendarLink.objects.update(
        is_full_round_wanted=True, draft_cursor="", draft_until=world.at(24 * 10)
    )
    world.outlook.book(world.at(24), world.at(25))

    world.sync()

    assert world.blocking_here() == [(world.at(24), world.at(25))]
    assert world.calendar.cursor
    assert not world.calendar.is_full_round_wanted


def test_refused_cursor_is_kept_until_the_round_that_replaces_it_is_whole(world: World) -> None:
    world.outlook.book(world.at(24), world.at(25))
    world.sync()
    before = world.calendar.cursor
    lost: list[str] = []

    def hook(name: str, when: str) -> None:
        if (name, when) == ("changes", "before") and not lost:
            lost.append(name)
            raise errors.SyncStateInvalid("Lost.")
        if (name, when) == ("view", "before") and len(lost) == 1:
            lost.append(name)
            raise errors.Transient("Connection reset.")

    world.port.hook = hook
    world.sync()
    world.calendar.refresh_from_db()
    assert lost == ["changes", "view"]
    assert world.calendar.cursor == before
    assert CalendarLink.objects.filter(is_full_round_wanted=True).exists()

    world.later(HOUR)
    world.sync()
    assert not CalendarLink.objects.filter(is_full_round_wanted=True).exists()
    assert Booking.objects.blocking().count() == 1
