"""One worker a calendar: a lease by conditional UPDATE, with a token that fences every commit."""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import F, Q

from apps.sync.models import CalendarLink, CalendarLinkQuerySet

if TYPE_CHECKING:
    from collections.abc import Callable


def length() -> dt.timedelta:
    return dt.timedelta(seconds=settings.SYNC_LEASE_S)


def write_needs() -> dt.timedelta:
    """No write leaves with less lease left: the longest wait for its answer, and a margin."""
    return dt.timedelta(
        seconds=settings.EXCHANGE_CONNECT_TIMEOUT_S
        + settings.EXCHANGE_READ_TIMEOUT_S
        + settings.SYNC_WRITE_MARGIN_S
    )


# The token of a calendar that nobody has: clocks that differ a little cannot hide that it is free.
FREE = {"lease_token": 0}
# A calendar that is taken and released again just as often at the same moment waits for the round.
ATTEMPTS = 3


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
        if now >= self.until or not self._rows().update(lease_until=now + length()):
            raise LeaseLost
        self.until = now + length()

    def commit(self) -> None:
        """As renew; and the start was worth it: something was done.

        Raises:
            LeaseLost: the token is no longer the calendar's.
        """
        self.renew()
        self._rows().update(barren_starts=0)

    def check_before_write(self) -> None:
        """The last look before a write leaves: whoever overslept since the renewal stops here.

        Raises:
            LeaseLost: the answer could come after the lease is over.
        """
        if self.until - self.clock() < write_needs():
            raise LeaseLost

    def release(self) -> None:
        """Give the calendar free, if it is still ours to give."""
        self._rows().update(**FREE, lease_until=self.clock())

    def _rows(self) -> CalendarLinkQuerySet:
        return CalendarLink.objects.filter(pk=self.calendar_id, lease_token=self.token)


class DryLease(Lease):
    """Of a run that keeps nothing: what it is fenced from is not written."""

    def renew(self) -> None:
        self.until = self.clock() + length()

    def commit(self) -> None:
        self.renew()


def acquire(calendar_id: int, clock: Callable[[], dt.datetime]) -> Lease | None:
    """Take the calendar, or None where another worker has it. Counts the start.

    The calendar stays due, so that it is taken up again as soon as the lease of a killed worker is
    over. What it was nudged for so far is what this run looks at.
    """
    now = clock()
    token = secrets.randbits(62) | 1
    taken = CalendarLink.objects.filter(Q(lease_until__lte=now) | Q(**FREE), pk=calendar_id).update(
        lease_token=token,
        lease_until=now + length(),
        due_at=now,
        is_nudged=False,
        barren_starts=F("barren_starts") + 1,
    )
    return Lease(calendar_id, token, clock, now + length()) if taken else None


def acquire_or_nudge(calendar_id: int, clock: Callable[[], dt.datetime]) -> Lease | None:
    """Take the calendar, or have the worker that has it look once more when it ends.

    A nudge counts only while somebody holds the lease: one that comes as it is released finds the
    calendar free, and takes it.
    """
    for _number in range(ATTEMPTS):
        lease = acquire(calendar_id, clock)
        if lease is not None:
            return lease
        held = CalendarLink.objects.filter(pk=calendar_id).exclude(**FREE)
        if held.update(is_nudged=True):
            break
    return None
