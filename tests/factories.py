"""The least that a row needs to be valid; a test says what matters to it."""

from __future__ import annotations

from factory.declarations import SelfAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory, Password

from apps.resources.models import Location, Resource
from apps.tenants.models import Membership, Role, Tenant, User

__all__ = [
    "LocationFactory",
    "MembershipFactory",
    "ResourceFactory",
    "TenantFactory",
    "UserFactory",
]


class TenantFactory(DjangoModelFactory[Tenant]):
    class Meta:
        model = Tenant

    name = Sequence(lambda n: f"Tenant {n}")
    slug = Sequence(lambda n: f"tenant-{n}")
    time_zone = "Europe/London"


class UserFactory(DjangoModelFactory[User]):
    class Meta:
        model = User

    email = Sequence(lambda n: f"person{n}@example.com")
    password = Password("correct horse")


class MembershipFactory(DjangoModelFactory[Membership]):
    class Meta:
        model = Membership

    tenant = SubFactory(TenantFactory)
    user = SubFactory(UserFactory)
    role = Role.VIEWER


class LocationFactory(DjangoModelFactory[Location]):
    class Meta:
        model = Location

    tenant = SubFactory(TenantFactory)
    name = Sequence(lambda n: f"Location {n}")


class ResourceFactory(DjangoModelFactory[Resource]):
    class Meta:
        model = Resource

    location = SubFactory(LocationFactory)
    name = Sequence(lambda n: f"Room {n}")
    time_zone = SelfAttribute("location.tenant.time_zone")
