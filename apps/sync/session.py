"""What one run works with."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.conf import settings

from apps.exchange.calendar import Calendar, Item, Window

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.sync.lease import Lease
    from apps.sync.mapping import Kept, Sent
    from apps.sync.models import CalendarLink, SyncRun
    from apps.sync.operations import Operation


@dataclass(frozen=True, slots=True)
class Seen:
    """What a read after a write showed, for a write right after it."""

    range: Window
    items: tuple[Item, ...]
    at: dt.datetime


class TimeIsUp(Exception):
    """The run has worked long enough; what is left is done by the next."""


@dataclass(slots=True)
class Session:
    """A run of one calendar: the row, the port, the lease, and the window fixed at its start."""

    calendar: CalendarLink
    port: Calendar
    lease: Lease
    run: SyncRun
    window: Window
    began_at: dt.datetime
    installation: str
    kept: Kept
    sent: Sent
    clock: Callable[[], dt.datetime]
    # Nothing of this run is kept on either side.
    is_dry: bool = field(default=False)
    # The mailbox answered in this run, and it is the one that was connected.
    is_mailbox_proved: bool = field(default=False)
    # Writes that found their time taken: a second look in the same run would find no more.
    waiting: set[Operation] = field(default_factory=set)
    # When something that the last plan found to wait can go on.
    look_again_at: dt.datetime | None = field(default=None)
    # The range that the next write needs free, and what was last seen after one.
    next_range: Window | None = field(default=None)
    seen: Seen | None = field(default=None)

    def tick(self) -> None:
        """Between two steps.

        Raises:
            TimeIsUp: enough for one task.
            LeaseLost: another worker may have the calendar.
        """
        if self.clock() - self.began_at >= dt.timedelta(seconds=settings.SYNC_WORKS_FOR_S):
            raise TimeIsUp
        self.lease.renew()


def window_of(now: dt.datetime, days: int) -> Window:
    """UTC days from yesterday on, half-open."""
    today = now.astimezone(dt.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    day = dt.timedelta(days=1)
    return Window(today - day, today + days * day)
