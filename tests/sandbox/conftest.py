"""A sandbox with a small organisation, served over loopback; every answer is checked against the schema."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.sandbox.server import SandboxServer, serve
from apps.sandbox.store import Store
from apps.sandbox.streaming import Settings
from tests.sandbox import microsoft, wire
from tests.sandbox.graph import Graph, connect


@pytest.fixture
def store() -> Store:
    return wire.filled_store()


@pytest.fixture
def server(store: Store) -> Iterator[SandboxServer]:
    """Minutes last two seconds here, and a stream shows signs of life ten times in one."""
    with serve(store, check_answers=True, streaming=Settings(minute=2.0, heartbeat=0.2)) as running:
        yield running
        wire.forget_connections()
    assert running.ews.invalid_answers == []
    assert running.errors == []


@pytest.fixture
def graph(server: SandboxServer) -> Graph:
    """Graph, with a token of an application that may open every mailbox of the Microsoft organisation."""
    microsoft.organisation(server.store)
    microsoft.registration(server.store)
    return connect(server)
