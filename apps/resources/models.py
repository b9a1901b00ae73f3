"""What can be booked, and where it stands."""

from __future__ import annotations

import uuid
from typing import Self

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from apps.tenants.models import Tenant
from apps.tenants.querysets import TenantQuerySet
from apps.tenants.time_zones import validate_time_zone


class LocationQuerySet(TenantQuerySet["Location"]):
    pass


class Location(models.Model):
    """A building, or a part of one, with resources in it."""

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="locations", verbose_name=_("tenant")
    )
    name = models.CharField(_("name"), max_length=100)
    address = models.TextField(_("address"), blank=True)

    objects = LocationQuerySet.as_manager()

    class Meta:
        verbose_name = _("location")
        verbose_name_plural = _("locations")
        ordering = ("name", "pk")
        constraints = (
            models.UniqueConstraint(
                "tenant",
                Lower("name"),
                name="location_name_unique_in_tenant",
                violation_error_message=_("You have a location with this name already."),
            ),
        )

    def __str__(self) -> str:
        return self.name


class ResourceQuerySet(TenantQuerySet["Resource"]):
    tenant_path = "location__tenant"

    def bookable(self) -> Self:
        """Active, and not archived."""
        return self.filter(is_active=True, archived_at=None)

    def kept(self) -> Self:
        """Not archived."""
        return self.filter(archived_at=None)


def photo_path(resource: Resource, filename: str) -> str:
    """A name that tells nothing and repeats never; the given one is dropped."""
    return f"photos/{uuid.uuid4().hex}"


class Resource(models.Model):
    """A room, a desk or a piece of equipment. Its tenant is that of its location."""

    class Kind(models.TextChoices):
        ROOM = "room", _("Room")
        DESK = "desk", _("Desk")
        EQUIPMENT = "equipment", _("Equipment")

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    location = models.ForeignKey(
        Location, models.PROTECT, related_name="resources", verbose_name=_("location")
    )
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.ROOM)
    capacity = models.PositiveSmallIntegerField(
        _("capacity"),
        default=1,
        validators=[MinValueValidator(1), MaxValueValidator(10_000)],
        help_text=_("How many people it is for."),
    )
    time_zone = models.CharField(
        _("time zone"),
        max_length=64,
        validators=[validate_time_zone],
        help_text=_("Bookings are made in this zone."),
    )
    description = models.TextField(_("description"), blank=True)
    photo = models.ImageField(_("photo"), upload_to=photo_path, blank=True)
    is_active = models.BooleanField(
        _("active"), default=True, help_text=_("Switch off to take no new bookings for a while.")
    )
    archived_at = models.DateTimeField(_("archived at"), null=True, editable=False)
    # Written by services.set_calendar_email() alone; unique over the whole installation.
    calendar_email = models.EmailField(
        _("calendar email"), null=True, blank=True, default=None, editable=False
    )
    created_at = models.DateTimeField(_("created at"), auto_now_add=True)

    objects = ResourceQuerySet.as_manager()

    class Meta:
        verbose_name = _("resource")
        verbose_name_plural = _("resources")
        ordering = ("location__name", "name", "pk")
        constraints = (
            models.UniqueConstraint(
                "location",
                Lower("name"),
                name="resource_name_unique_in_location",
                violation_error_message=_("This location has a resource with this name already."),
            ),
            models.UniqueConstraint(
                Lower("calendar_email"),
                name="calendar_email_unique",
                violation_error_message=_("Could not connect resource to calendar."),
            ),
            # An empty text would count as an address, and only one resource could have it.
            models.CheckConstraint(
                condition=Q(calendar_email=None) | ~Q(calendar_email=""),
                name="calendar_email_null_when_empty",
            ),
        )

    def __str__(self) -> str:
        return self.name

    @property
    def tenant(self) -> Tenant:
        return self.location.tenant

    @property
    def is_archived(self) -> bool:
        return self.archived_at is not None

    @property
    def is_bookable(self) -> bool:
        return self.is_active and not self.is_archived
