"""One worker a calendar: a lease by conditional UPDATE, with a token that fences every commit."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import F

from apps.sync.models import CalendarLink, CalendarLinkQuerySet

if TYPE_CHECKING:
    from collections.abc import Callable

LEASE = dt.timedelta(minutes=3)
# No write leaves with less lease left than this: the longest wait for an answer, and 30 s.
WRITE_NEEDS = dt.timedelta(seconds=70)


class LeaseLost(Exception):
    """Another worker may have the calendar by now: stop without another word."""


@dataclass(slots=True)
class Lease:
    calendar_id: int
    token: int
    clock: Callable[[], dt.datetime]
    until: dt.datetime

    def renew(self) -> None:
        """Hold on for another while. Inside a transaction it fences what is committed with it.

        Raises:
            LeaseLost: the token is no longer the calendar's.
        """
        now = self.clock()
        if now >= self.until or not self._rows().update(lease_until=now + LEASE):
            raise LeaseLost
        self.until = now + LEASE

    def commit(self) -> None:
        """As renew; and the start was worth it: something was done.

        Raises:
            LeaseLost: the token is no longer the calendar's.
        """
        self.renew()
        self._rows().update(barren_starts=0)

    def is_long_enough_for_a_write(self) -> bool:
        return self.until - self.clock() >= WRITE_NEEDS

    def release(self) -> None:
        """Give the calendar free, if it is still ours to give."""
        self._rows().update(lease_until=self.clock())

    def _rows(self) -> CalendarLinkQuerySet:
        return CalendarLink.objects.filter(pk=self.calendar_id, lease_token=self.token)


def acquire(calendar_id: int, clock: Callable[[], dt.datetime]) -> Lease | None:
    """Take the calendar, or None where another worker has it. Counts the start."""
    now = clock()
    token = secrets.randbits(62)
    taken = CalendarLink.objects.filter(pk=calendar_id, lease_until__lte=now).update(
        lease_token=token, lease_until=now + LEASE, barren_starts=F("barren_starts") + 1
    )
    return Lease(calendar_id, token, clock, now + LEASE) if taken else None
