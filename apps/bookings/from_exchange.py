"""What the engine writes to bookings, because Exchange says so.

Each is conditional on the revision that was planned with, tells its history without a person, and
announces itself like any other change.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Case, F, Value, When
from django.utils import timezone

from apps.bookings.columns import told
from apps.bookings.history import DETAILS, announce, entry, facts
from apps.bookings.holding import held, held_resource
from apps.bookings.models import Booking, BookingChange
from apps.bookings.walltime import Span, start_of_day, to_wall
from apps.bookings.writing import overlap_named, write

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Sequence

    from apps.resources.models import Resource
    from apps.tenants.models import Tenant

# What stands for a title that may not be kept; as the engine's mapping says it.
PRIVATE, BUSY = "Private", "Busy"
Action = BookingChange.Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What somebody booked in Exchange."""

    starts_at: dt.datetime
    ends_at: dt.datetime
    is_all_day: bool
    title: str
    person: str
    person_email: str


@transaction.atomic
def book(resource: Resource, taken: Sequence[Taken]) -> list[Booking]:
    """Store what people booked in Exchange; it may overlap what is here."""
    resource = held_resource(resource)
    bookings = [
        Booking(
            resource=resource,
            origin=Booking.Origin.EXCHANGE,
            title=one.title,
            person=one.person,
            person_email=one.person_email,
            **times(one.starts_at, one.ends_at, resource.time_zone, is_all_day=one.is_all_day),
        )
        for one in taken
    ]
    Booking.objects.bulk_create(bookings)
    BookingChange.objects.bulk_create(
        entry(booking, Action.BOOKED, None, before={}, after=facts(booking)) for booking in bookings
    )
    announce(bookings, {resource.pk})
    return bookings


@transaction.atomic
def change(
    *,
    booking: Booking,
    revision: int,
    starts_at: dt.datetime,
    ends_at: dt.datetime,
    is_all_day: bool,
    details: dict[str, str],
    is_clashing: bool = False,
) -> Booking:
    """Take the time from Exchange, and the details that are given; what did not block does again.

    Raises:
        StaleBooking: someone was quicker.
        Overlap: a booking of ours has this time, and `is_clashing` does not allow that.
    """
    stored, resource = held(booking, revision)
    is_back = stored.status != Booking.Status.CONFIRMED
    values: dict[str, Any] = {
        **times(starts_at, ends_at, resource.time_zone, is_all_day=is_all_day),
        "status": Booking.Status.CONFIRMED,
        "cancelled_at": None,
        "cancelled_by": "",
        "cancel_reason": "",
        "clashing": is_clashing,
        **details,
    }
    return write(stored, Action.RESTORED if is_back else Action.CHANGED, None, values)


@transaction.atomic
def release(*, booking: Booking, revision: int) -> Booking:
    """Exchange shows the time as free: the booking stays, and blocks nothing.

    Raises:
        StaleBooking: someone was quicker.
    """
    stored, _resource = held(booking, revision)
    values = {"status": Booking.Status.RELEASED, "clashing": False}
    return write(stored, Action.CHANGED, None, values)


@transaction.atomic
def cancel(
    *,
    booking: Booking,
    revision: int,
    reason: str,
    by: Booking.CancelledBy = Booking.CancelledBy.EXCHANGE,
) -> Booking:
    """Exchange gave the time up, or a decision went against the booking.

    Raises:
        StaleBooking: someone was quicker.
    """
    stored, _resource = held(booking, revision)
    values = {
        "status": Booking.Status.CANCELLED,
        "cancelled_at": timezone.now(),
        "cancelled_by": by,
        "cancel_reason": reason,
        "clashing": False,
    }
    return write(stored, Action.CANCELLED, None, values, reason=reason)


@transaction.atomic
def rename(*, booking: Booking, title: str, person: str, person_email: str) -> Booking:
    """Call a booking of Exchange's what its event may still be called; nothing tells of before."""
    stored, resource = held(booking, None)
    told = {"title": title, "person": person, "person_email": person_email, "notes": ""}
    values = {
        name: told[name][: getattr(Booking._meta.get_field(name), "max_length", None)]
        for name in DETAILS
    }
    if any(getattr(stored, name) != value for name, value in values.items()):
        for name, value in values.items():
            setattr(stored, name, value)
        stored.revision += 1
        stored.save(update_fields=[*values, "revision", "updated_at"])
        announce([stored], {resource.pk})
    return stored


@transaction.atomic
def clear_clash(*, booking: Booking, revision: int) -> Booking:
    """Nothing of ours is in the way any more.

    Raises:
        StaleBooking: someone was quicker.
        Overlap: something is.
    """
    stored, _resource = held(booking, revision)
    stored.clashing = False
    with overlap_named(stored), transaction.atomic():
        stored.save(update_fields=["clashing", "updated_at"])
    return stored


@transaction.atomic
def take_over(*, booking: Booking, revision: int, is_clashing: bool = False) -> Booking:
    """Keep a booking whose event Exchange lost: it is ours from now on.

    Raises:
        StaleBooking: someone was quicker.
        Overlap: a booking of ours has this time, and `is_clashing` does not allow that.
    """
    stored, _resource = held(booking, revision)
    values = {
        "origin": Booking.Origin.OPTIXSYNC,
        "status": Booking.Status.CONFIRMED,
        "clashing": is_clashing,
    }
    return write(stored, Action.CHANGED, None, values)


@transaction.atomic
def mask(tenant: Tenant, *, keeps_person: bool) -> None:
    """What may no longer be kept of Exchange's bookings goes, the past included.

    No revision is counted and no history written: nothing that anybody did is changed by it.
    """
    rows = Booking.objects.for_tenant(tenant).filter(origin=Booking.Origin.EXCHANGE)
    rows = rows.exclude(title=PRIVATE, person="")
    if keeps_person:
        rows.update(title=Case(When(person="", then=Value(BUSY)), default=F("person")))
    else:
        rows.update(title=BUSY, person="", person_email="")


def times(
    starts_at: dt.datetime, ends_at: dt.datetime, zone: str, *, is_all_day: bool
) -> dict[str, Any]:
    """The columns that say when. All-day it is only where it covers whole days in the zone."""
    span = Span.between(starts_at, ends_at, zone)
    if is_all_day and _covers_days(starts_at, ends_at, zone):
        span = Span.days(span.starts_on, span.last_day, zone)
    return {**told(span), "starts_at": starts_at, "ends_at": ends_at}


def _covers_days(starts_at: dt.datetime, ends_at: dt.datetime, zone: str) -> bool:
    return all(at == start_of_day(to_wall(at, zone)[0], zone) for at in (starts_at, ends_at))
