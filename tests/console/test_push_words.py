"""Pages say whether Microsoft tells of changes at once, and if not, why."""

from __future__ import annotations

from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.exchange.models import ExchangeConnection
from apps.resources.models import Location
from apps.sync.models import CalendarLink, Subscription
from apps.tenants.models import Role, Tenant, User
from tests.conftest import ClientOf, UserWith
from tests.sync.test_notifications import make_connection, make_subscription

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner(user_with: UserWith, tenant: Tenant) -> User:
    return user_with(Role.OWNER, tenant)


@pytest.fixture
def connection(tenant: Tenant) -> ExchangeConnection:
    return make_connection(tenant)


@pytest.fixture
def subscription(location: Location, connection: ExchangeConnection, settings: Any) -> Subscription:
    settings.MICROSOFT_NOTIFICATION_URL = "https://sync.example.com"
    made = make_subscription(location, connection)
    CalendarLink.objects.update(last_good_at=timezone.now())
    return made


def shown(client_of: ClientOf, owner: User, subscription: Subscription) -> tuple[str, str]:
    """The page of the connection, and the box of the calendar."""
    client = client_of(owner)
    connection = client.get(
        reverse("admin:exchange_connection", args=[subscription.connection.uuid])
    )
    calendar = client.get(
        reverse("admin:resources_resource_calendar", args=[subscription.calendar.resource_id])
    )
    assert (connection.status_code, calendar.status_code) == (200, 200)
    return connection.content.decode(), calendar.content.decode()


def test_live_subscription_is_told_of(
    client_of: ClientOf, owner: User, subscription: Subscription
) -> None:
    for page in shown(client_of, owner, subscription):
        assert "Microsoft tells of changes at once; besides" in page


def test_polling_and_its_reason_are_told(
    client_of: ClientOf, owner: User, subscription: Subscription, settings: Any
) -> None:
    settings.MICROSOFT_NOTIFICATION_URL, settings.PUBLIC_URL = "", "http://127.0.0.1:8000"

    for page in shown(client_of, owner, subscription):
        assert "Each calendar is asked once a minute" in page
        assert "PUBLIC_URL" in page


def test_refusal_of_microsoft_is_told(
    client_of: ClientOf, owner: User, subscription: Subscription
) -> None:
    Subscription.objects.update(
        state="wanted", subscription_id=None, client_state_hash="", cause="It was not reached."
    )

    for page in shown(client_of, owner, subscription):
        assert "It was not reached." in page
