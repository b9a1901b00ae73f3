"""Resources out to a CSV file, and in again: all of it or nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from apps.bookings.errors import BookingError
from apps.bookings.services import rezone
from apps.resources import csv_format, services
from apps.resources.csv_format import LineError, Row
from apps.resources.errors import CalendarRefused
from apps.resources.models import Location, Resource
from apps.sync import addresses
from apps.sync.addresses import WouldLeave

if TYPE_CHECKING:
    from apps.tenants.models import Tenant, User


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an import did, or would do; with errors, nothing was stored."""

    added: int = 0
    changed: int = 0
    same: int = 0
    locations: int = 0
    errors: tuple[LineError, ...] = ()


def export(tenant: Tenant) -> str:
    """All resources of a tenant but the archived ones."""
    resources = Resource.objects.for_tenant(tenant).kept().select_related("location")
    return csv_format.write(
        (
            str(one.uuid),
            one.location.name,
            one.name,
            one.kind,
            str(one.capacity),
            one.time_zone,
            one.description,
            "yes" if one.is_active else "no",
            one.calendar_email or "",
        )
        for one in resources
    )


def load(*, tenant: Tenant, content: bytes, check_only: bool, by: User) -> Outcome:
    """Store what the file says, unless a line of it is wrong.

    Raises:
        csv_format.Unreadable: the file is no table of ours.
    """
    table = csv_format.read(content, kinds=Resource.Kind.values)
    if table.errors:
        return Outcome(errors=_in_order(table.errors))
    with transaction.atomic():
        outcome = _Import(tenant, by).of(table.rows)
        if check_only or outcome.errors:
            transaction.set_rollback(True)
    return outcome


class _Import:
    """One pass over the rows; what it knows of the tenant is read once."""

    def __init__(self, tenant: Tenant, by: User) -> None:
        self.tenant, self.by = tenant, by
        self.locations = {one.name.lower(): one for one in Location.objects.for_tenant(tenant)}
        self.new_locations = 0
        known = list(Resource.objects.for_tenant(tenant).select_related("location__tenant"))
        self.by_uuid = {one.uuid: one for one in known}
        self.by_name = {(one.location.name.lower(), one.name.lower()): one for one in known}

    def of(self, rows: tuple[Row, ...]) -> Outcome:
        counts = {"added": 0, "changed": 0, "same": 0}
        errors = []
        for row in rows:
            try:
                with transaction.atomic():
                    counts[self._store(row)] += 1
            except ValidationError as exc:
                errors.append(LineError(row.line, " ".join(exc.messages)))
            except (BookingError, LookupError, CalendarRefused, WouldLeave) as exc:
                errors.append(LineError(row.line, str(exc)))
        if errors:
            return Outcome(errors=_in_order(errors))
        return Outcome(
            added=counts["added"],
            changed=counts["changed"],
            same=counts["same"],
            locations=self.new_locations,
        )

    def _store(self, row: Row) -> str:
        resource = self._found(row)
        is_new = resource._state.adding
        zone = row.time_zone or ("" if is_new else resource.time_zone) or self.tenant.time_zone
        before = _facts(resource)
        said = {
            "location": self._location(row.location),
            "name": row.name,
            "kind": row.kind,
            "capacity": row.capacity,
            "description": row.description,
            "is_active": row.is_active,
        }
        for name, value in said.items():
            if value is not None:
                setattr(resource, name, value)
        moves = not is_new and zone != resource.time_zone
        stored_zone, resource.time_zone = resource.time_zone, zone
        resource.full_clean()
        if moves:
            resource.time_zone = stored_zone
            rezone(resource=resource, time_zone=zone, by=self.by)
        is_same = not is_new and _facts(resource) == before
        if not is_same:
            services.save(resource)
        if self._connect(row, resource, was_active=before[-1]):
            is_same = False
        return "added" if is_new else "same" if is_same else "changed"

    def _connect(self, row: Row, resource: Resource, *, was_active: object) -> bool:
        """As the form does; whether the address is another one now.

        Raises:
            CalendarRefused: the address cannot be the resource's.
            WouldLeave: what becomes of both sides is asked on the resource's page, one by one.
        """
        if was_active and not resource.is_active:
            return addresses.give_up(resource)
        if row.calendar_email is None:
            return False
        return addresses.change(resource, row.calendar_email)

    def _found(self, row: Row) -> Resource:
        if row.uuid is None:
            return self.by_name.get((row.location.lower(), row.name.lower())) or Resource()
        if row.uuid not in self.by_uuid:
            # The same words whether nobody has it or somebody else does.
            raise LookupError(
                _("no resource of yours has this uuid. Leave the cell empty for a new resource.")
            )
        return self.by_uuid[row.uuid]

    def _location(self, name: str) -> Location:
        if name.lower() not in self.locations:
            location = Location(tenant=self.tenant, name=name)
            location.full_clean()
            location.save()
            self.locations[name.lower()] = location
            self.new_locations += 1
        return self.locations[name.lower()]


def _facts(resource: Resource) -> tuple[object, ...]:
    return (
        resource.location_id,
        resource.name,
        resource.kind,
        resource.capacity,
        resource.time_zone,
        resource.description,
        resource.is_active,
    )


def _in_order(errors: list[LineError] | tuple[LineError, ...]) -> tuple[LineError, ...]:
    return tuple(sorted(errors, key=lambda error: error.line))
