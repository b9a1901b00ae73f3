"""The Dashboard tells today at a glance, to each tenant its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.bookings.models import Booking
from apps.resources import services as resources
from apps.resources.models import Resource
from apps.tenants.models import Role, Tenant, User
from tests.factories import LocationFactory, ResourceFactory

BookAt = Callable[..., Booking]
INDEX = reverse("admin:index")


@pytest.fixture
def client(manager: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(manager)


def today(start: str, end: str) -> tuple[str, str]:
    on = timezone.localdate()
    return f"{on} {start}", f"{on} {end}"


def test_today_by_location_and_what_is_free(
    client: Client, resource: Resource, book_at: BookAt
) -> None:
    ResourceFactory.create(location=resource.location, name="Anchor")
    book_at(resource, *today("10:00", "11:00"), title="Board meeting")

    response = client.get(INDEX)

    page = response.content.decode()
    assert "Board meeting" in page
    assert "10:00–11:00" in page
    assert [one.name for one in response.context["free"]] == ["Anchor"]
    assert "Nothing does." in page


def test_another_tenants_day_is_not_shown(
    client: Client, resource: Resource, other_tenant: Tenant, book_at: BookAt
) -> None:
    foreign = ResourceFactory.create(
        location=LocationFactory.create(tenant=other_tenant), name="Foreign room"
    )
    book_at(foreign, *today("10:00", "11:00"), title="Foreign meeting")

    page = client.get(INDEX).content.decode()

    assert "Foreign" not in page


def test_bookings_of_an_archived_resource_need_a_person(
    client: Client, resource: Resource, book_at: BookAt
) -> None:
    year = timezone.now().year + 1
    book_at(resource, f"{year}-06-01 10:00", f"{year}-06-01 11:00")
    resources.archive(resource)
    ResourceFactory.create(location=resource.location)

    assert "Lighthouse takes no bookings any more" in client.get(INDEX).content.decode()


def test_clash_needs_a_person(client: Client, resource: Resource, book_at: BookAt) -> None:
    year = timezone.now().year + 1
    book_at(resource, f"{year}-06-01 10:00", f"{year}-06-01 11:00", title="Twice")
    Booking.objects.update(clashing=True)

    assert "“Twice” clashes with another booking" in client.get(INDEX).content.decode()


def test_first_visit_says_what_to_do_next(
    client: Client,
    tenant: Tenant,
    user_with: Callable[..., User],
    client_of: Callable[[User], Client],
    superuser: User,
) -> None:
    assert "Add a location" in client.get(INDEX).content.decode()

    viewer = client_of(user_with(Role.VIEWER, tenant))
    assert "As soon as a manager adds" in viewer.get(INDEX).content.decode()

    LocationFactory.create(tenant=tenant)
    assert "Add a resource" in client.get(INDEX).content.decode()

    Tenant.objects.update(archived_at=timezone.now())
    assert "Add a tenant" in client_of(superuser).get(INDEX).content.decode()


@pytest.mark.parametrize("rows", [3, 100])
def test_dashboard_costs_the_same_at_any_size(
    client: Client,
    resource: Resource,
    book_at: BookAt,
    rows: int,
    django_assert_num_queries: Any,
) -> None:
    for one in ResourceFactory.create_batch(rows, location=resource.location):
        book_at(one, *today("10:00", "11:00"))
    client.get(INDEX)

    with django_assert_num_queries(12):
        client.get(INDEX)
