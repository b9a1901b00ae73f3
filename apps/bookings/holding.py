"""Rows locked until the end of a transaction, always in the same order: resources, then bookings."""

from __future__ import annotations

from apps.bookings.errors import StaleBooking
from apps.bookings.models import Booking
from apps.resources.models import Resource


def held_resource(resource: Resource) -> Resource:
    return held_resources({resource.pk})[resource.pk]


def held_resources(keys: set[int]) -> dict[int, Resource]:
    """The resources as stored, locked in one order.

    Their zone and state hold until the end of the transaction; and whoever books the same resource
    waits here, instead of in the constraint, where two can wait for each other for ever.
    """
    rows = (
        Resource.objects.filter(pk__in=keys)
        .select_related("location__tenant")
        .select_for_update(of=("self",), no_key=True)
        .order_by("pk")
    )
    return {row.pk: row for row in rows}


def held(
    booking: Booking, revision: int | None, resource: Resource | None = None
) -> tuple[Booking, Resource]:
    """The booking as stored, and the resource it is to have, both locked; at any revision if None.

    Raises:
        StaleBooking: the revision is no longer the booking's.
    """
    wanted = resource.pk if resource else booking.resource_id
    resources = held_resources({booking.resource_id, wanted})
    stored = (
        Booking.objects.select_related("resource__location__tenant")
        .select_for_update(of=("self",))
        .get(pk=booking.pk)
    )
    if revision is not None and stored.revision != revision:
        raise StaleBooking(stored)
    return stored, resources[wanted]
