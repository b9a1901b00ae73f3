"""The port over EWS does what every port does, on the sandbox."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from apps.exchange.ews import session
from apps.sandbox.server import SandboxServer, serve
from apps.sandbox.store import Store
from tests.exchange.contract import CalendarContract, Can, Room
from tests.exchange.ews.sandbox_room import SandboxRoom

# EWS does not tell what kind of mailbox it is.
EWS = set(Can) - {Can.KIND}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[SandboxServer]:
    with serve(Store(), check_answers=True) as server:
        yield server
        session.close_connections()


@pytest.fixture
def sound(sandbox: SandboxServer) -> Iterator[SandboxServer]:
    """The sandbox without yesterday's faults; what it answered kept to the schema."""
    sandbox.faults.forget()
    yield sandbox
    assert sandbox.ews.invalid_answers == []
    assert sandbox.errors == []


# With impersonation rights are all or nothing.
class TestImpersonation(CalendarContract, can=EWS - {Can.TAKE_WRITING}):
    @pytest.fixture
    def room(self, sound: SandboxServer) -> Room:
        return SandboxRoom(sound)


# A delegate cannot tell whether there is no mailbox or no right to it.
class TestDelegate(CalendarContract, can=EWS - {Can.TAKE_RIGHTS}):
    @pytest.fixture
    def room(self, sound: SandboxServer) -> Room:
        return SandboxRoom(sound, access="delegate")
