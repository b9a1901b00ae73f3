"""A scripted Exchange on loopback, and settings under which it may be spoken to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.exchange.ews import session
from apps.exchange.ews.calendar import EwsCalendar
from apps.sandbox.server import SandboxServer, serve
from apps.sandbox.store import Store
from tests.exchange.ews.sandbox_room import SandboxRoom
from tests.exchange.ews.soap import Exchange
from tests.exchange.http import serving


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings: Any) -> Iterator[None]:
    settings.EXCHANGE_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = ["127.0.0.1"]
    yield
    session.close_connections()


@pytest.fixture
def exchange() -> Iterator[Exchange]:
    with serving() as server:
        yield Exchange(server)


@pytest.fixture
def calendar(exchange: Exchange) -> EwsCalendar:
    return EwsCalendar(exchange.wire())


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxServer]:
    with serve(Store(), check_answers=True) as server:
        yield server


@pytest.fixture
def sound(sandbox: SandboxServer) -> Iterator[SandboxServer]:
    """The sandbox without yesterday's faults; what it answers keeps to the schema."""
    sandbox.faults.forget()
    sandbox.ews.check_answers = True
    sandbox.ews.invalid_answers.clear()
    sandbox.errors.clear()
    sandbox.requests.forget()
    yield sandbox
    assert sandbox.ews.invalid_answers == []
    assert sandbox.errors == []


@pytest.fixture
def room(sound: SandboxServer) -> SandboxRoom:
    return SandboxRoom(sound)
