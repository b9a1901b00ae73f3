"""The state machine of the engine, with HTTP, EWS or Graph and bad days between the two sides."""

from __future__ import annotations

import datetime as dt
import os

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from apps.exchange import errors
from apps.sandbox.server import SandboxServer
from tests.scenarios.town import FAULTS, GRAPH_FAULTS, GRAPH_OPERATIONS, OPERATIONS, EwsTown
from tests.sync.machine.deeds import deed
from tests.sync.machine.engine import WRITES, _can_be, quiet
from tests.sync.machine.people import ROOM
from tests.sync.test_machine import Machine


class EwsMachine(Machine):
    server: SandboxServer
    operations = OPERATIONS
    faults = FAULTS

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
        elif not self.can_be(step, kind):
            kind = errors.Transient
        room = self.room(number)
        arranged = self.server.faults.arrange(
            {
                **self.fault_of(step, kind),
                "operation": self.operations[step],
                "mailbox": room.world.calendar.email,
                "nth": skip + 1,
            }
        )
        self.sync_with(room, quiet)
        self.server.faults.forget(arranged.id)

    def can_be(self, step: str, kind: type[errors.ExchangeError]) -> bool:
        return _can_be(step, kind)

    def fault_of(self, _step: str, kind: type[errors.ExchangeError]) -> dict[str, object]:
        return self.faults[kind]


class GraphMachine(EwsMachine):
    operations = GRAPH_OPERATIONS
    faults = GRAPH_FAULTS

    def found(self, start: dt.datetime, zone: str) -> EwsTown:
        return EwsTown.on(self.server, start, zone, is_graph=True)

    def can_be(self, step: str, kind: type[errors.ExchangeError]) -> bool:
        return kind is errors.NotFound or _can_be(step, kind)

    def fault_of(self, step: str, kind: type[errors.ExchangeError]) -> dict[str, object]:
        """Whatever is asked for, Graph may say that there is no such mailbox."""
        if kind is errors.NotFound and step not in WRITES:
            return {"kind": "error", "code": "ErrorInvalidUser"}
        return super().fault_of(step, kind)


@pytest.mark.django_db
class TestMachine(EwsMachine.TestCase):  # type: ignore[misc, valid-type]
    @pytest.fixture(autouse=True)
    def _on_a_server(self, server: SandboxServer) -> None:
        EwsMachine.server = server


@pytest.mark.django_db
class TestGraphMachine(GraphMachine.TestCase):  # type: ignore[misc, valid-type]
    @pytest.fixture(autouse=True)
    def _on_a_server(self, server: SandboxServer) -> None:
        GraphMachine.server = server


# A step costs far more than in memory: fewer lives, and as long ones.
LIVES = int(os.environ.get("MACHINE_EXAMPLES", "18")) // 3
EwsMachine.TestCase.settings = settings(
    Machine.TestCase.settings, max_examples=min(max(LIVES, 1), 300)
)
GraphMachine.TestCase.settings = EwsMachine.TestCase.settings
