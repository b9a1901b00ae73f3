"""Today at a glance: who has what, what is free all day, and what needs a person."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Exists, OuterRef, Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.bookings.models import Booking
from apps.bookings.walltime import start_of_day
from apps.console import move_words
from apps.console.conflict_words import headline
from apps.console.tenant_admin import allows, is_copy
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Location, Resource
from apps.sync import telling
from apps.sync.models import CalendarLink, Conflict
from apps.tenants.models import Role
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
        needs_a_person=_endings(request, tenant) + matters(tenant, is_silent=is_copy(request)),
        most_shown=MOST_SHOWN,
        **_by_location(tenant, now, today),
    )
    return context


def _endings(request: HttpRequest, tenant: Tenant) -> list[Matter]:
    """Connections whose wire Microsoft switches off soon; those who can mend it are told."""
    if not allows(request, Role.OWNER):
        return []
    rows = ExchangeConnection.objects.for_tenant(tenant).installed()
    return [Matter(words, link) for words, link in move_words.endings(list(rows))]


def matters(tenant: Tenant, *, is_silent: bool = False) -> list[Matter]:
    """What the calendars ask; clashes; and bookings of resources that take none any more."""
    asked = Conflict.objects.for_tenant(tenant).undecided().filter(other__isnull=False)
    bookings = Booking.objects.for_tenant(tenant).upcoming().exclude(pk__in=asked.values("booking"))
    found = _of_calendars(tenant, is_silent=is_silent) + [
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


def _of_calendars(tenant: Tenant, *, is_silent: bool) -> list[Matter]:
    """Conflicts, held losses, many first sends, and calendars that cannot go on."""
    conflicts = Conflict.objects.for_tenant(tenant).undecided()
    found = [
        Matter(
            _("%(what)s, in %(resource)s. Decide who wins.")
            % {"what": headline(conflict), "resource": conflict.calendar.resource},
            reverse("admin:sync_conflict_change", args=[conflict.pk]),
        )
        for conflict in conflicts.select_related("booking", "other", "calendar__resource")[
            :MOST_SHOWN
        ]
    ]
    waits = Count("links", filter=~Q(links__held="") & Q(links__decision=""))
    calendars = (
        CalendarLink.objects.for_tenant(tenant)
        .connected()
        .annotate(waits=waits, shown=telling.shown(timezone.now(), is_silent=is_silent))
        .select_related("resource")
    )
    sends = Q(sends_held__gt=0, are_sends_approved=False)
    wanted = calendars.filter(sends | Q(waits__gt=0) | Q(shown=telling.Shown.NEEDS_ATTENTION))
    for calendar in wanted[:MOST_SHOWN]:
        found += _of_calendar(calendar, vars(calendar))
    return found


def _of_calendar(calendar: CalendarLink, told: dict[str, Any]) -> list[Matter]:
    resource = calendar.resource
    page = reverse("admin:resources_resource_change", args=[resource.pk])
    found = []
    if told["shown"] == telling.Shown.NEEDS_ATTENTION:
        words = _("The calendar of %(resource)s needs attention.")
        found.append(Matter(words % {"resource": resource}, f"{page}#calendar-state"))
    if told["waits"]:
        words = ngettext(
            "%(n)s loss is held back in %(resource)s. Apply it, or keep the booking.",
            "%(n)s losses are held back in %(resource)s. Apply them, or keep the bookings.",
            told["waits"],
        ) % {"n": told["waits"], "resource": resource}
        found.append(Matter(words, reverse("admin:resources_resource_held", args=[resource.pk])))
    if calendar.sends_held and not calendar.are_sends_approved:
        words = _("%(resource)s waits before it sends %(n)s bookings to its calendar.")
        told_words = words % {"resource": resource, "n": calendar.sends_held}
        found.append(Matter(told_words, f"{page}#calendar-state"))
    return found


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
