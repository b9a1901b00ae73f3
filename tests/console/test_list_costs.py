"""The lists of people cost the same number of queries at any length."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.tenants.models import Invitation, Membership, Role, Tenant, User
from tests.factories import TenantFactory


@pytest.fixture(params=[10, 1000])
def rows(request: pytest.FixtureRequest, tenant: Tenant) -> int:
    """So many members, invitations and people."""
    number: int = request.param
    users = User.objects.bulk_create(User(email=f"p{n}@example.org") for n in range(number))
    Membership.objects.bulk_create(Membership(tenant=tenant, user=user) for user in users)
    Invitation.objects.bulk_create(
        Invitation(
            tenant=tenant,
            email=f"guest{n}@example.org",
            invited_by=users[0],
            expires_at=timezone.now() + dt.timedelta(days=1),
        )
        for n in range(number)
    )
    return number


@pytest.mark.parametrize(
    ("page", "queries"), [("tenants_membership", 7), ("tenants_invitation", 7)]
)
def test_list_of_an_owner(
    rows: int,
    page: str,
    queries: int,
    tenant: Tenant,
    user_with: Callable[..., User],
    client_of: Callable[[User], Client],
    django_assert_num_queries: Any,
) -> None:
    client = client_of(user_with(Role.OWNER, tenant))
    address = reverse(f"admin:{page}_changelist")
    client.get(address)

    with django_assert_num_queries(queries):
        client.get(address)


@pytest.mark.parametrize("rows_of_tenants", [10, 1000])
@pytest.mark.parametrize(("page", "queries"), [("tenants_tenant", 7), ("tenants_user", 7)])
def test_list_of_a_superuser(
    rows_of_tenants: int,
    page: str,
    queries: int,
    superuser: User,
    client_of: Callable[[User], Client],
    django_assert_num_queries: Any,
) -> None:
    TenantFactory.create_batch(2)
    Tenant.objects.bulk_create(Tenant(name=f"T {n}", slug=f"t-{n}") for n in range(rows_of_tenants))
    User.objects.bulk_create(User(email=f"u{n}@example.org") for n in range(rows_of_tenants))
    client = client_of(superuser)
    address = reverse(f"admin:{page}_changelist")
    client.get(address)

    with django_assert_num_queries(queries):
        client.get(address)
