"""The state itself: one lock, a clock that can be set, and who listens."""

from __future__ import annotations

import datetime as dt
import random
import threading
from typing import TYPE_CHECKING

from apps.sandbox.store.microsoft import Identity

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.sandbox.store.model import Folder, Organisation, StoreEvent


def system_clock() -> dt.datetime:
    """Tell the time."""
    return dt.datetime.now(dt.UTC)


class State:
    """What all parts of the store share. `revision` grows with every write, of items and of settings alike."""

    def __init__(
        self, clock: Callable[[], dt.datetime] = system_clock, seed: int | None = None
    ) -> None:
        self.lock = threading.RLock()
        self.clock = clock
        self.revision = 0
        self.organisations: dict[str, Organisation] = {}
        self.identity = Identity()
        self._random = random.Random(seed)  # noqa: S311 -- ids, not secrets
        self._listeners: list[Callable[[StoreEvent], None]] = []
        self._folders: dict[str, Folder] = {}
        self._places: dict[str, Folder] = {}
        self._moved: dict[str, str] = {}

    def now(self) -> dt.datetime:
        """Tell the time, in whole seconds as Exchange stores it."""
        return self.clock().astimezone(dt.UTC).replace(microsecond=0)

    def set_clock(self, now: dt.datetime | None) -> None:
        """Let the clock go on from another time; with None it is the machine's again."""
        ahead = now - system_clock() if now else dt.timedelta(0)
        self.clock = lambda: system_clock() + ahead

    def listen(self, listener: Callable[[StoreEvent], None]) -> Callable[[], None]:
        """Call `listener` on each change, in order, under the lock: it must be quick. Answers how to stop it."""
        with self.lock:
            self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def bump(self) -> int:
        """Count a write."""
        self.revision += 1
        return self.revision

    def _tell(self, event: StoreEvent) -> None:
        for listener in tuple(self._listeners):
            listener(event)

    def _bytes(self, length: int = 20) -> bytes:
        return self._random.randbytes(length)

    def index_again(self) -> None:
        """Find folders and items again after the organisations were replaced as a whole."""
        self._folders.clear()
        self._places.clear()
        self._moved.clear()
        for organisation in self.organisations.values():
            for mailbox in organisation.mailboxes.values():
                for folder in mailbox.folders.values():
                    self._folders[folder.id] = folder
                    self._places.update(dict.fromkeys(folder.slots, folder))
                    moved = (one for one in folder.items if one.first_id)
                    self._moved.update({one.first_id: one.id for one in moved})
