"""The state machine of the engine, with HTTP, a wire and a server's bad days between the two sides."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Iterator
from typing import Any, ClassVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from apps.exchange import errors
from apps.exchange.graph import session as graph_session
from apps.sandbox.server import SandboxServer
from tests.scenarios import over_graph
from tests.scenarios.over_graph import GraphTown
from tests.scenarios.town import FAULTS, OPERATIONS, EwsTown
from tests.sync.machine.deeds import deed
from tests.sync.machine.engine import WRITES, _can_be, quiet
from tests.sync.machine.people import ROOM
from tests.sync.test_machine import Machine


class EwsMachine(Machine):
    server: SandboxServer
    operations: ClassVar[dict[str, str]] = OPERATIONS
    faults: ClassVar[dict[type[errors.ExchangeError], dict[str, object]]] = FAULTS

    def found(self, start: dt.datetime, zone: str) -> EwsTown:
        return EwsTown.on(self.server, start, zone)

    @deed(
        number=ROOM,
        step=st.sampled_from(sorted(OPERATIONS)),
        when=st.sampled_from(["before", "after"]),
        skip=st.integers(0, 2),
        kind=st.sampled_from(list(FAULTS)),
    )
    def fault(
        self, number: int, step: str, when: str, skip: int, kind: type[errors.ExchangeError]
    ) -> None:
        """On the wire, where the mailbox in memory has it raised."""
        if step in WRITES and when == "after":
            kind = errors.Unclear
        elif not _can_be(step, kind):
            kind = errors.Transient
        room = self.room(number)
        arranged = self.server.faults.arrange(
            {
                **self.faults[kind],
                "operation": self.operations[step],
                "mailbox": room.world.calendar.email,
                "nth": skip + 1,
            }
        )
        self.sync_with(room, quiet)
        self.server.faults.forget(arranged.id)


class GraphMachine(EwsMachine):
    operations: ClassVar[dict[str, str]] = over_graph.OPERATIONS
    faults: ClassVar[dict[type[errors.ExchangeError], dict[str, object]]] = over_graph.FAULTS

    def found(self, start: dt.datetime, zone: str) -> EwsTown:
        return GraphTown.on(self.server, start, zone)


@pytest.mark.django_db
class TestMachine(EwsMachine.TestCase):  # type: ignore[misc, valid-type]
    @pytest.fixture(autouse=True)
    def _on_a_server(self, server: SandboxServer) -> None:
        EwsMachine.server = server


@pytest.mark.django_db
class TestGraphMachine(GraphMachine.TestCase):  # type: ignore[misc, valid-type]
    @pytest.fixture(autouse=True)
    def _on_a_server(self, server: SandboxServer, settings: Any) -> Iterator[None]:
        settings.CALENDAR_FACTORY = "tests.scenarios.over_graph.calendar_for"
        GraphMachine.server = server
        yield
        graph_session.close_connections()


# A step costs far more than in memory: fewer lives, and as long ones.
LIVES = int(os.environ.get("MACHINE_EXAMPLES", "30")) // 3
for _machine, _lives in ((EwsMachine, LIVES), (GraphMachine, LIVES // 2)):
    _machine.TestCase.settings = settings(
        Machine.TestCase.settings, max_examples=min(max(_lives, 1), 300)
    )
