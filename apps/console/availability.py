"""A resource's day: what is taken, and what is free between opening and closing."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import render
from django.utils import timezone

from apps.bookings.models import Booking
from apps.bookings.walltime import start_of_day, to_wall
from apps.resources.models import Resource
from apps.tenants.standing import standing

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse

DAY_MINUTES = 24 * 60


@dataclass(frozen=True, slots=True)
class Taken:
    """One booking within the day. `left` and `width` are per cent of the hours shown."""

    booking: Booking
    starts: dt.time
    ends: dt.time
    ends_at_midnight: bool
    left: float
    width: float
    is_this: bool


@dataclass(frozen=True, slots=True)
class Day:
    """The hours shown are the tenant's, and longer where bookings lie outside of them."""

    resource: Resource
    on: dt.date
    opens: int
    closes: int
    taken: tuple[Taken, ...]

    @property
    def hours(self) -> list[str]:
        return [f"{minute // 60:02}:{minute % 60:02}" for minute in (self.opens, self.closes)]


def day_of(resource: Resource, on: dt.date, this: int | None = None) -> Day:
    """The day of a resource in its own zone; `this` is the booking that is being edited."""
    zone = resource.time_zone
    begins, ends = start_of_day(on, zone), start_of_day(on + dt.timedelta(days=1), zone)
    bookings = (
        Booking.objects.filter(resource=resource)
        .blocking()
        .overlapping(begins, ends)
        .order_by("starts_at")
    )
    parts = [(one, *_minutes(one, begins, ends, zone)) for one in bookings]
    tenant = resource.tenant
    opens = min([_minute(tenant.opens_at), *(start for _, start, _ in parts)])
    closes = max([_minute(tenant.closes_at), *(end for _, _, end in parts)])
    return Day(
        resource,
        on,
        opens,
        closes,
        tuple(
            Taken(
                booking=one,
                starts=_time(start),
                ends=_time(end),
                ends_at_midnight=end == DAY_MINUTES,
                left=round(100 * (start - opens) / (closes - opens), 2),
                width=round(100 * (end - start) / (closes - opens), 2),
                is_this=one.pk == this,
            )
            for one, start, end in parts
        ),
    )


def availability(request: HttpRequest) -> HttpResponse:
    """The fragment under the form: ?resource=ID&starts_on=DATE&booking=ID."""
    here = standing(request)
    if here is None:
        raise Http404
    return render(
        request,
        "console/bookings/availability.html",
        {
            "day": chosen_day(
                request, request.GET.get("resource", ""), request.GET.get("starts_on", "")
            )
        },
    )


def chosen_day(
    request: HttpRequest, resource: str, on: str, booking: str | None = None
) -> Day | None:
    """The day of what was chosen so far; None while something is missing."""
    here = standing(request)
    if here is None or not resource.isdigit():
        return None
    found = (
        Resource.objects.for_tenant(here.tenant)
        .select_related("location__tenant")
        .filter(pk=resource)
        .first()
    )
    if found is None:
        raise Http404
    this = booking or request.GET.get("booking", "")
    return day_of(found, _date(on, found), int(this) if this.isdigit() else None)


def _date(on: str, resource: Resource) -> dt.date:
    today, _ = to_wall(timezone.now(), resource.time_zone)
    try:
        date = dt.date.fromisoformat(on)
    except ValueError:
        return today
    # The first and last days of the calendar have no neighbours.
    return date if 1 < date.year < dt.MAXYEAR else today


def _minutes(
    booking: Booking, begins: dt.datetime, ends: dt.datetime, zone: str
) -> tuple[int, int]:
    """Start and end as minutes on the clock of this day."""
    start = 0 if booking.starts_at <= begins else _minute(to_wall(booking.starts_at, zone)[1])
    end = DAY_MINUTES if booking.ends_at >= ends else _minute(to_wall(booking.ends_at, zone)[1])
    # In the hour that a clock shows twice, an end can be shown before its start.
    return start, max(end, start + 1)


def _minute(time: dt.time) -> int:
    return time.hour * 60 + time.minute


def _time(minute: int) -> dt.time:
    return dt.time(minute // 60 % 24, minute % 60)
