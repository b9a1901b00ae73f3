"""A create that left over the old wire without an answer: the event that it made, seen over the new one."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.conf import settings

from apps.sync.fingerprint import fingerprint, rest_part, time_part
from apps.sync.mapping import Kept, masked, stamp
from apps.sync.models import CalendarLink, EventLink
from apps.tenants.installation import this_installation

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apps.exchange.calendar import CalendarEvent
    from apps.sync.models import EventLinkQuerySet
    from apps.sync.recognising import Way

# Clocks of servers differ.
CLOCKS_DIFFER = dt.timedelta(minutes=2)


def sent(links: EventLinkQuerySet) -> EventLinkQuerySet:
    """Those whose create left, and whose event nobody has seen."""
    return links.filter(item_id="", attempted_at__isnull=False).select_related("booking")


def find(
    way: Way, calendar: CalendarLink, links: Iterable[EventLink], now: dt.datetime
) -> tuple[dict[int, CalendarEvent], dt.datetime | None]:
    """The events that came of them, by link; and until when one may still be on its way."""
    lasts = dt.timedelta(seconds=settings.SYNC_CREATE_SETTLES_S)
    found: dict[int, CalendarEvent] = {}
    waits_until: dt.datetime | None = None
    for link in links:
        settles_at = (link.attempted_at or now) + lasts
        if settles_at > now:
            waits_until = max(waits_until or settles_at, settles_at)
            continue
        way.renew()
        event = _made_by(way, calendar, link)
        if event is not None:
            found[link.pk] = event
    return found, waits_until


def _made_by(way: Way, calendar: CalendarLink, link: EventLink) -> CalendarEvent | None:
    """The event that a create made. Somebody's copy of it is younger, and has another UID."""
    value = stamp(this_installation().uuid, calendar.resource.uuid, link.booking.uuid)
    events = [
        event
        for item in way.port.find(way.window, stamp=value)
        for event in item.events
        if not event.is_occurrence
    ]
    exact = [one for one in events if link.attempt_id in (one.uid, one.attempt_id)]
    if not exact and not way.leads_to_graph and link.attempted_at is not None:
        # What was created over Graph does not tell over EWS by which attempt.
        since = link.attempted_at - CLOCKS_DIFFER
        exact = [one for one in events if one.created_at is not None and one.created_at >= since]
    latest = dt.datetime.max.replace(tzinfo=dt.UTC)
    return min(exact, key=lambda one: one.created_at or latest, default=None)


def adopt(calendar: CalendarLink, arrived: Mapping[int, CalendarEvent]) -> None:
    """As the engine adopts: if it lies where we sent it, the rest is ours; else somebody moved it."""
    kept = Kept(calendar.tenant.kept_details)
    for pk, event in arrived.items():
        taken = EventLink.objects.filter(
            calendar=calendar, state=EventLink.State.LIVE, item_id=event.key.item_id
        )
        link = EventLink.objects.filter(pk=pk, state=EventLink.State.CREATING).first()
        if link is None or taken.exists():
            continue
        seen = fingerprint(masked(event, kept, is_ours=True))
        sent_time = time_part(link.remote_fingerprint) or time_part(seen)
        link.state = EventLink.State.LIVE
        link.item_id, link.uid = event.key.item_id, event.uid or link.uid
        link.remote_fingerprint = f"{sent_time}.{rest_part(seen)}"
        link.attempted_at = None
        link.save()
