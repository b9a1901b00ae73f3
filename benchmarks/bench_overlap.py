"""What the refusal of overlaps costs: the same bookings with and without the constraint."""

from __future__ import annotations

import datetime as dt
import time

from django.core.management import call_command
from django.db import connection, transaction

from apps.bookings.models import Booking
from apps.bookings.walltime import Span
from apps.resources.models import Location, Resource
from apps.tenants.models import Tenant

BOOKINGS = 20_000
RESOURCES = 20
HOUR = dt.timedelta(hours=1)


def run() -> None:
    call_command("migrate", verbosity=0)
    tenant = Tenant.objects.create(name="Bench", slug="bench-overlap")
    location = Location.objects.create(tenant=tenant, name="Bench")
    resources = [
        Resource.objects.create(location=location, name=f"Room {n}", time_zone="UTC")
        for n in range(RESOURCES)
    ]
    bookings = [_booking(resources[n % RESOURCES], n // RESOURCES) for n in range(BOOKINGS)]
    constraint = next(c for c in Booking._meta.constraints if c.name == "booking_overlaps_no_other")
    guarded = _seconds_to_insert(bookings)
    with connection.schema_editor() as editor:
        editor.remove_constraint(Booking, constraint)
    bare = _seconds_to_insert(bookings)
    print(
        f"overlap: {BOOKINGS} inserts with the constraint take "
        f"{guarded / bare:.1f} times as long as without it"
    )


def _booking(resource: Resource, hour: int) -> Booking:
    starts_at = dt.datetime(2026, 1, 1, tzinfo=dt.UTC) + hour * HOUR
    span = Span.between(starts_at, starts_at + HOUR, "UTC")
    return Booking(
        resource=resource,
        title="Bench",
        starts_at=starts_at,
        ends_at=starts_at + HOUR,
        starts_on=span.starts_on,
        starts_time=span.starts_time,
        ends_on=span.ends_on,
        ends_time=span.ends_time,
        time_zone="UTC",
    )


def _seconds_to_insert(bookings: list[Booking]) -> float:
    """The quickest of three, each rolled back."""
    times = []
    for _ in range(3):
        with transaction.atomic():
            start = time.perf_counter()
            Booking.objects.bulk_create(bookings, batch_size=1000)
            times.append(time.perf_counter() - start)
            transaction.set_rollback(True)
        for booking in bookings:
            booking.pk = None
    return min(times)
