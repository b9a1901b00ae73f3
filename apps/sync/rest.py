"""Whether a plan can be left out, because all that it follows from is as it was.

A plan follows from rows, from settings of the tenant, from the window and from the time. One that
*rests* found nothing to do and nothing that waits: as time goes on bookings and events only become
past, which asks for nothing either. So with equal rows in an equal window it is the same plan.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Aggregate, Count, F, Model, QuerySet, TextField

from apps.bookings.models import Booking
from apps.sync.models import CalendarLink, Conflict, EventLink, RemoteEvent

if TYPE_CHECKING:
    from apps.sync.operations import Plan
    from apps.sync.session import Session


class _Hash(Aggregate):
    """The sum of PostgreSQL's hashes of whole rows: any column of any row changes it."""

    template = 'SUM(hash_record_extended("%(table)s".*, 0))::text'

    def __init__(self, model: type[Model]) -> None:
        super().__init__(F("pk"), output_field=TextField(), table=model._meta.db_table)


def digest(session: Session) -> str:
    """What a plan of this moment follows from, as a short text. Take it before the plan's rows.

    More rows than the plan reads do no harm, fewer would.
    """
    calendar, tenant = session.calendar, session.calendar.tenant
    links = EventLink.objects.filter(calendar=calendar)
    events = RemoteEvent.objects.filter(calendar=calendar)
    here = Booking.objects.filter(resource=calendar.resource)
    facts = (
        _rows(events),
        _rows(links),
        _rows(Conflict.objects.filter(calendar=calendar, closed_at=None)),
        _rows(here.filter(ends_at__gt=session.window.starts_at)),
        _rows(here.filter(uuid__in=events.values("stamped_booking"))),
        _rows(Booking.objects.filter(pk__in=links.values("booking"))),
        session.window,
        session.installation,
        session.sent,
        session.kept,
        session.port.mails_attendees,
        tenant.conflict_policy,
        calendar.is_first_sync,
        calendar.are_sends_approved,
    )
    return hashlib.sha256(repr(facts).encode()).hexdigest()


def remember(plan: Plan, session: Session, seen: str) -> None:
    """Store what a plan followed from, if it rests."""
    calendar = session.calendar
    value = seen if plan.rests else ""
    if value == calendar.rests_with:
        return
    with transaction.atomic():
        session.lease.renew()
        CalendarLink.objects.filter(pk=calendar.pk).update(rests_with=value)
    calendar.rests_with = value


def _rows(queryset: QuerySet[Any]) -> tuple[int, str]:
    found = queryset.order_by().aggregate(count=Count("*"), hash=_Hash(queryset.model))
    return found["count"], found["hash"]
