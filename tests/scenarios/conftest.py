"""One sandbox for the tests of a module, emptied before each; all that it answered kept its own schema."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.exchange.ews import session
from apps.exchange.graph import session as graph
from apps.resources.models import Resource
from apps.sandbox.server import SandboxServer, serve
from apps.sandbox.store import Store
from apps.sandbox.streaming import Settings
from tests.scenarios.graph_world import furnish_microsoft, make_graph_world
from tests.scenarios.world import EwsWorld, forget, furnish, make_world


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with serve(
        Store(seed=7), check_answers=True, streaming=Settings(minute=1, heartbeat=0.2)
    ) as server:
        yield server
        session.close_connections()


@pytest.fixture
def server(sandbox: SandboxServer) -> Iterator[SandboxServer]:
    furnish(sandbox)
    yield sandbox
    assert sandbox.ews.invalid_answers == []
    assert sandbox.errors == []


@pytest.fixture(autouse=True)
def _calendars_on_the_sandbox(settings: Any) -> Iterator[None]:
    settings.EXCHANGE_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = ["127.0.0.1"]
    settings.CALENDAR_FACTORY = "tests.scenarios.world.calendar_for"
    for name in (
        "MICROSOFT_CLIENT_ID", "MICROSOFT_CLIENT_SECRET", "MICROSOFT_LOGIN_URL",
        "MICROSOFT_GRAPH_URL", "MICROSOFT_EWS_URL",
    ):  # fmt: skip
        # So that what a world sets is put back.
        setattr(settings, name, getattr(settings, name))
    yield
    forget()
    session.close_connections()
    graph.close_connections()


@pytest.fixture
def world(wire: str, server: SandboxServer, resource: Resource) -> EwsWorld:
    if wire == "graph":
        furnish_microsoft(server)
        return make_graph_world(server, resource)
    return make_world(server, resource)


@pytest.fixture
def wire() -> str:
    """Which wire the world has; modules whose stories are told over both say so."""
    return "ews"
