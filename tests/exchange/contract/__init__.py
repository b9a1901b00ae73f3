"""What every implementation of the port must do: one suite, run against each.

A subclass has a fixture `room` and says what its implementation can provoke:

    class TestMemory(CalendarContract, can=set(Can)):
        @pytest.fixture
        def room(self) -> Room: ...

Tests that need something else are not collected. Events are found by their subjects: ids are the
implementation's own. All implementations start from an empty mailbox.
"""

from __future__ import annotations

from tests.exchange.contract.changes import Changes
from tests.exchange.contract.creating import Creating
from tests.exchange.contract.meaning import Meaning
from tests.exchange.contract.opening import Opening
from tests.exchange.contract.reading import Reading
from tests.exchange.contract.removing import Removing
from tests.exchange.contract.room import Can, Details, Faults, Handle, Outlook, Room, needed
from tests.exchange.contract.trouble import Trouble
from tests.exchange.contract.updating import Updating
from tests.exchange.contract.view import View


class CalendarContract(
    Opening, Changes, View, Reading, Meaning, Creating, Updating, Removing, Trouble
):
    """Everything that the port promises."""

    def __init_subclass__(cls, *, can: set[Can]) -> None:
        super().__init_subclass__()
        for name in dir(cls):
            if name.startswith("test_") and not needed(getattr(cls, name)) <= can:
                setattr(cls, name, None)


__all__ = ["CalendarContract", "Can", "Details", "Faults", "Handle", "Outlook", "Room"]
