"""Fixtures for all tests: no socket but loopback's, and people who are signed in."""

from __future__ import annotations

import datetime as dt
import gc
import ipaddress
import os
import socket
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
import time_machine
from django.core.cache import cache
from django.test import Client

from apps.bookings import services as bookings
from apps.bookings.models import Booking
from apps.bookings.walltime import Span
from apps.resources.models import Location, Resource
from apps.tenants.models import Role, Tenant, User
from tests.factories import (
    LocationFactory,
    MembershipFactory,
    ResourceFactory,
    TenantFactory,
    UserFactory,
)

# What the contract asserts is to be explained like what tests assert.
pytest.register_assert_rewrite("tests.exchange.contract")

# The same examples in every run, so that a red suite is red again; `make soak` looks for new ones.
hypothesis.settings.register_profile("default", deadline=None, derandomize=True, database=None)
hypothesis.settings.register_profile("soak", deadline=None, print_blob=True, database=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# The suite begins on the same day at the same hour each time: what is sold, what is over and what
# Microsoft has switched off by then do not depend on when it runs.
BEGINS_AT = dt.datetime(2026, 11, 26, 10, 0, tzinfo=dt.UTC)
# As a number, since with a zone it would set the machine's as well.
CLOCK = time_machine.travel(BEGINS_AT.timestamp(), tick=True)

# A key like any other; real ones are made, and kept.
ENCRYPTION_KEY = "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtMTI="

# What takes longest, a good part of it waiting for other processes.
SLOW = (
    "tests/running/test_cluster.py",
    "tests/browser/",
    "tests/sync/test_machine.py",
    "tests/scenarios/test_machine.py",
    "tests/scenarios/test_processes.py",
    "tests/running/",
    "tests/console/test_wall.py",
    "tests/sync/test_splitting.py",
)

UserWith = Callable[..., User]
ClientOf = Callable[[User], Client]


def pytest_configure() -> None:
    CLOCK.start()


def pytest_unconfigure() -> None:
    CLOCK.stop()


@pytest.fixture
def real_clock() -> Iterator[None]:
    """For tests with other processes, whose clock is the machine's."""
    CLOCK.stop()
    yield
    CLOCK.start()


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what is slow, so that in the end nobody waits for it; the rest is in random order."""
    items.sort(key=lambda item: not item.nodeid.startswith(SLOW))


def pytest_collection_finish() -> None:
    """Collect garbage seldom: looking through what thousands of tests are made of takes a tenth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


@pytest.fixture(scope="session", autouse=True)
def _static_root_exists() -> None:
    """A fresh checkout has collected no static files, and WhiteNoise warns of a missing root."""
    from django.conf import settings  # noqa: PLC0415 -- after pytest-django has set them up

    settings.STATIC_ROOT.mkdir(parents=True, exist_ok=True)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings_parallel_suffix: None,
) -> None:
    """Let several runs share one server: each names its database by TEST_DB_SUFFIX."""
    if suffix := os.environ.get("TEST_DB_SUFFIX"):
        from django.conf import settings  # noqa: PLC0415 -- after pytest-django has set them up

        test = settings.DATABASES["default"].setdefault("TEST", {})
        test["NAME"] = f"{test.get('NAME') or 'test_optixsync'}_{suffix}"


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test that reaches beyond this machine fails at once."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in {socket.AF_INET, socket.AF_INET6}:
            host = address[0]
            if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
                pytest.fail(f"a test wanted to connect to {host}")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def _settings_for_tests(settings: Any, tmp_path: Any) -> Iterator[None]:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.CACHES = {
        "default": {
            "BACKEND": "django.core.cache.backends.locmem.LocMemCache",
            "LOCATION": str(tmp_path),
        }
    }
    settings.FIELD_ENCRYPTION_KEYS = [ENCRYPTION_KEY]
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    cache.clear()
    yield
    cache.clear()


@pytest.fixture
def tenant(db: None) -> Tenant:
    return TenantFactory.create(name="Alpha Works", slug="alpha")


@pytest.fixture
def other_tenant(db: None) -> Tenant:
    return TenantFactory.create(name="Beta House", slug="beta")


@pytest.fixture
def location(tenant: Tenant) -> Location:
    return LocationFactory.create(tenant=tenant, name="Pier House")


@pytest.fixture
def resource(location: Location) -> Resource:
    return ResourceFactory.create(location=location, name="Lighthouse")


@pytest.fixture
def user_with(db: None) -> UserWith:
    """A person with this role in this tenant."""

    def make(role: Role, tenant: Tenant, **fields: Any) -> User:
        user = UserFactory.create(**fields)
        MembershipFactory.create(user=user, tenant=tenant, role=role)
        return user

    return make


@pytest.fixture
def superuser(db: None) -> User:
    return UserFactory.create(is_superuser=True)


@pytest.fixture
def client_of() -> ClientOf:
    """A browser in which this person is signed in."""

    def make(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def manager(user_with: UserWith, tenant: Tenant) -> User:
    return user_with(Role.MANAGER, tenant)


def span_at(start: str, end: str, zone: str) -> Span:
    """From "2026-06-01 10:00" to "2026-06-01 11:00" in this zone."""
    first, last = dt.datetime.fromisoformat(start), dt.datetime.fromisoformat(end)
    return Span(first.date(), first.time(), last.date(), last.time(), zone)


@pytest.fixture
def book_at() -> Callable[..., Booking]:
    """Book a resource by wall time in its zone."""

    def make(resource: Resource, start: str, end: str, **details: Any) -> Booking:
        return bookings.book(
            resource=resource,
            span=span_at(start, end, resource.time_zone),
            **{"title": "Stand-up", "by": None, **details},
        )

    return make
