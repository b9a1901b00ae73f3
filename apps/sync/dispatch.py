"""Which calendars are due, and in what order they are given to the workers."""

from __future__ import annotations

import datetime as dt
import random
from collections import defaultdict
from contextvars import ContextVar
from itertools import zip_longest
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django_q.tasks import async_task

from apps.exchange.models import ExchangeConnection
from apps.sync.models import CalendarLink, SyncRun
from apps.tenants.installation import may_send

if TYPE_CHECKING:
    from collections.abc import Iterable

# A due time is put off by up to this share of the interval, so that rooms do not fire together.
JITTER = 0.2
# The calendar whose run is on in this thread; 0 where none is.
at_work_on: ContextVar[int] = ContextVar("at_work_on", default=0)
# So many calendars are asked by one request.
GLANCED_AT_ONCE = 20
FULL_ROUND_EVERY = dt.timedelta(hours=24)
# Who is told of first, in one query: a call of Microsoft's names many calendars, and is answered at once.
LOOK = """
    UPDATE sync_calendarlink AS calendar SET is_nudged = true, heard_at = %(now)s
    FROM exchange_exchangeconnection AS connection
    WHERE calendar.id = ANY(%(ids)s) AND NOT calendar.is_nudged AND calendar.state = ANY(%(states)s)
      AND NOT (calendar.failures > 0 AND calendar.due_at > %(now)s)
      AND connection.id = calendar.connection_id AND connection.stopped_at IS NULL
      AND (connection.paused_until IS NULL OR connection.paused_until <= %(now)s)
    RETURNING calendar.id
"""


def dispatch(now: dt.datetime | None = None) -> int:
    """Enqueue every calendar that is due, each tenant in its turn; how many."""
    now = now or timezone.now()
    if not may_send():
        return 0
    glanced = _enqueue_glances(now)
    due = CalendarLink.objects.due(now).values_list("pk", "resource__location__tenant")
    return glanced + sum(
        enqueue_due(calendar_id, SyncRun.Trigger.SCHEDULE, now) for calendar_id in in_turns(due)
    )


def _enqueue_glances(now: dt.datetime) -> int:
    """Those of one connection over Graph that rest are asked together: many cost one request."""
    resting = CalendarLink.objects.due(now).resting(now)
    together: dict[int, list[int]] = defaultdict(list)
    for calendar_id, connection_id in resting.filter(
        connection__wire=ExchangeConnection.Wire.GRAPH
    ).values_list("pk", "connection_id"):
        together[connection_id or 0].append(calendar_id)
    count = 0
    for connection_id, calendars in together.items():
        for start in range(0, len(calendars), GLANCED_AT_ONCE):
            some = calendars[start : start + GLANCED_AT_ONCE]
            if len(some) == 1:
                # Alone it costs as much as a run that finds nothing.
                continue
            with transaction.atomic():
                claimed = [pk for pk in some if _claim(pk, now)]
                if claimed:
                    async_task("apps.sync.tasks.glance", connection_id, claimed)
            count += len(claimed)
    return count


def enqueue_due(calendar_id: int, trigger: SyncRun.Trigger, now: dt.datetime | None = None) -> bool:
    """Enqueue a calendar whose time has come, unless somebody else just did; whether it was."""
    # Who moves the due time on is the one that enqueues: both happen, or neither.
    with transaction.atomic():
        is_claimed = _claim(calendar_id, now or timezone.now())
        if is_claimed:
            enqueue(calendar_id, trigger)
    return is_claimed


def _claim(calendar_id: int, now: dt.datetime) -> bool:
    until = now + dt.timedelta(seconds=settings.SYNC_ENQUEUED_FOR_S)
    due = CalendarLink.objects.filter(pk=calendar_id, due_at__lte=now)
    return bool(due.update(due_at=until))


def in_turns(due: Iterable[tuple[int, int]]) -> list[int]:
    """One of each tenant after the other, so that a large one does not keep others waiting."""
    queues: dict[int, list[int]] = defaultdict(list)
    for calendar_id, tenant_id in due:
        queues[tenant_id].append(calendar_id)
    return [pk for turn in zip_longest(*queues.values()) for pk in turn if pk is not None]


def enqueue(calendar_id: int, trigger: SyncRun.Trigger) -> None:
    async_task("apps.sync.tasks.sync_calendar", calendar_id, trigger=trigger.value)


def nudge(resource_ids: Iterable[int]) -> None:
    """Bookings changed: look at once. A hint only, since the next round finds it anyway.

    The run that changed them itself plans again anyway. A calendar that is nudged already has a task that has not started yet, or a run that looks once
    more when it ends: a thousand bookings of one file make one task.
    """
    calendars = CalendarLink.objects.filter(
        resource__in=resource_ids, state__in=CalendarLink.RUNNING, connection__stopped_at=None
    )
    for calendar_id in calendars.exclude(pk=at_work_on.get()).values_list("pk", flat=True):
        if CalendarLink.objects.filter(pk=calendar_id, is_nudged=False).update(is_nudged=True):
            enqueue(calendar_id, SyncRun.Trigger.BOOKING)


def look(calendar_ids: Iterable[int], now: dt.datetime | None = None) -> int:
    """Something changed in these mailboxes, as somebody told us: look at once; at how many.

    As with `nudge`, one that waits for its look, or is looked at, is not enqueued again, however
    often it is told of. One that waits after trouble is looked at when its time has come.
    """
    now = now or timezone.now()
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                LOOK, {"now": now, "ids": list(calendar_ids), "states": list(CalendarLink.RUNNING)}
            )
            nudged = [pk for (pk,) in cursor.fetchall()]
        if len(nudged) == 1:
            enqueue(nudged[0], SyncRun.Trigger.PUSH)
        elif nudged:
            async_task("apps.sync.tasks.look", nudged)
    return len(nudged)


def hurry(connection_id: int) -> None:
    """A connection works, perhaps again: its calendars need not wait for their next time."""
    calendars = CalendarLink.objects.filter(
        connection=connection_id, state__in=CalendarLink.WORKING
    )
    if calendars.update(due_at=timezone.now()):
        # Each in its turn with those of others, and enqueued once.
        async_task("apps.sync.tasks.dispatch")


def want_full_rounds(now: dt.datetime | None = None) -> int:
    """Have every calendar whose last full round is a day old go another; how many."""
    now = now or timezone.now()
    old = Q(full_round_at=None) | Q(
        full_round_at__lte=now - FULL_ROUND_EVERY + dt.timedelta(hours=1)
    )
    rows = CalendarLink.objects.connected().filter(old, is_full_round_wanted=False)
    return rows.update(is_full_round_wanted=True)


def next_due(now: dt.datetime, *, is_pushed: bool = False) -> dt.datetime:
    """When a calendar that ended a run now is due again; later where changes are told by push."""
    share = 1 + random.uniform(0, JITTER)  # noqa: S311 -- no secret: it spreads the load
    seconds = settings.SYNC_EVERY_WITH_PUSH_S if is_pushed else settings.SYNC_EVERY_S
    return now + dt.timedelta(seconds=seconds * share)
