"""The port over Graph does what every port does, on the sandbox."""

from __future__ import annotations

import pytest

from apps.exchange.graph.session import ACCOUNT
from apps.sandbox.server import SandboxServer
from tests.exchange.contract import CalendarContract, Can, Room
from tests.exchange.graph.sandbox_room import GraphRoom


class TestOrganisation(CalendarContract, can=set(Can)):
    @pytest.fixture
    def room(self, sound: SandboxServer) -> Room:
        return GraphRoom(sound)


# What kind of mailbox it is the settings of other people's mailboxes tell, which no account may read.
class TestAccount(CalendarContract, can=set(Can) - {Can.KIND}):
    @pytest.fixture
    def room(self, sound: SandboxServer) -> Room:
        return GraphRoom(sound, access=ACCOUNT)
