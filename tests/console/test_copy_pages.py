"""A copied database says so on every page, and only a superuser decides which of the two it is."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.bookings.models import Booking
from apps.sync.models import CalendarLink, EventLink
from apps.tenants.installation import may_send, this_installation
from apps.tenants.models import Role, Tenant, User
from tests.conftest import ClientOf, UserWith
from tests.console.calendars import LiveWorld

WORDS = "This database is a copy."
SENDS_NOW = reverse("admin:installation_sends_now")
IS_A_COPY = reverse("admin:installation_is_a_copy")
PAGES = [
    reverse(f"admin:{name}")
    for name in ("index", "resources_resource_changelist", "bookings_booking_add")
]


@pytest.fixture
def copied(world: LiveWorld, settings: Any) -> LiveWorld:
    """Both sides agreed; then the database woke up in another environment."""
    this_installation()
    world.book(24)
    world.outlook.book(world.at(48), world.at(49), "Review")
    world.sync()
    settings.INSTALLATION_ID = "another environment"
    return world


@pytest.mark.parametrize("role", list(Role))
def test_every_role_sees_it_and_only_a_superuser_can_decide(
    copied: LiveWorld,
    tenant: Tenant,
    role: Role,
    user_with: UserWith,
    client_of: ClientOf,
) -> None:
    client = client_of(user_with(role, tenant))

    for page in PAGES[: 2 if role is Role.VIEWER else 3]:
        content = client.get(page).content.decode()
        assert WORDS in content
        assert SENDS_NOW not in content
    for address in (SENDS_NOW, IS_A_COPY):
        assert client.post(address).status_code == 403
    assert not may_send()


def test_original_says_nothing(
    world: LiveWorld, manager: User, superuser: User, client_of: ClientOf
) -> None:
    assert WORDS not in client_of(manager).get(PAGES[0]).content.decode()
    installation = this_installation()

    client_of(superuser).post(IS_A_COPY)

    assert this_installation().uuid == installation.uuid


def test_calendar_of_a_copy_is_paused(
    copied: LiveWorld, manager: User, client_of: ClientOf
) -> None:
    client = client_of(manager)
    page = reverse("admin:resources_resource_calendar", args=[copied.resource.pk])

    content = client.get(page).content.decode()

    assert "Paused" in content
    assert WORDS in content
    assert "<button" not in content
    assert "Paused" in client.get(PAGES[1]).content.decode()


def test_this_is_the_one_that_sends_now(
    copied: LiveWorld, superuser: User, client_of: ClientOf
) -> None:
    client = client_of(superuser)
    assert SENDS_NOW in client.get(PAGES[0]).content.decode()
    asked = client.get(SENDS_NOW).content.decode()
    assert "must be switched off first" in asked
    assert not may_send()

    answer = client.post(SENDS_NOW, follow=True)

    assert "This database sends from now on." in answer.content.decode()
    assert WORDS not in answer.content.decode()
    copied.book(30)
    copied.sync()
    assert copied.blocking_here() == copied.blocking_there()


def test_this_is_a_copy_disconnects_and_touches_no_mailbox(
    copied: LiveWorld, superuser: User, client_of: ClientOf
) -> None:
    client = client_of(superuser)
    before, there = this_installation().uuid, copied.blocking_there()
    assert "1 calendar is disconnected here" in client.get(IS_A_COPY).content.decode()

    client.post(IS_A_COPY)

    copied.calendar.refresh_from_db()
    copied.resource.refresh_from_db()
    assert copied.calendar.state == CalendarLink.State.NOT_CONNECTED
    assert (copied.resource.calendar_email, copied.calendar.mailbox_key) == (None, None)
    assert set(EventLink.objects.values_list("state", flat=True)) == {"dormant"}
    assert Booking.objects.blocking().count() == 2
    assert this_installation().uuid != before
    assert may_send()
    assert copied.blocking_there() == there


def test_nobody_who_is_signed_out_reaches_the_pages(copied: LiveWorld) -> None:
    assert Client().post(IS_A_COPY).status_code == 302
    assert not may_send()
