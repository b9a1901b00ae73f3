"""A glance at many mailboxes by one request: those where nothing is new count as synced, the others get a run.

A calendar that rests needs no more than this word of its mailbox; nothing is written but that it is in sync. Each is
taken by its lease as by any run, so that no two work on one mailbox, and each answer is judged alone.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q
from django.utils import timezone

from apps.exchange import services as connections
from apps.exchange.errors import AuthenticationFailed, ExchangeError, Transient
from apps.exchange.models import ExchangeConnection
from apps.sync import rest
from apps.sync.dispatch import enqueue_due, next_due
from apps.sync.lease import FREE, Lease, length
from apps.sync.models import CalendarLink, Subscription, SyncRun
from apps.sync.services import failed, open_session
from apps.tenants.installation import may_send

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Collection

    from apps.exchange.graph.glancing import Glance


@dataclass(slots=True)
class Look:
    """One glance: when it began, whose lease it has, and the clock."""

    began_at: dt.datetime
    token: int
    clock: Callable[[], dt.datetime]
    # The calendars of which Microsoft tells by itself.
    pushed: frozenset[int] = frozenset()

    def lease(self, calendar: CalendarLink) -> Lease:
        return Lease(calendar.pk, self.token, self.clock, calendar.lease_until)


def glance(
    connection_id: int,
    calendar_ids: Collection[int],
    clock: Callable[[], dt.datetime] = timezone.now,
) -> int:
    """Ask for several calendars of one connection at once; how many were quiet."""
    look = Look(clock(), secrets.randbits(62) | 1, clock)
    connection = ExchangeConnection.objects.working(look.began_at).filter(pk=connection_id).first()
    if connection is None or not may_send():
        return 0
    taken = _taken(connection, calendar_ids, look)
    resting = [calendar for calendar in taken if _rests(calendar, look)]
    for calendar in taken:
        if calendar not in resting:
            _hand_on(calendar, look)
    if not resting:
        return 0
    try:
        seen = connections.glance(
            connection, {calendar.email: calendar.cursor for calendar in resting}
        )
    except AuthenticationFailed as exc:
        # It stops the connection, which is told once.
        _failed(resting[0], exc, look)
        for calendar in resting[1:]:
            _release(calendar, look)
        return 0
    except ExchangeError as exc:
        for calendar in resting:
            _failed(calendar, exc, look)
        return 0
    alive = Subscription.objects.alive(look.began_at).filter(calendar__in=resting)
    look.pushed = frozenset(alive.values_list("calendar", flat=True))
    return sum(_judge(calendar, seen[calendar.email], look) for calendar in resting)


def _taken(
    connection: ExchangeConnection, calendar_ids: Collection[int], look: Look
) -> list[CalendarLink]:
    """Take the leases of those that rest still, and that nobody else has.

    They stay due, so that whoever finds the lease of a killed worker over takes them up.
    """
    now = look.began_at
    free = CalendarLink.objects.filter(Q(lease_until__lte=now) | Q(**FREE), pk__in=calendar_ids)
    free.filter(connection=connection).resting(now).update(
        lease_token=look.token, lease_until=now + length(), due_at=now
    )
    mine = CalendarLink.objects.filter(pk__in=calendar_ids, lease_token=look.token)
    return list(mine.select_related("connection", "resource__location__tenant"))


def _rests(calendar: CalendarLink, look: Look) -> bool:
    """Whether all that its last plan followed from is as it was."""
    run = SyncRun(calendar=calendar, started_at=look.began_at)
    try:
        session = open_session(calendar, run, look.lease(calendar), look.clock)
    except ExchangeError:
        # A run tells of it.
        return False
    return rest.digest(session) == calendar.rests_with


def _judge(calendar: CalendarLink, seen: Glance, look: Look) -> bool:
    """Whether this mailbox has nothing new; what else there is of it is a run's."""
    if isinstance(seen.error, AuthenticationFailed | Transient):
        _failed(calendar, seen.error, look)
        return False
    if seen.is_quiet and _is_in_sync(calendar, seen.cursor, look):
        return True
    _hand_on(calendar, look)
    return False


def _is_in_sync(calendar: CalendarLink, cursor: str, look: Look) -> bool:
    """Store what a run without a change stores; False where somebody nudged it meanwhile."""
    now = look.clock()
    is_pushed = calendar.pk in look.pushed or calendar.is_heard(now)
    rows = CalendarLink.objects.filter(pk=calendar.pk, lease_token=look.token, lease_until__gt=now)
    return bool(
        rows.filter(is_nudged=False).update(
            **FREE,
            lease_until=now,
            cursor=cursor,
            last_good_at=look.began_at,
            due_at=next_due(now, is_pushed=is_pushed),
        )
    )


def _release(calendar: CalendarLink, look: Look) -> None:
    look.lease(calendar).release()


def _hand_on(calendar: CalendarLink, look: Look) -> None:
    """Have a run look at it at once: it is due."""
    _release(calendar, look)
    enqueue_due(calendar.pk, SyncRun.Trigger.SCHEDULE, look.clock())


def _failed(calendar: CalendarLink, exc: ExchangeError, look: Look) -> None:
    """As a run fails: it waits, and says why."""
    run = SyncRun(calendar=calendar, trigger=SyncRun.Trigger.SCHEDULE, started_at=look.began_at)
    failed(calendar, run, look.lease(calendar), exc, look.clock)
