"""The demo's tenants, people, resources and bookings: made through the same services as any."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils import timezone

from apps.bookings import services as bookings
from apps.bookings.walltime import Span
from apps.resources import services as resources
from apps.resources.models import Location, Resource
from apps.tenants import services as tenants
from apps.tenants.installation import this_installation
from apps.tenants.models import Installation, Membership, Role, Tenant, User

PASSWORD = "demo"  # noqa: S105 -- the demo tells everyone, and listens on loopback alone
ADMIN = "admin@example.com"

ROOM, DESK, EQUIPMENT = Resource.Kind.ROOM, Resource.Kind.DESK, Resource.Kind.EQUIPMENT

# Per location: name, kind, capacity, description.
PLACES: dict[str, dict[str, list[tuple[str, Resource.Kind, int, str]]]] = {
    "harbour-works": {
        "Pier House": [
            ("Lighthouse", ROOM, 12, "Large screen, view of the water."),
            ("Anchor", ROOM, 6, "Whiteboard on two walls."),
            ("Compass", ROOM, 4, "For calls; quiet."),
            ("Bollard", ROOM, 8, ""),
            ("Window desk 1", DESK, 1, "Height-adjustable."),
            ("Window desk 2", DESK, 1, "Height-adjustable."),
            ("Projector", EQUIPMENT, 1, "In its case at the front desk."),
        ],
        "Rope Walk": [
            ("Long Room", ROOM, 40, "Talks and workshops."),
            ("Splice", ROOM, 3, ""),
        ],
    },
    "alster-offices": {
        "Speicherstadt": [
            ("Elbe", ROOM, 10, ""),
            ("Bille", ROOM, 5, ""),
            ("Desk A", DESK, 1, ""),
        ],
    },
    "lantern-house": {
        "Lamp Street": [
            ("Beacon", ROOM, 14, "For talks; a stage."),
            ("Wick", ROOM, 8, "Two screens."),
            ("Mantle", ROOM, 6, ""),
            ("Prism", ROOM, 4, "By the window."),
            ("Slide viewer", EQUIPMENT, 1, "At reception."),
        ],
    },
    "quarry-yard": {
        "Granite Court": [
            ("Granite", ROOM, 10, "Whiteboard wall."),
            ("Slate", ROOM, 6, ""),
            ("Marble", ROOM, 4, ""),
        ],
    },
}
TENANTS = {
    "harbour-works": ("Harbour Works", "Europe/London"),
    "alster-offices": ("Alster Offices", "Europe/Berlin"),
    "lantern-house": ("Lantern House", "Europe/London"),
    "quarry-yard": ("Quarry Yard", "Europe/Dublin"),
}
PEOPLE = {
    "owner@example.com": ("Olive Owens", {"harbour-works": Role.OWNER}),
    "manager@example.com": ("Marcus Mann", {"harbour-works": Role.MANAGER}),
    "viewer@example.com": ("Vera Vine", {"harbour-works": Role.VIEWER}),
    "inhaberin@example.com": ("Inga Ibsen", {"alster-offices": Role.OWNER}),
    "keeper@example.com": ("Kit Keeper", {"lantern-house": Role.OWNER}),
    "mason@example.com": ("May Mason", {"quarry-yard": Role.OWNER}),
}
# Resource, days from today, from, to, title, person.
DIARY: tuple[tuple[str, int, str, str, str, str], ...] = (
    ("Lighthouse", 0, "09:00", "10:00", "Monday numbers", "Tideway Ltd"),
    ("Lighthouse", 0, "10:00", "11:30", "Board meeting", "Marram & Co"),
    ("Lighthouse", 0, "14:00", "16:00", "Product review", "Tideway Ltd"),
    ("Anchor", 0, "09:30", "10:30", "Interviews", "Saltmarsh Studio"),
    ("Anchor", 0, "13:00", "14:00", "Lunch and learn", "Marram & Co"),
    ("Compass", 0, "11:00", "11:30", "Call with the bank", "Kittiwake Books"),
    ("Projector", 0, "14:00", "16:00", "For the product review", "Tideway Ltd"),
    ("Long Room", 0, "18:00", "21:00", "Evening talk: tide mills", "Harbour Society"),
    ("Lighthouse", 1, "09:00", "12:00", "Workshop", "Saltmarsh Studio"),
    ("Anchor", 1, "15:00", "16:00", "Hand-over", "Tideway Ltd"),
    ("Bollard", 1, "10:00", "11:00", "Stand-up", "Kittiwake Books"),
    ("Long Room", 2, "09:00", "17:00", "Training day", "Marram & Co"),
    ("Splice", 2, "13:00", "13:45", "One to one", "Kittiwake Books"),
    ("Compass", -1, "10:00", "11:00", "Budget", "Tideway Ltd"),
    ("Anchor", -3, "09:00", "10:00", "Kick-off", "Saltmarsh Studio"),
    ("Elbe", 0, "09:00", "11:00", "Jour fixe", "Deichgraf GmbH"),
    ("Bille", 1, "14:00", "15:00", "Vorstellung", "Deichgraf GmbH"),
    ("Wick", 0, "14:00", "15:30", "Design critique", "Glasswing Press"),
    ("Wick", 1, "09:00", "10:00", "Interview", "Glasswing Press"),
    ("Beacon", 2, "18:00", "20:00", "Reading", "Lamplighters"),
    ("Mantle", 0, "09:00", "10:00", "Call with the printer", "Glasswing Press"),
    ("Granite", 1, "10:00", "11:00", "Site meeting", "Drystone Partners"),
)
ALL_DAY = (("Window desk 1", 0, 2, "Desk for the week", "Kittiwake Books"),)


@transaction.atomic
def fill() -> bool:
    """Make all of it, once; answer whether there was anything to do."""
    installation = this_installation()
    if Tenant.objects.exists():
        return False
    Installation.objects.filter(pk=installation.pk).update(is_demo=True)
    admin = User.objects.create_superuser(ADMIN, PASSWORD, name="Ada Admin")
    made = {
        slug: tenants.create_tenant(name=name, slug=slug, time_zone=zone)
        for slug, (name, zone) in TENANTS.items()
    }
    for email, (name, roles) in PEOPLE.items():
        user = User.objects.create_user(email, PASSWORD, name=name)
        for slug, role in roles.items():
            Membership.objects.create(tenant=made[slug], user=user, role=role)
    for slug, locations in PLACES.items():
        _furnish(made[slug], locations)
    _write_diary(admin)
    return True


def _furnish(
    tenant: Tenant, locations: dict[str, list[tuple[str, Resource.Kind, int, str]]]
) -> None:
    for location_name, contents in locations.items():
        location = Location.objects.create(tenant=tenant, name=location_name)
        for name, kind, capacity, description in contents:
            Resource.objects.create(
                location=location,
                name=name,
                kind=kind,
                capacity=capacity,
                description=description,
                time_zone=tenant.time_zone,
            )
    if tenant.slug == "harbour-works":
        projector = Resource.objects.get(name="Projector")
        resources.archive(
            Resource.objects.create(
                location=projector.location,
                name="Old projector",
                kind=EQUIPMENT,
                time_zone=tenant.time_zone,
            )
        )


def _write_diary(by: User) -> None:
    found = {one.name: one for one in Resource.objects.select_related("location__tenant")}

    def day(resource: Resource, offset: int) -> dt.date:
        zone = ZoneInfo(resource.time_zone)
        return timezone.localdate(timezone=zone) + dt.timedelta(days=offset)

    for name, offset, start, end, title, person in DIARY:
        resource = found[name]
        on = day(resource, offset)
        span = Span(
            on,
            dt.time.fromisoformat(start),
            on,
            dt.time.fromisoformat(end),
            resource.time_zone,
        )
        bookings.book(resource=resource, span=span, title=title, person=person, by=by)
    for name, first, last, title, person in ALL_DAY:
        resource = found[name]
        span = Span.days(day(resource, first), day(resource, last), resource.time_zone)
        bookings.book(resource=resource, span=span, title=title, person=person, by=by)
    moved = bookings.book(
        resource=found["Bollard"],
        span=Span(
            day(found["Bollard"], 0),
            dt.time(15),
            day(found["Bollard"], 0),
            dt.time(16),
            found["Bollard"].time_zone,
        ),
        title="Photo shoot",
        person="Saltmarsh Studio",
        by=by,
    )
    bookings.cancel(booking=moved, revision=moved.revision, by=by, reason="Moved to next month.")
