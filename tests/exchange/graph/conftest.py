"""The sandbox's Graph on loopback, a scripted one, and settings under which both may be spoken to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.exchange.graph import session
from apps.exchange.graph.session import ACCOUNT
from apps.sandbox.server import SandboxServer, serve
from apps.sandbox.store import Store
from tests.exchange.graph.sandbox_room import GraphRoom
from tests.exchange.graph.scripted import Graph
from tests.exchange.http import serving


@pytest.fixture(autouse=True)
def _loopback_is_allowed(settings: Any) -> Iterator[None]:
    settings.EXCHANGE_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = ["127.0.0.1"]
    yield
    session.close_connections()


@pytest.fixture
def graph() -> Iterator[Graph]:
    with serving() as server:
        yield Graph(server)


@pytest.fixture(scope="session")
def sandbox() -> Iterator[SandboxServer]:
    with serve(Store()) as server:
        yield server


@pytest.fixture
def sound(sandbox: SandboxServer) -> Iterator[SandboxServer]:
    """The sandbox without yesterday's faults."""
    sandbox.faults.forget()
    sandbox.errors.clear()
    sandbox.requests.forget()
    yield sandbox
    assert sandbox.errors == []


@pytest.fixture
def room(sound: SandboxServer) -> GraphRoom:
    return GraphRoom(sound)


@pytest.fixture
def shared(sound: SandboxServer) -> GraphRoom:
    """As an account sees it."""
    return GraphRoom(sound, access=ACCOUNT)
