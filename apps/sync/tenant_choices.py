"""A tenant's choices about sync change: what they mean for what is stored, and sent, already."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Cast
from django.utils import timezone

from apps.bookings import from_exchange
from apps.bookings.models import Booking, BookingChange
from apps.exchange.calendar import CalendarEvent, ShowAs
from apps.sync.fingerprint import fingerprint, rest_part, time_part
from apps.sync.mapping import Kept, masked
from apps.sync.models import CalendarLink, Conflict, EventLink, RemoteEvent, SyncChange
from apps.sync.privacy import TELLING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.tenants.models import Tenant

# From the most that is kept to the least.
STRICTNESS = (Kept.SUBJECT, Kept.ORGANIZER, Kept.BUSY)
CHOICES = ("conflict_policy", "kept_details", "sent_details", "window_days")
BATCH = 500


@transaction.atomic
def apply(tenant: Tenant, before: dict[str, Any]) -> None:
    """Bring what is stored in line with the choices as they are now; `before`: as they were.

    Of Exchange's events what may no longer be kept is erased here and now, wherever it stands. What
    may be kept from now on, or lies between the old and the new edge, is read in a full round. What
    Exchange sees of our bookings is written anew by the next run.
    """
    changed = {name for name in CHOICES if before[name] != getattr(tenant, name)}
    if not changed:
        return
    _send_home(tenant, is_full="kept_details" in changed or "window_days" in changed)
    if "kept_details" in changed:
        now = Kept(tenant.kept_details)
        if STRICTNESS.index(now) > STRICTNESS.index(Kept(before["kept_details"])):
            _erase(tenant, now)
    if "sent_details" in changed:
        _send_again(tenant)


def choices_of(tenant: Tenant) -> dict[str, Any]:
    return {name: getattr(tenant, name) for name in CHOICES}


def _send_home(tenant: Tenant, *, is_full: bool) -> None:
    """Runs that began under the old choices lose their lease, and new ones start."""
    now = timezone.now()
    calendars = CalendarLink.objects.for_tenant(tenant).connected()
    calendars.update(lease_token=F("lease_token") + 1, lease_until=now, due_at=now)
    if is_full:
        calendars.update(is_full_round_wanted=True, draft_cursor="")


def _erase(tenant: Tenant, kept: Kept) -> None:
    _mask_mirror(tenant, kept)
    if kept is Kept.BUSY:
        from_exchange.mask(tenant, keeps_person=False)
    else:
        from_exchange.mask(tenant, keeps_person=True)
    bookings = Booking.objects.for_tenant(tenant).filter(origin=Booking.Origin.EXCHANGE)
    names = Cast(Value(list(TELLING)), ArrayField(models.TextField()))

    def without(column: str) -> Func:
        return Func(F(column), names, template="(%(expressions)s)", arg_joiner=" - ")

    for changes in (BookingChange.objects, SyncChange.objects):
        changes.filter(booking__in=bookings).update(
            before=without("before"), after=without("after")
        )
    conflicts = Conflict.objects.for_tenant(tenant)
    conflicts.filter(other=None).update(exchange=without("exchange"))
    conflicts.filter(Q(booking__in=bookings) | Q(other__in=bookings)).update(
        ours=without("ours"), exchange=without("exchange")
    )


def _mask_mirror(tenant: Tenant, kept: Kept) -> None:
    """Mask the events, and keep both sides of each link equal where they were equal."""
    rows = RemoteEvent.objects.for_tenant(tenant).filter(stamped_booking=None)
    for batch in _batches(rows):
        before = {row.pk: row.fingerprint for row in batch}
        for row in batch:
            event = masked(_event(row), kept)
            row.subject, row.organizer = event.subject, event.organizer
            row.organizer_email = event.organizer_email
            row.fingerprint = fingerprint(event)
        RemoteEvent.objects.bulk_update(
            batch, ("subject", "organizer", "organizer_email", "fingerprint")
        )
        _follow(batch, before)


def _follow(rows: list[RemoteEvent], before: dict[int, str]) -> None:
    links = EventLink.objects.current().filter(
        calendar__in={row.calendar_id for row in rows}, item_id__in=[row.item_id for row in rows]
    )
    by_key = {(row.calendar_id, row.item_id, row.original_start): row for row in rows}
    changed = []
    for link in links:
        row = by_key.get((link.calendar_id, link.item_id, link.original_start))
        if row is None or rest_part(link.remote_fingerprint) != rest_part(before[row.pk]):
            continue
        link.remote_fingerprint = (
            f"{time_part(link.remote_fingerprint)}.{rest_part(row.fingerprint)}"
        )
        changed.append(link)
    EventLink.objects.bulk_update(changed, ("remote_fingerprint",))


def _batches(rows: models.QuerySet[RemoteEvent]) -> Iterator[list[RemoteEvent]]:
    last = 0
    while batch := list(rows.filter(pk__gt=last).order_by("pk")[:BATCH]):
        yield batch
        last = batch[-1].pk


def _event(row: RemoteEvent) -> CalendarEvent:
    """A row of the mirror as an event again, as far as it was kept."""
    return CalendarEvent(
        key=row.key,
        uid=row.uid,
        change_key=row.change_key,
        starts_at=row.starts_at.astimezone(dt.UTC),
        ends_at=row.ends_at.astimezone(dt.UTC),
        show_as=ShowAs(row.show_as),
        is_all_day=row.is_all_day,
        is_cancelled=row.is_cancelled,
        is_declined=row.is_declined,
        is_private=row.is_private,
        subject=row.subject,
        organizer=row.organizer,
        organizer_email=row.organizer_email,
        is_invitation=row.is_invitation,
        has_attendees=row.has_attendees,
    )


def _send_again(tenant: Tenant) -> None:
    """As if each booking had changed: the next run compares, and writes what differs."""
    EventLink.objects.for_tenant(tenant).filter(
        state=EventLink.State.LIVE,
        booking__origin=Booking.Origin.OPTIXSYNC,
        booking__ends_at__gt=timezone.now(),
    ).update(pushed_revision=0)
