"""Push wakes the sync, whatever becomes of the streams."""

from __future__ import annotations

import datetime as dt
import queue
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from typing import Any

import pytest
from django_q.models import OrmQ

from apps.exchange import errors
from apps.exchange.models import ExchangeConnection
from apps.exchange.push import Heard
from apps.resources.models import Location
from apps.sync import dispatch
from apps.sync.listener import Listener
from apps.sync.models import CalendarLink
from tests.factories import ResourceFactory
from tests.sync.world import NOW, World, make_world

pytestmark = pytest.mark.django_db

SECOND = dt.timedelta(seconds=1)
END = object()


class Wire:
    """A server's push, told by the test what to say."""

    most_a_stream = 2
    most_streams = 2

    def __init__(self) -> None:
        self.subscribed: list[str] = []
        self.streams: list[tuple[list[str], queue.Queue[Any]]] = []
        self.refusal: errors.ExchangeError | None = None

    def subscribe(self, email: str) -> str:
        if self.refusal is not None:
            raise self.refusal
        self.subscribed.append(email)
        return f"{email}#{len(self.subscribed)}"

    def listen(self, subscriptions: Sequence[str]) -> Iterator[Heard]:
        says: queue.Queue[Any] = queue.Queue()
        self.streams.append((list(subscriptions), says))
        while (said := says.get(timeout=20)) is not END:
            if isinstance(said, errors.ExchangeError):
                raise said
            yield said

    def say(self, what: object, stream: int = -1) -> None:
        self.streams[stream][1].put(what)


WIRES: dict[int, Wire] = {}


def pushes_for(connection: ExchangeConnection) -> Wire | None:
    return WIRES.get(connection.pk)


@pytest.fixture
def wire(world: World, settings: Any) -> Iterator[Wire]:
    settings.PUSH_FACTORY = "tests.sync.test_listener.pushes_for"
    world.sync()
    connection = ExchangeConnection.objects.get()
    WIRES[connection.pk] = Wire()
    yield WIRES[connection.pk]
    for _subscriptions, says in WIRES.pop(connection.pk).streams:
        says.put(END)


@pytest.fixture
def listener(world: World) -> Listener:
    return Listener(clock=world.clock)


def until(listener: Listener, what: Callable[[], object]) -> None:
    """Turn the loop until something is so; streams run in threads of their own."""
    deadline = time.monotonic() + 10
    while not what():
        assert time.monotonic() < deadline
        listener.step(patience=0.01)


def started(listener: Listener, wire: Wire, streams: int = 1) -> None:
    until(listener, lambda: len(wire.streams) >= streams)
    OrmQ.objects.all().delete()


def later(world: World, listener: Listener, by: dt.timedelta) -> None:
    world.later(by)
    listener.step(patience=0.01)


def test_change_in_the_mailbox_nudges_its_calendar(
    world: World, wire: Wire, listener: Listener
) -> None:
    started(listener, wire)

    wire.say(Heard(changed=(wire.streams[0][0][0],)))
    until(listener, lambda: listener.changed)
    later(world, listener, SECOND)

    assert OrmQ.objects.count() == 1


def test_several_events_for_one_change_cost_one_nudge(
    world: World, wire: Wire, listener: Listener
) -> None:
    started(listener, wire)

    for _number in range(5):
        wire.say(Heard(changed=(wire.streams[0][0][0],)))
    until(listener, lambda: listener.changed and wire.streams[0][1].empty())
    later(world, listener, SECOND)

    assert OrmQ.objects.count() == 1


def test_subscribing_looks_once_since_earlier_changes_are_not_told(
    wire: Wire, listener: Listener
) -> None:
    until(listener, lambda: wire.streams)

    assert OrmQ.objects.count() == 1


def test_calendar_that_is_listened_to_is_polled_less_often(
    world: World, wire: Wire, listener: Listener
) -> None:
    started(listener, wire)
    wire.say(Heard())
    until(listener, lambda: CalendarLink.objects.exclude(heard_at=None).exists())

    world.sync()

    assert world.calendar.due_at - world.now >= dt.timedelta(minutes=5)


def test_silent_server_is_polled_as_if_there_were_no_push(
    world: World, wire: Wire, listener: Listener
) -> None:
    started(listener, wire)
    wire.say(Heard())
    until(listener, lambda: CalendarLink.objects.exclude(heard_at=None).exists())
    world.later(dt.timedelta(minutes=3))

    world.sync()

    assert world.calendar.due_at - world.now < dt.timedelta(minutes=2)


def test_lost_subscription_is_made_anew_and_followed_by_a_look(
    world: World, wire: Wire, listener: Listener
) -> None:
    started(listener, wire)
    (lost,) = wire.streams[0][0]

    wire.say(Heard(lost=(lost,)))
    until(listener, lambda: not listener.servers[world.connection_id].subscriptions)
    world.later(11 * SECOND)
    until(listener, lambda: len(wire.streams) == 2)

    assert len(wire.subscribed) == 2
    assert OrmQ.objects.count() == 1


def test_broken_stream_is_opened_again_after_a_while(
    world: World, wire: Wire, listener: Listener
) -> None:
    started(listener, wire)

    wire.say(errors.Transient("Connection reset."))
    until(listener, lambda: not listener.servers[world.connection_id].streams)
    assert len(wire.streams) == 1
    later(world, listener, 5 * SECOND)
    assert len(wire.streams) == 1
    world.later(20 * SECOND)
    until(listener, lambda: len(wire.streams) == 2)

    assert len(wire.subscribed) == 2


def test_stream_that_the_server_ends_goes_on_with_the_same_subscriptions(
    world: World, wire: Wire, listener: Listener
) -> None:
    started(listener, wire)

    wire.say(END)
    until(listener, lambda: len(wire.streams) == 2)

    assert len(wire.subscribed) == 1
    assert not OrmQ.objects.exists()


def test_streams_carry_no_more_than_the_server_bears(
    world: World, wire: Wire, listener: Listener, location: Location
) -> None:
    for number in range(5):
        other = make_world(ResourceFactory.create(location=location), f"r{number}@example.com")
        other.sync()

    started(listener, wire, streams=2)
    later(world, listener, 11 * SECOND)

    assert [len(subscriptions) for subscriptions, _says in wire.streams] == [2, 2]


def test_two_listeners_share_the_calendars(world: World, wire: Wire, listener: Listener) -> None:
    started(listener, wire)
    second = Listener(clock=world.clock)

    second.step(patience=0.01)

    assert not second.servers
    world.later(2 * dt.timedelta(minutes=1))
    second.step(patience=0.01)
    assert CalendarLink.objects.get().push_token == second.token


def test_listener_that_ends_gives_its_calendars_to_others(
    world: World, wire: Wire, listener: Listener
) -> None:
    started(listener, wire)
    listener.is_stopping = True

    listener.run()

    second = Listener(clock=world.clock)
    second.step(patience=0.01)
    assert CalendarLink.objects.get().push_token == second.token


def test_refused_sign_in_stops_the_connection_at_the_first_try(
    world: World, wire: Wire, listener: Listener, location: Location
) -> None:
    make_world(ResourceFactory.create(location=location), "other@example.com").sync()
    wire.refusal = errors.AuthenticationFailed("The password was refused.")

    for _number in range(5):
        later(world, listener, 11 * SECOND)

    assert ExchangeConnection.objects.get().stopped_at is not None
    assert not listener.servers


def test_mailbox_that_cannot_be_watched_is_tried_again_ever_later(
    world: World, wire: Wire, listener: Listener
) -> None:
    tries: list[dt.datetime] = []
    refused = errors.AccessDenied("No right.")

    def subscribe(_email: str) -> str:
        tries.append(world.now)
        raise refused

    wire.subscribe = subscribe  # type: ignore[assignment, method-assign]
    for _number in range(20):
        later(world, listener, 11 * SECOND)

    gaps = [later_try - try_ for try_, later_try in pairwise(tries)]
    assert gaps == sorted(gaps)
    assert 3 <= len(tries) <= 6


def test_calendar_that_was_left_is_no_longer_listened_to(
    world: World, wire: Wire, listener: Listener
) -> None:
    started(listener, wire)
    CalendarLink.objects.update(state=CalendarLink.State.PAUSED)

    later(world, listener, 11 * SECOND)

    assert not listener.servers


def test_push_makes_calendars_due_every_five_minutes() -> None:
    starts = [dispatch.next_due(NOW, is_pushed=True) for _number in range(20)]

    assert all(300 <= (at - NOW).total_seconds() <= 360 for at in starts)
