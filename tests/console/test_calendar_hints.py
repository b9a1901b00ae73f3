"""What helps in the Calendar section: mailboxes to choose from, and what a room does to subjects."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from apps.bookings.models import Booking
from apps.exchange import suggesting
from apps.exchange.errors import AuthenticationFailed
from apps.exchange.models import ExchangeConnection
from apps.exchange.suggesting import Suggestion
from apps.resources.models import Resource
from apps.sync.models import CalendarLink
from apps.tenants.models import Role, Tenant, User
from tests.conftest import ClientOf, UserWith
from tests.console.calendars import LiveWorld

MAILBOXES = reverse("admin:resources_mailboxes")
ADD = reverse("admin:resources_resource_add")
Suggests = Callable[..., None]


@pytest.fixture
def client(manager: User, client_of: ClientOf) -> Client:
    return client_of(manager)


@pytest.fixture
def connection(tenant: Tenant) -> ExchangeConnection:
    return ExchangeConnection.objects.create(
        tenant=tenant, wire="ews", name="Exchange", email="svc@example.com"
    )


@pytest.fixture
def suggests(monkeypatch: pytest.MonkeyPatch) -> Suggests:
    """What the servers answer: suggestions, or a refusal."""

    def answer(*found: Suggestion, error: Exception | None = None) -> None:
        def listed(_connection: ExchangeConnection) -> list[Suggestion]:
            if error:
                raise error
            return list(found)

        monkeypatch.setattr(suggesting, "suggestions", listed)

    return answer


def test_free_mailboxes_are_suggested(
    client: Client, connection: ExchangeConnection, resource: Resource, suggests: Suggests
) -> None:
    Resource.objects.filter(pk=resource.pk).update(calendar_email="Taken@example.com")
    suggests(Suggestion("Lighthouse", "l@example.com"), Suggestion("Mine", "taken@example.com"))

    answer = client.get(MAILBOXES).content.decode()

    assert '<option value="l@example.com">Lighthouse</option>' in answer
    assert "taken@example.com" not in answer


def test_form_fetches_them_once_it_is_shown(client: Client, connection: ExchangeConnection) -> None:
    page = client.get(ADD).content.decode()

    assert f'<datalist id="mailboxes" hx-get="{MAILBOXES}" hx-trigger="load"' in page
    assert 'list="mailboxes"' in page


def test_without_exchange_nothing_is_fetched(client: Client, resource: Resource) -> None:
    assert MAILBOXES not in client.get(ADD).content.decode()
    assert "<option" not in client.get(MAILBOXES).content.decode()


def test_refused_account_stops_its_connection(
    client: Client, connection: ExchangeConnection, suggests: Suggests
) -> None:
    suggests(error=AuthenticationFailed("The account is refused.", fix="Type the password anew."))

    assert client.get(MAILBOXES).status_code == 200

    connection.refresh_from_db()
    assert connection.stopped_at is not None
    assert connection.cause == "The account is refused."


def test_viewers_and_other_tenants_are_told_nothing(
    connection: ExchangeConnection, tenant: Tenant, other_tenant: Tenant, suggests: Suggests,
    user_with: UserWith, client_of: ClientOf,
) -> None:  # fmt: skip
    suggests(Suggestion("Lighthouse", "l@example.com"))

    viewer = client_of(user_with(Role.VIEWER, tenant)).get(MAILBOXES)
    stranger = client_of(user_with(Role.OWNER, other_tenant)).get(MAILBOXES)

    assert viewer.status_code == 403
    assert "l@example.com" not in stranger.content.decode()


def box(client: Client, resource: Resource) -> str:
    address = reverse("admin:resources_resource_calendar", args=[resource.pk])
    return client.get(address).content.decode()


def test_room_that_throws_subjects_away_is_told_with_its_command(
    client: Client, world: LiveWorld, tenant: Tenant
) -> None:
    for hours in (0, 2, 4):
        world.invite(hours, "Olga")

    page = box(client, world.resource)

    assert "organiser&#x27;s name in place of the subject" in page
    assert "Set-CalendarProcessing -Identity room@example.com" in page
    Tenant.objects.filter(pk=tenant.pk).update(kept_details=Tenant.KeptDetails.ORGANIZER)
    assert "Set-CalendarProcessing" not in box(client, world.resource)


def test_room_that_keeps_subjects_is_left_in_peace(client: Client, world: LiveWorld) -> None:
    for hours in (0, 2, 4):
        world.invite(hours, "Budget")

    assert "Set-CalendarProcessing" not in box(client, world.resource)


def test_command_names_the_account(client: Client, world: LiveWorld) -> None:
    ExchangeConnection.objects.update(email="svc@example.com")
    CalendarLink.objects.update(
        state="needs_attention", cause="No right.", command="Add-Right -User <service account>"
    )

    assert "Add-Right -User &#x27;svc@example.com&#x27;" in box(client, world.resource)


def test_what_was_written_into_the_calendar_itself_is_nobodys(world: LiveWorld) -> None:
    mine, hers = world.at(0), world.at(2)
    world.outlook.book(mine, world.at(1), "Rota", organizer_email="room@example.com")
    world.outlook.book(hers, world.at(3), "Board", organizer="Olga", organizer_email="o@x.example")

    world.sync()

    found = {one.title: (one.person, one.person_email) for one in Booking.objects.all()}
    assert found == {"Rota": ("", ""), "Board": ("Olga", "o@x.example")}
