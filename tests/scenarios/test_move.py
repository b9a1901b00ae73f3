"""Calendars that go from EWS to Microsoft Graph, and back: every pair goes with them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest

from apps.bookings.models import Booking
from apps.exchange import errors, transport
from apps.exchange.calendar import ShowAs
from apps.exchange.graph import session as graph_session
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Resource
from apps.sandbox.server import SandboxServer
from apps.sync import connecting, leave, move_calendar, moving, recognising, tasks
from apps.sync.lease import acquire
from apps.sync.models import CalendarLink, EventLink, RemoteEvent
from apps.sync.move_models import CalendarMove, KeptId, Move
from tests.factories import ResourceFactory
from tests.scenarios.moving import MovingWorld, be_the_sandbox, make_moving_world, microsoft
from tests.scenarios.world import add_room
from tests.sync.world import DAY, HOUR

pytestmark = pytest.mark.django_db

SECRET = "Merger talks"


@pytest.fixture(autouse=True)
def _microsoft_is_the_sandbox(settings: Any, server: SandboxServer) -> Iterator[None]:
    be_the_sandbox(settings, server)
    yield
    graph_session.close_connections()


@pytest.fixture
def world(server: SandboxServer, resource: Resource) -> MovingWorld:
    return make_moving_world(server, resource)


def furnish(world: MovingWorld) -> None:
    """Events of every kind, and bookings of ours, all agreed on."""
    outlook = world.outlook
    world.book(24, "Stand-up")
    world.book(26, "  Two   spaces ")
    outlook.book(world.at(28), world.at(29), "Theirs")
    outlook.book(world.at(30), world.at(31), "Secret", is_private=True)
    outlook.book(world.at(32), world.at(33), "Free", show_as=ShowAs.FREE)
    outlook.book(world.at(34), world.at(35), "Asked", is_invitation=True)
    midnight = world.at(0).replace(hour=0) + 5 * DAY
    outlook.book(midnight, midnight + DAY, "Whole day", is_all_day=True)
    days = outlook.book_series(world.at(50), HOUR, days=1, count=5, subject="Daily",
                               time_zone="Europe/London")  # fmt: skip
    outlook.move(days[1], world.at(50 + 24 + 3))
    outlook.change(days[2], subject="Other words")
    outlook.delete(days[3])
    world.settle()


def here(world: MovingWorld) -> list[tuple[Any, ...]]:
    rows = Booking.objects.filter(resource=world.resource)
    return sorted(
        (row.pk, row.revision, row.status, row.starts_at, row.ends_at, row.title) for row in rows
    )


def test_moved_calendar_that_nobody_changed_writes_nothing_and_keeps_every_pair(
    world: MovingWorld,
) -> None:
    furnish(world)
    bookings, links, prints = here(world), world.links(), world.fingerprints()
    world.forget_requests()

    move = world.go_over()
    world.settle()

    assert move.state == Move.State.ENDED
    assert world.calendar.connection == world.over_graph
    assert world.calendar.state == "in_sync"
    assert world.writes() == []
    assert world.links() == links
    assert here(world) == bookings
    assert world.fingerprints() == prints
    assert all(world.requests()[-1].startswith(verb) for verb in ("GET",))


def test_way_back_is_as_quiet(world: MovingWorld) -> None:
    furnish(world)
    bookings, links, keys = here(world), world.links(), world.calendar.mailbox_key
    items = dict(EventLink.objects.values_list("pk", "item_id"))
    move = world.go_over()
    world.settle()
    world.forget_requests()

    world.undo(move)
    world.settle()

    assert world.calendar.connection == world.over_ews
    assert world.calendar.mailbox_key == keys
    assert dict(EventLink.objects.values_list("pk", "item_id")) == items
    assert world.writes() == []
    assert (here(world), world.links()) == (bookings, links)


def test_preview_counts_and_changes_nothing(world: MovingWorld) -> None:
    furnish(world)
    before = world.links(), world.fingerprints(), world.calendar.mailbox_key
    world.forget_requests()

    move = world.preview()

    row = move.calendars.get()
    pairs = EventLink.objects.filter(state="live").count()
    assert move.state == Move.State.PREVIEWED
    assert (row.translated, row.matched, row.missing, row.in_flight) == (pairs, 0, 0, 0)
    assert world.writes() == []
    assert (world.links(), world.fingerprints(), world.calendar.mailbox_key) == before
    assert world.calendar.connection == world.over_ews
    assert not KeptId.objects.exists()


def refuse_to_translate(world: MovingWorld) -> None:
    world.fault(
        "error", operation="POST translateExchangeIds", code="ErrorAccessDenied", count=None
    )


def test_where_ids_are_not_translated_pairs_are_found_by_uid(world: MovingWorld) -> None:
    furnish(world)
    bookings, links = here(world), world.links()
    refuse_to_translate(world)
    world.forget_requests()

    move = world.go_over()
    world.settle()

    row = move.calendars.get()
    assert (row.translated, row.missing) == (0, 0)
    assert row.matched == EventLink.objects.filter(state="live").count()
    assert world.writes() == []
    assert (here(world), world.links()) == (bookings, links)


def test_what_was_changed_on_both_sides_meanwhile_is_agreed_on_after_the_move(
    world: MovingWorld,
) -> None:
    ours, gone = world.book(24), world.book(40)
    theirs = world.outlook.book(world.at(28), world.at(29), "Theirs")
    world.settle()
    move = world.preview()
    world.outlook.move(world.key_of(ours), world.at(70))
    world.outlook.delete(world.key_of(gone))
    world.outlook.move(theirs, world.at(80))
    late = world.book(90, "Late")
    moving.start(move, by=None)
    world.work(move)

    world.settle()

    assert world.blocking_here() == world.blocking_there()
    ours.refresh_from_db()
    gone.refresh_from_db()
    assert ours.starts_at == world.at(70)
    assert gone.status == "cancelled"
    assert EventLink.objects.get(booking=late).state == "live"
    assert world.sync().counts == {}


@pytest.mark.parametrize("direction", ["away", "back"])
def test_create_whose_reply_was_lost_goes_along_as_one_event(
    world: MovingWorld, direction: str
) -> None:
    world.book(24)
    world.settle()
    move = world.go_over() if direction == "back" else None
    world.settle()
    booking = world.book(50, "Lost reply")
    if direction == "away":
        world.fault("cut-after", operation="CreateItem")
    else:
        world.fault("cut-after", operation="POST events")
    world.sync()
    assert EventLink.objects.get(booking=booking).state == "creating"
    begun = begin(world, move)
    world.work(begun)
    assert begun.state == Move.State.MOVING, "it waits for what may still arrive"
    world.later(dt.timedelta(minutes=6))
    world.forget_requests()

    world.work(begun)
    world.settle()

    assert begun.state == Move.State.ENDED
    assert EventLink.objects.get(booking=booking).state == "live"
    assert world.blocking_there() == world.blocking_here()
    assert world.writes() == []


def begin(world: MovingWorld, move: Move | None) -> Move:
    """Start to go away, or back."""
    if move is not None:
        return moving.undo(move, by=None, now=world.now)
    begun = world.preview()
    moving.start(begun, by=None)
    return begun


def test_booking_that_was_never_sent_is_sent_once_over_the_new_wire(world: MovingWorld) -> None:
    world.settle()
    world.book(24)

    world.go_over()
    world.settle()

    assert world.blocking_there() == [(world.at(24), world.at(25))]
    assert [one for one in world.requests() if one in ("CreateItem", "POST events")] == [
        "POST events"
    ]


def test_held_losses_conflicts_and_sleeping_links_go_along(world: MovingWorld) -> None:
    bookings = [world.book(24 + 2 * number) for number in range(4)]
    world.settle()
    for booking in bookings[:2]:
        world.outlook.delete(world.key_of(booking))
    world.outlook.move(world.key_of(bookings[2]), world.at(60))
    world.move(bookings[2], 62)
    world.settle()
    held, conflicts = world.held(), world.conflicts()
    assert held or conflicts
    asleep = EventLink.objects.create(
        calendar=world.calendar, booking=bookings[3], state="dormant",
        mailbox_key=world.calendar.mailbox_key or "",
        item_id=world.key_of(bookings[3]).item_id,
    )  # fmt: skip

    world.go_over()
    world.settle()

    assert [link.pk for link in world.held()] == [link.pk for link in held]
    assert [row.pk for row in world.conflicts()] == [row.pk for row in conflicts]
    asleep.refresh_from_db()
    assert asleep.mailbox_key == world.calendar.mailbox_key
    assert asleep.item_id == EventLink.objects.get(booking=bookings[3], state="live").item_id


def test_another_mailbox_over_there_stops_the_move(world: MovingWorld) -> None:
    furnish(world)
    bookings = here(world)
    world.outlook.recreate_mailbox()

    move = world.go_over()

    row = move.calendars.get()
    assert row.state == CalendarMove.State.STOPPED
    assert "another mailbox" in row.cause
    assert world.calendar.connection == world.over_ews
    assert here(world) == bookings


def test_mailbox_without_rights_over_there_stops_and_can_be_tried_again(
    world: MovingWorld,
) -> None:
    furnish(world)
    organisation = world.server.store.organisation("example.com")
    organisation.rbac_scope = frozenset({"other@example.com"})
    move = world.go_over()
    stopped = move.calendars.get()
    organisation.rbac_scope = None

    moving.try_again(move, by=None)
    world.work(move)

    assert stopped.state == CalendarMove.State.STOPPED
    assert stopped.fix
    assert move.state == Move.State.ENDED
    assert move.calendars.get().state == CalendarMove.State.MOVED


def test_exchange_online_that_has_ended_ews_does_not_keep_a_calendar_from_moving(
    world: MovingWorld,
) -> None:
    furnish(world)
    organisation = world.server.store.organisation("example.com")
    organisation.ews_allowed_apps = frozenset()
    world.sync()
    assert world.calendar.state == "needs_attention"

    world.go_over()
    world.settle()

    assert world.calendar.state == "in_sync"
    assert world.blocking_here() == world.blocking_there()


def test_moved_changed_undone(world: MovingWorld) -> None:
    furnish(world)
    move = world.go_over()
    world.settle()
    made_here = world.book(100, "Made over Graph")
    made_there = world.outlook.book(world.at(104), world.at(105), "Theirs over Graph")
    ours = Booking.objects.get(title="Stand-up")
    world.move(ours, 110)
    world.settle()
    world.outlook.move(made_there, world.at(107))
    world.move(made_here, 150)
    world.forget_requests()

    world.undo(move)
    world.settle()

    assert world.calendar.connection == world.over_ews
    assert world.blocking_here() == world.blocking_there()
    assert world.writes() == ["UpdateItem"]
    links = EventLink.objects.filter(state="live")
    assert links.count() == len({(one.item_id, one.original_start) for one in links})
    assert not RemoteEvent.objects.filter(calendar=world.calendar).exclude(
        item_id__in=world.mailbox.items
    )


def test_undone_move_can_be_made_again(world: MovingWorld) -> None:
    furnish(world)
    links = world.links()
    world.undo(world.go_over())
    world.settle()
    world.forget_requests()

    world.go_over()
    world.settle()

    assert world.links() == links
    assert world.writes() == []


def test_way_back_closes_after_thirty_days_and_with_ews(world: MovingWorld) -> None:
    move = world.go_over()
    after = world.now + dt.timedelta(days=29)

    assert moving.why_not_undone(move, world.now) == ""
    assert moving.why_not_undone(move, after) == ""
    assert moving.why_not_undone(move, dt.datetime(2027, 4, 1, 1, tzinfo=dt.UTC))
    assert moving.why_not_undone(move, world.now + dt.timedelta(days=31))
    with pytest.raises(moving.MoveRefused):
        moving.undo(move, by=None, now=dt.datetime(2027, 4, 2, tzinfo=dt.UTC))


def test_ids_are_forgotten_when_nobody_can_go_back(world: MovingWorld) -> None:
    furnish(world)
    world.go_over()
    kept = KeptId.objects.count()

    assert moving.forget_old_ids() == 0
    assert kept > 0
    KeptId.objects.update(kept_at=world.now - dt.timedelta(days=31))
    assert moving.forget_old_ids(world.now) == kept


class Killed(BaseException):
    """Nothing after this was done, and nobody tidied up."""


class Killer:
    """Kills the worker before its nth step: a request, or the change of the rows, or after that."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = 0
        self.is_armed = self.is_dead = False
        send, release = transport.Adapter.send, moving._release

        def counted_send(adapter: Any, *args: Any, **kwargs: Any) -> Any:
            self.step()
            return send(adapter, *args, **kwargs)

        def counted_carry(*args: Any) -> None:
            self.step()
            move_calendar.carry(*args)
            self.step()

        def dead_or_alive(lease: Any) -> None:
            if not self.is_dead:
                release(lease)

        monkeypatch.setattr(transport.Adapter, "send", counted_send)
        monkeypatch.setattr(moving, "carry", counted_carry)
        monkeypatch.setattr(moving, "_release", dead_or_alive)

    def step(self) -> None:
        if not self.is_armed:
            return
        self.left -= 1
        if self.left < 0:
            self.is_dead = True
            raise Killed

    def kills(self, world: MovingWorld, move: Move, steps: int) -> bool:
        """Let a worker take so many steps; whether it was killed before it was done."""
        self.left, self.is_armed, self.is_dead = steps, True, False
        try:
            world.work(move)
        except Killed:
            return True
        finally:
            self.is_armed = self.is_dead = False
        return False


@pytest.mark.parametrize("translates", [True, False], ids=["by id", "by UID"])
def test_worker_killed_between_any_two_steps_loses_and_doubles_nothing(
    world: MovingWorld, monkeypatch: pytest.MonkeyPatch, translates: bool
) -> None:
    furnish(world)
    bookings, links = here(world), world.links()
    if not translates:
        refuse_to_translate(world)
    killer = Killer(monkeypatch)
    begun = world.preview()
    moving.start(begun, by=None)
    world.forget_requests()

    deaths = 0
    while killer.kills(world, begun, steps=deaths):
        deaths += 1
        # Its lease on the calendar, and on the move, ends by itself.
        world.later(dt.timedelta(minutes=4))
        assert moving.dispatch(world.now) == 1
    world.settle()

    assert deaths >= (4 if translates else 12)
    assert begun.state == Move.State.ENDED
    assert world.calendar.connection == world.over_graph
    assert world.calendar.state == "in_sync"
    assert world.writes() == []
    assert (here(world), world.links()) == (bookings, links)


def test_two_workers_do_not_move_one_calendar_at_once(world: MovingWorld) -> None:
    furnish(world)
    begun = world.preview()
    moving.start(begun, by=None)
    Move.objects.update(worked_until=world.now + dt.timedelta(minutes=1))

    assert not moving.carry_on(begun.pk, world.clock)
    assert begun.calendars.get().state == CalendarMove.State.WAITING

    Move.objects.update(worked_until=world.now)
    lease = acquire(world.calendar.pk, world.clock)
    assert lease is not None
    moving.carry_on(begun.pk, world.clock)
    assert begun.calendars.get().state == CalendarMove.State.WAITING
    lease.release()
    world.later(dt.timedelta(minutes=1))
    world.work(begun)
    assert begun.state == Move.State.ENDED


def test_calendar_that_is_disconnected_meanwhile_is_left_out(world: MovingWorld) -> None:
    furnish(world)
    begun = world.preview()
    leave.leave(world.calendar, keeps_ours_there=True, keeps_theirs_here=True)
    moving.start(begun, by=None)

    world.work(begun)

    assert begun.calendars.get().state == CalendarMove.State.LEFT_OUT
    assert begun.state == Move.State.ENDED


def test_paused_calendar_moves_and_stays_paused(world: MovingWorld) -> None:
    furnish(world)
    connecting.pause(world.calendar)

    world.go_over()

    assert world.calendar.state == "paused"
    assert world.calendar.connection == world.over_graph


def test_busy_server_puts_a_calendar_off_and_then_gives_up(world: MovingWorld) -> None:
    furnish(world)
    begun = world.preview()
    moving.start(begun, by=None)
    world.fault("busy", operation="POST $batch", seconds=20, count=None)

    for _number in range(moving.MOST_FAILURES):
        world.work(begun)
        world.later(HOUR)

    row = begun.calendars.get()
    assert row.state == CalendarMove.State.STOPPED
    assert "busy" in row.cause
    assert world.calendar.connection == world.over_ews


def test_move_leads_from_ews_to_graph_of_the_same_organisation(world: MovingWorld) -> None:
    assert moving.targets(world.over_ews) == [world.over_graph]
    assert moving.targets(world.over_graph) == []
    world.over_graph.organisation_id = "another"
    world.over_graph.save()

    assert moving.targets(world.over_ews) == []
    with pytest.raises(moving.MoveRefused):
        moving.preview(world.over_ews, world.over_graph, by=None)


def test_one_move_at_a_time_and_a_preview_can_be_dropped(world: MovingWorld) -> None:
    first = world.preview()

    with pytest.raises(moving.MoveRefused):
        moving.preview(world.over_ews, world.over_graph, by=None)
    assert moving.open_move(world.over_ews) == first
    moving.drop(first)
    assert world.preview().state == Move.State.PREVIEWED


def test_way_back_is_open_when_graph_is_out_of_order(world: MovingWorld) -> None:
    furnish(world)
    bookings, links = here(world), world.links()
    move = world.go_over()
    world.settle()
    world.server.store.organisation("example.com").rbac_scope = frozenset()
    world.sync()
    assert world.calendar.state == "needs_attention"
    world.server.store.organisation("example.com").rbac_scope = None
    for operation in ("POST translateExchangeIds", "GET calendarView", "POST $batch"):
        world.fault("error", operation=operation, code="InvalidAuthenticationToken", count=None)
    world.forget_requests()

    world.undo(move)
    world.settle()

    world.over_ews.refresh_from_db()
    assert world.over_ews.stopped_at is None
    assert world.calendar.connection == world.over_ews
    assert world.writes() == []
    assert (here(world), world.links()) == (bookings, links)


def test_error_of_our_own_stops_one_calendar_without_its_words(
    world: MovingWorld, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    furnish(world)

    def broken(*_args: Any) -> None:
        raise ValueError(SECRET)

    monkeypatch.setattr(moving, "carry", broken)

    move = world.go_over()

    row = move.calendars.get()
    assert (move.state, row.state) == (Move.State.ENDED, CalendarMove.State.STOPPED)
    assert "ValueError" in row.cause
    assert SECRET not in row.cause + caplog.text
    assert world.calendar.connection == world.over_ews


def test_mailbox_of_a_server_that_went_to_exchange_online_moves_too(world: MovingWorld) -> None:
    furnish(world)
    links = world.links()
    ExchangeConnection.objects.filter(pk=world.over_ews.pk).update(
        kind="exchange_server", access="impersonation", organisation_id=""
    )
    world.over_ews.refresh_from_db()
    refuse_to_translate(world)
    # Its folder has another id over there.
    CalendarLink.objects.filter(pk=world.calendar.pk).update(folder_id="on premises")
    world.forget_requests()

    move = world.go_over()
    world.settle()

    assert move.calendars.get().missing == 0
    assert world.calendar.state == "in_sync"
    assert world.writes() == []
    assert world.links() == links


def test_tasks_look_move_and_forget(world: MovingWorld) -> None:
    furnish(world)
    move = moving.preview(world.over_ews, world.over_graph, by=None)

    assert tasks.carry_on_move(move.pk) == "done, or waits"
    move.refresh_from_db()
    assert move.state == Move.State.PREVIEWED
    assert "moves 0" in tasks.dispatch()
    assert "forgot 0" in tasks.release_claims()
    moving.start(move, by=None)
    Move.objects.update(worked_until=dt.datetime(2026, 1, 1, tzinfo=dt.UTC))
    assert "moves 1" in tasks.dispatch()


def test_calendar_that_is_just_being_connected_again_moves_and_wakes(world: MovingWorld) -> None:
    furnish(world)
    bookings = here(world)
    leave.uninstall(world.over_ews, keeps_ours_there=True, keeps_theirs_here=True)
    over_ews = microsoft(world.server, world.resource.tenant, "ews", "Again over EWS")
    world.calendar.refresh_from_db()
    connecting.reconnect([world.calendar], over_ews)
    world.over_ews = over_ews

    world.go_over()
    world.settle()

    assert world.calendar.connection == world.over_graph
    assert here(world) == bookings
    assert not EventLink.objects.filter(state="dormant").exists()


def another_calendar(world: MovingWorld) -> CalendarLink:
    """A second one on the same connection, which has never been opened."""
    resource = ResourceFactory.create(location=world.resource.location)
    add_room(world.server, "attic@example.com")
    return CalendarLink.objects.create(
        resource=resource, connection=world.over_ews, email="attic@example.com",
        mailbox_key="attic", lease_until=world.now - DAY, due_at=world.now,
    )  # fmt: skip


def test_refused_sign_in_is_tried_for_one_calendar_and_stops_the_others(
    world: MovingWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    furnish(world)
    another_calendar(world)
    begun = world.preview()
    moving.start(begun, by=None)
    asked: list[str] = []

    def refused(calendar: CalendarLink, *_more: object) -> move_calendar.Look:
        asked.append(calendar.email)
        raise errors.AuthenticationFailed("The password is wrong.", fix="Type it again.")

    monkeypatch.setattr(moving, "look", refused)

    world.work(begun)

    stopped = CalendarMove.State.STOPPED
    told = {(row.state, row.error_kind, row.cause, row.fix) for row in begun.calendars.all()}
    assert told == {
        (stopped, kind, "The password is wrong.", "Type it again.")
        for kind in ("sign-in", "stopped")
    }
    moving.try_again(begun, by=None)
    world.work(begun)
    assert len(asked) == 1


def test_server_that_wants_to_be_left_alone_is_left_alone_by_a_move_too(
    world: MovingWorld,
) -> None:
    furnish(world)
    begun = world.preview()
    moving.start(begun, by=None)
    ExchangeConnection.objects.filter(pk=world.over_graph.pk).update(paused_until=world.now + HOUR)
    world.forget_requests()

    world.work(begun)

    assert world.requests() == []
    assert begun.calendars.get().failures == 0
    world.later(HOUR)
    world.work(begun)
    assert begun.state == Move.State.ENDED


def test_worker_that_comes_late_takes_no_way_back(world: MovingWorld) -> None:
    furnish(world)
    begun = world.preview()
    moving.start(begun, by=None)
    late = begun.calendars.get()
    world.work(begun)

    # It had chosen the calendar before the first worker was done with it.
    moving._step(begun, late, world.clock)

    assert begun.calendars.get().state == CalendarMove.State.MOVED
    assert moving.why_not_undone(begun, world.now) == ""


def test_many_pairs_are_found_by_their_uids_without_a_search_each(world: MovingWorld) -> None:
    for number in range(recognising.SEARCHED_FOR + 10):
        world.outlook.book(world.at(24 + number), world.at(25 + number), f"Event {number}")
    world.outlook.book_series(world.at(100), HOUR, days=1, count=3, subject="Daily",
                              time_zone="Europe/London")  # fmt: skip
    world.settle()
    bookings, links = here(world), world.links()
    refuse_to_translate(world)
    world.forget_requests()

    move = world.go_over()
    world.settle()

    assert move.calendars.get().missing == 0
    # The series is searched for, by preview and move.
    assert len([one for one in world.requests() if one == "GET events"]) == 2
    assert world.writes() == []
    assert (here(world), world.links()) == (bookings, links)
