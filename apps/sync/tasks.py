"""What the workers run. Arguments are primitives; what is due is found in rows, never remembered."""

from __future__ import annotations

import logging

from apps.sync import dispatch as dispatching
from apps.sync import services
from apps.sync.models import CalendarLink, SyncRun

logger = logging.getLogger(__name__)


def dispatch() -> str:
    """Each minute: enqueue the calendars that are due."""
    return f"enqueued {dispatching.dispatch()}"


def want_full_rounds() -> str:
    """Each night: have every calendar compared as a whole."""
    return f"wanted {dispatching.want_full_rounds()}"


def sync_calendar(calendar_id: int, trigger: str = SyncRun.Trigger.SCHEDULE) -> str:
    """Bring one resource and its mailbox into agreement; long work goes on in another task."""
    if not CalendarLink.objects.filter(pk=calendar_id, state__in=CalendarLink.RUNNING).exists():
        return "skipped: the calendar is not connected, or waits for a person"
    report = services.sync_calendar(calendar_id, trigger=SyncRun.Trigger(trigger))
    if report.goes_on:
        dispatching.enqueue_due(calendar_id, SyncRun.Trigger(trigger))
    return report.summary()
