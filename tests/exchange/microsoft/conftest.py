"""A token endpoint that answers as a test tells it, and a connection of each access."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from apps.exchange.models import ExchangeConnection
from apps.exchange.secrets import seal
from apps.sandbox.server import serve
from apps.sandbox.store import Store
from apps.tenants.models import Tenant
from tests.exchange.http import serving
from tests.exchange.microsoft.endpoint import CLIENT_ID, CLIENT_SECRET, ORGANISATION, TokenEndpoint
from tests.exchange.microsoft.lantern import Lantern, point_to


@pytest.fixture
def endpoint(settings: Any) -> Iterator[TokenEndpoint]:
    settings.EXCHANGE_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = ["127.0.0.1"]
    settings.MICROSOFT_CLIENT_ID, settings.MICROSOFT_CLIENT_SECRET = CLIENT_ID, CLIENT_SECRET
    settings.MICROSOFT_TENANT = "organizations"
    with serving() as server:
        settings.MICROSOFT_LOGIN_URL = f"{server.url}/login"
        made = TokenEndpoint(server)
        server.answer = made.answer
        yield made


@pytest.fixture
def of_account(tenant: Tenant) -> ExchangeConnection:
    """A person's own access; the refresh token is the endpoint's first."""
    return ExchangeConnection.objects.create(
        tenant=tenant, kind="microsoft_365", wire="graph", access="account", name="Microsoft 365",
        organisation_id=ORGANISATION, email="frontdesk@lantern.example",
        sealed_refresh_token=seal("refresh-0"),
    )  # fmt: skip


@pytest.fixture
def of_organisation(tenant: Tenant) -> ExchangeConnection:
    """Organisation-wide access."""
    return ExchangeConnection.objects.create(
        tenant=tenant, kind="microsoft_365", wire="graph", access="organisation",
        name="Lantern House", organisation_id=ORGANISATION,
    )  # fmt: skip


@pytest.fixture
def lantern(tenant: Tenant, settings: Any) -> Iterator[Lantern]:
    """An organisation of Microsoft 365 at the sandbox, where the product looks for Microsoft."""
    with serve(Store(seed=7)) as server:
        point_to(server, settings)
        yield Lantern(server, tenant)
