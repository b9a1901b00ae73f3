"""Today at a glance: who has what, what is free all day, and what needs a person."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db.models import Exists, OuterRef
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.bookings.models import Booking
from apps.bookings.walltime import start_of_day
from apps.resources.models import Location, Resource
from apps.tenants.standing import standing

if TYPE_CHECKING:
    from django.http import HttpRequest

    from apps.tenants.models import Tenant

# A building with more is read in the list, which has pages.
MOST_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Entry:
    """One booking of today, in its resource's zone."""

    booking: Booking
    starts: dt.datetime
    ends: dt.datetime
    is_now: bool
    is_over: bool


@dataclass(frozen=True, slots=True)
class Matter:
    """Something that only a person can put right."""

    words: str
    link: str


def callback(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the Dashboard shows beside what every page has."""
    here = standing(request)
    if here is None:
        return context
    tenant = here.tenant
    now = timezone.now()
    today = timezone.localdate(timezone=ZoneInfo(tenant.time_zone))
    context.update(
        today=today,
        has_locations=Location.objects.for_tenant(tenant).exists(),
        needs_a_person=matters(tenant),
        most_shown=MOST_SHOWN,
        **_by_location(tenant, now, today),
    )
    return context


def matters(tenant: Tenant) -> list[Matter]:
    """Clashes, and bookings of resources that take none any more."""
    bookings = Booking.objects.for_tenant(tenant).upcoming()
    found = [
        Matter(
            _("“%(title)s” clashes with another booking of %(resource)s.")
            % {"title": booking.title, "resource": booking.resource},
            reverse("admin:bookings_booking_change", args=[booking.pk]),
        )
        for booking in bookings.filter(clashing=True).select_related("resource")[:MOST_SHOWN]
    ]
    unbookable = (
        Resource.objects.for_tenant(tenant)
        .exclude(is_active=True, archived_at=None)
        .filter(Exists(Booking.objects.upcoming().filter(resource=OuterRef("pk"))))
    )
    listed = reverse("admin:bookings_booking_changelist")
    return found + [
        Matter(
            _("%(resource)s takes no bookings any more, but still has some to come.")
            % {"resource": resource},
            f"{listed}?resource__id__exact={resource.pk}",
        )
        for resource in unbookable[:MOST_SHOWN]
    ]


def _by_location(tenant: Tenant, now: dt.datetime, today: dt.date) -> dict[str, Any]:
    """Each location with the resources that are taken today, and those that are not."""
    begins = start_of_day(today, tenant.time_zone)
    ends = start_of_day(today + dt.timedelta(days=1), tenant.time_zone)
    entries: dict[int, list[Entry]] = defaultdict(list)
    bookings = (
        Booking.objects.for_tenant(tenant)
        .blocking()
        .overlapping(begins, ends)
        .select_related("resource")
        .order_by("starts_at", "pk")
    )
    for booking in bookings[:MOST_SHOWN]:
        entries[booking.resource_id].append(_entry(booking, now))
    taken: dict[Location, list[tuple[Resource, list[Entry]]]] = defaultdict(list)
    free: list[Resource] = []
    resources = (
        Resource.objects.for_tenant(tenant).bookable().select_related("location")[:MOST_SHOWN]
    )
    for resource in resources:
        if resource.pk in entries:
            taken[resource.location].append((resource, entries[resource.pk]))
        else:
            free.append(resource)
    return {
        "taken": list(taken.items()),
        "free": free,
        "bookings_today": sum(map(len, entries.values())),
        "has_resources": bool(taken or free),
    }


def _entry(booking: Booking, now: dt.datetime) -> Entry:
    zone = ZoneInfo(booking.time_zone)
    return Entry(
        booking,
        booking.starts_at.astimezone(zone),
        booking.ends_at.astimezone(zone),
        is_now=booking.starts_at <= now < booking.ends_at,
        is_over=booking.ends_at <= now,
    )
