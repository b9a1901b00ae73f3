"""The port over EWS does what every port does, on the sandbox."""

from __future__ import annotations

import pytest

from apps.sandbox.server import SandboxServer
from tests.exchange.contract import CalendarContract, Can, Room
from tests.exchange.ews.bearer_room import BearerRoom
from tests.exchange.ews.sandbox_room import SandboxRoom

# EWS does not tell what kind of mailbox it is.
EWS = set(Can) - {Can.KIND}


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


class TestApplication(CalendarContract, can=EWS - {Can.TAKE_WRITING}):
    """A token of the application itself, as Exchange Online wants it."""

    @pytest.fixture
    def room(self, sound: SandboxServer) -> Room:
        return BearerRoom(sound)
