"""Connections as people install them."""

from __future__ import annotations

import pytest

from apps.exchange import checking, services
from apps.exchange.models import ExchangeConnection
from apps.tenants.models import Tenant
from tests.exchange.world import Walk, details


@pytest.fixture
def walk(monkeypatch: pytest.MonkeyPatch) -> Walk:
    standing_in = Walk()
    monkeypatch.setattr(checking, "walk", standing_in)
    return standing_in


@pytest.fixture
def pending(tenant: Tenant) -> ExchangeConnection:
    """Typed, and not checked yet."""
    return services.install(tenant=tenant, details=details(), by=None)


@pytest.fixture
def installed(pending: ExchangeConnection, walk: Walk) -> ExchangeConnection:
    services.check(pending)
    return pending
