"""Push over EWS, on a served sandbox."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator

import pytest

from apps.exchange import errors
from apps.exchange.calendar import Content
from apps.exchange.ews.calendar import EwsCalendar
from apps.exchange.ews.session import EwsSettings
from apps.exchange.ews.streaming import EwsPushes
from apps.exchange.ews.wire import Wire
from apps.exchange.push import Heard
from apps.sandbox.server import SandboxServer, serve
from apps.sandbox.streaming import Settings
from tests.sandbox.wire import OTHER_ROOM, PASSWORD, ROOM, SERVICE, STRANGER, filled_store

NOON = dt.datetime(2027, 3, 1, 12, tzinfo=dt.UTC)
CONTENT = Content("Stand-up", NOON, NOON + dt.timedelta(hours=1), False, "Europe/London")


@pytest.fixture
def server() -> Iterator[SandboxServer]:
    """A minute is short here, so that streams of five minutes soon end by themselves."""
    with serve(
        filled_store(), check_answers=True, streaming=Settings(minute=0.3, heartbeat=0.2)
    ) as running:
        yield running
    assert running.ews.invalid_answers == []
    assert running.errors == []


def settings_for(server: SandboxServer, password: str = PASSWORD) -> EwsSettings:
    return EwsSettings(server.ews_url, SERVICE, password, key=server.url)


def write(server: SandboxServer, email: str) -> None:
    calendar = EwsCalendar(Wire(settings_for(server), email))
    calendar.create(CONTENT, stamp="1:a:b:c", attempt_id=f"attempt-{email}")


@pytest.mark.parametrize("sign_in", ["basic", "ntlm"])
def test_change_is_heard_and_says_whose(server: SandboxServer, sign_in: str) -> None:
    settings = EwsSettings(server.ews_url, "HARBOUR\\svc", PASSWORD, auth=sign_in, key=server.url)
    pushes = EwsPushes(settings)
    room, other = pushes.subscribe(ROOM), pushes.subscribe(OTHER_ROOM)
    stream = pushes.listen([room, other])
    assert next(stream) == Heard()

    write(server, OTHER_ROOM)

    assert next(heard for heard in stream if heard.changed).changed == (other,)
    stream.close()


def test_what_happened_between_two_streams_is_heard_by_the_next(server: SandboxServer) -> None:
    pushes = EwsPushes(settings_for(server))
    room = pushes.subscribe(ROOM)
    write(server, ROOM)

    assert next(heard for heard in pushes.listen([room]) if heard.changed).changed == (room,)


def test_signs_of_life_come_and_the_server_ends_the_stream(server: SandboxServer) -> None:
    pushes = EwsPushes(settings_for(server))

    heard = list(pushes.listen([pushes.subscribe(ROOM)]))

    assert len(heard) >= 3
    assert not any(one.changed or one.lost for one in heard)


def test_lost_subscription_is_told(server: SandboxServer) -> None:
    pushes = EwsPushes(settings_for(server))
    room, other = pushes.subscribe(ROOM), pushes.subscribe(OTHER_ROOM)
    stream = pushes.listen([room, other])
    next(stream)

    server.subscriptions.lose(server.store.mailbox(ROOM).id)

    assert next(heard for heard in stream if heard.lost).lost == (room,)
    stream.close()


def test_stream_does_not_hold_up_other_requests(server: SandboxServer) -> None:
    pushes = EwsPushes(settings_for(server))
    streams = [pushes.listen([pushes.subscribe(ROOM)]) for _number in range(9)]
    for stream in streams:
        next(stream)

    write(server, OTHER_ROOM)

    for stream in streams:
        stream.close()


def test_refused_sign_in_is_told_as_such(server: SandboxServer) -> None:
    pushes = EwsPushes(settings_for(server, "wrong"))

    with pytest.raises(errors.AuthenticationFailed):
        pushes.subscribe(ROOM)

    assert sum(server.sign_ins.refused.values()) == 1


def test_mailbox_without_rights_is_told_as_such(server: SandboxServer) -> None:
    with pytest.raises(errors.ExchangeError):
        EwsPushes(settings_for(server)).subscribe(STRANGER)


def test_server_that_goes_away_breaks_the_stream(server: SandboxServer) -> None:
    pushes = EwsPushes(settings_for(server))
    stream = pushes.listen([pushes.subscribe(ROOM)])
    next(stream)
    threading.Timer(0.2, server._http.close_connections).start()

    with pytest.raises(errors.Transient):
        list(stream)
