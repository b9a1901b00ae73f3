"""One account of Microsoft 365 over EWS, from the sign-in to calendars in agreement: what it may edit, and no more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from apps.bookings import services as bookings
from apps.bookings.models import Booking
from apps.exchange import services as exchange
from apps.exchange.models import AccessToken, ExchangeConnection
from apps.resources.models import Location, Resource
from apps.sandbox.server import SandboxServer, serve
from apps.sync import connecting, services
from apps.sync.models import CalendarLink
from apps.tenants.models import Role, Tenant
from tests.conftest import ClientOf, UserWith, span_at
from tests.console import microsoft
from tests.console.microsoft import (
    CLIENT_ID,
    DESK,
    INSTALL,
    LANTERN,
    OTHER_ROOM,
    ROOM,
    Person,
    the_connection,
)
from tests.factories import ResourceFactory

pytestmark = pytest.mark.django_db
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def entra(settings: Any) -> Iterator[SandboxServer]:
    """The front desk has a mailbox, edits one room, and reads the other."""
    store = microsoft.microsoft()
    store.registrations[CLIENT_ID].scopes |= {"EWS.AccessAsUser.All"}
    store.organisation(LANTERN).ews_allowed_apps = frozenset({CLIENT_ID})
    store.add_mailbox(LANTERN, address=DESK, name="Front Desk", kind="user")
    store.microsoft_account(DESK).rights = {ROOM: "editor", OTHER_ROOM: "reviewer"}
    settings.CALENDAR_FACTORY = "apps.exchange.services.calendar_for"
    with serve(store, check_answers=True) as running:
        microsoft.lead_to(running, settings)
        yield running
        assert running.ews.invalid_answers == []
        assert running.errors == []


@pytest.fixture
def me(entra: SandboxServer, user_with: UserWith, tenant: Tenant, client_of: ClientOf) -> Person:
    return Person(client_of(user_with(Role.OWNER, tenant)))


def checked() -> ExchangeConnection:
    connection = the_connection()
    exchange.check(connection)
    assert connection.is_check_good, connection.last_check
    return connection


def connected(resource: Resource, email: str) -> CalendarLink:
    calendar = connecting.connect(resource=resource, email=email)
    services.sync_calendar(calendar.pk)
    calendar.refresh_from_db()
    return calendar


def subjects(entra: SandboxServer, email: str) -> list[str]:
    return sorted(item.subject for item in entra.store.mailbox(email).calendar.items)


def test_account_keeps_what_it_may_edit_in_agreement_until_its_grant_ends_and_again_after_that(
    me: Person, entra: SandboxServer, resource: Resource, location: Location
) -> None:
    me.post(INSTALL, access="account", try_email=ROOM, wire="ews").choose(DESK).accept()
    connection = checked()
    tomorrow = timezone.now().replace(hour=9, minute=0, second=0, microsecond=0) + 24 * HOUR
    folder = entra.store.mailbox(ROOM).calendar.id
    entra.store.write_new(folder, {"subject": "Talk", "start": tomorrow, "end": tomorrow + HOUR})
    bookings.book(
        resource=resource,
        span=span_at(
            f"{tomorrow:%Y-%m-%d} 20:00", f"{tomorrow:%Y-%m-%d} 21:00", resource.time_zone
        ),
        title="Review",
        by=None,
    )

    room = connected(resource, ROOM)
    own = connected(ResourceFactory.create(location=location), DESK)
    read = connected(ResourceFactory.create(location=location), OTHER_ROOM)

    assert (room.state, own.state, read.state) == ("in_sync", "in_sync", "needs_attention")
    assert "can be read, but not written" in read.cause
    assert len(subjects(entra, ROOM)) == 2
    assert Booking.objects.filter(resource=resource).count() == 2

    entra.store.revoke_tokens(entra.store.microsoft_account(DESK))
    AccessToken.objects.all().delete()
    for calendar in (room, own):
        services.sync_calendar(calendar.pk)
    connection.refresh_from_db()
    assert connection.stopped_at is not None
    assert "revoked" in connection.cause
    refused = [one for one in entra.requests.lines("token") if one.status != 200]
    assert len(refused) == 1

    me.post(reverse("admin:microsoft_grant_again", args=[connection.uuid])).accept()
    checked()
    entra.store.write_new(
        folder, {"subject": "Late", "start": tomorrow + 4 * HOUR, "end": tomorrow + 5 * HOUR}
    )
    services.sync_calendar(room.pk)

    room.refresh_from_db()
    assert room.state == "in_sync"
    assert len(subjects(entra, ROOM)) == 3
    assert Booking.objects.filter(resource=resource).count() == 3
