"""Procedure 1 by its pages: install, look, check again, change, uninstall."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.bookings.models import Booking
from apps.exchange import checking, services
from apps.exchange.models import ExchangeConnection
from apps.resources import services as resources
from apps.resources.models import Resource
from apps.sync.models import CalendarLink, EventLink
from apps.tenants.models import Role, Tenant, User
from tests.exchange.world import SECRET, Walk, details
from tests.factories import ResourceFactory
from tests.sync.world import CALENDARS, World, make_world

APPS = reverse("admin:apps")
EXCHANGE = reverse("admin:exchange")
INSTALL = reverse("admin:exchange_install")
SERVER = reverse("admin:exchange_install_server")
State = ExchangeConnection.State


@pytest.fixture
def walk(monkeypatch: pytest.MonkeyPatch) -> Walk:
    standing_in = Walk()
    monkeypatch.setattr(checking, "walk", standing_in)
    return standing_in


@pytest.fixture
def owner(user_with: Callable[..., User], tenant: Tenant) -> User:
    return user_with(Role.OWNER, tenant)


@pytest.fixture
def client(owner: User, client_of: Callable[[User], Client]) -> Client:
    return client_of(owner)


@pytest.fixture
def installed(tenant: Tenant, walk: Walk) -> ExchangeConnection:
    connection = services.install(tenant=tenant, details=details(), by=None)
    services.check(connection)
    return connection


@pytest.fixture
def world(resource: Resource, installed: ExchangeConnection, settings: Any) -> World:
    """A resource that is connected through the installed connection, to a mailbox in memory."""
    settings.CALENDAR_FACTORY = "tests.sync.world.calendar_for"
    made = make_world(resource)
    CalendarLink.objects.update(connection=installed)
    ExchangeConnection.objects.exclude(pk=installed.pk).delete()
    made.calendar.refresh_from_db()
    made.sync()
    return made


def typed(**changed: str) -> dict[str, str]:
    return {
        "server": "mail.example.com",
        "email": "svc@example.com",
        "username": "",
        "password": SECRET,
        "access": "impersonation",
        "try_email": "room@example.com",
        "ca_pem": "",
        "name": "",
        **changed,
    }


def page_of(connection: ExchangeConnection, name: str = "connection") -> str:
    return reverse(f"admin:exchange_{name}", args=[connection.uuid])


def text(client: Client, address: str) -> str:
    return client.get(address).content.decode()


# --- What is there ----------------------------------------------------------------------------------


def test_menu_leads_to_apps_and_on_to_exchange(client: Client) -> None:
    assert f'href="{APPS}"' in text(client, reverse("admin:index"))
    assert f'href="{EXCHANGE}"' in text(client, APPS)
    assert "Not installed" in text(client, APPS)
    assert f'href="{INSTALL}"' in text(client, EXCHANGE)
    assert f'href="{SERVER}"' in text(client, INSTALL)


def test_apps_are_the_owners(
    user_with: Callable[..., User],
    tenant: Tenant,
    client_of: Callable[[User], Client],
    installed: ExchangeConnection,
) -> None:
    addresses = [APPS, EXCHANGE, INSTALL, SERVER]
    addresses += [page_of(installed, n) for n in ("connection", "change", "uninstall")]
    for role in (Role.VIEWER, Role.MANAGER):
        client = client_of(user_with(role, tenant))
        assert [client.get(address).status_code for address in addresses] == [403] * 7
        for name in ("check", "change", "uninstall", "reconnect"):
            assert client.post(page_of(installed, name), typed()).status_code == 403
        assert f'href="{APPS}"' not in text(client, reverse("admin:index"))


def test_owner_of_another_tenant_finds_nothing(
    user_with: Callable[..., User],
    other_tenant: Tenant,
    client_of: Callable[[User], Client],
    installed: ExchangeConnection,
) -> None:
    client = client_of(user_with(Role.OWNER, other_tenant))

    for name in ("connection", "change", "uninstall"):
        assert client.get(page_of(installed, name)).status_code == 404
    for name in ("check", "change", "uninstall", "reconnect"):
        assert client.post(page_of(installed, name), typed()).status_code == 404
    assert "svc@example.com" not in text(client, EXCHANGE)


def test_whoever_is_not_signed_in_is_sent_to_the_sign_in(installed: ExchangeConnection) -> None:
    answer = Client().get(page_of(installed))

    assert answer.status_code == 302
    assert "login" in answer["Location"]


@pytest.mark.parametrize("name", ["check", "reconnect"])
def test_acts_are_posts_alone(client: Client, installed: ExchangeConnection, name: str) -> None:
    assert client.get(page_of(installed, name)).status_code == 405


def test_posts_need_the_token(owner: User, installed: ExchangeConnection) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(owner)

    for name in ("check", "change", "uninstall", "reconnect"):
        assert client.post(page_of(installed, name), typed()).status_code == 403
    assert client.post(SERVER, typed()).status_code == 403


# --- Install -----------------------------------------------------------------------------------------


def test_install_keeps_what_was_typed_and_shows_the_check(client: Client, walk: Walk) -> None:
    answer = client.post(SERVER, typed())

    connection = ExchangeConnection.objects.get()
    assert answer["Location"] == page_of(connection)
    shown = text(client, page_of(connection))
    assert 'hx-trigger="every 1s"' in shown
    assert "Checking" in shown

    services.check(connection)

    shown = text(client, page_of(connection))
    assert "hx-trigger" not in shown
    assert "Works" in shown
    assert "The mailbox opens" in shown
    assert "Exchange 2019" in shown
    assert "NTLM" in shown


def test_failed_check_says_what_why_and_what_to_do(client: Client, walk: Walk) -> None:
    walk.fails_at = "sign-in"
    client.post(SERVER, typed())
    connection = ExchangeConnection.objects.get()

    services.check(connection)

    shown = text(client, page_of(connection))
    for words in ("Not installed yet", "No sign-in.", "Mend it.", "Get-It", "Discard"):
        assert words in shown
    form = text(client, page_of(connection, "change"))
    for words in ("mail.example.com", "svc@example.com", "room@example.com", "Unchanged if empty"):
        assert words in form


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"server": "mail example"}, "This is no host name"),
        ({"server": "ftp://mail.example.com"}, "begins with https://"),
        ({"server": "https://a:b@mail.example.com"}, "Leave the password out"),
        ({"email": "svc"}, "valid email"),
        ({"password": ""}, "required"),
        ({"try_email": ""}, "required"),
        ({"access": "owner"}, "Select a valid choice"),
        ({"ca_pem": "House CA"}, "no certificate in PEM form"),
    ],
    ids=lambda one: next(iter(one)) if isinstance(one, dict) else "",
)
def test_what_cannot_be_right_is_said_beside_its_field(
    client: Client, wrong: dict[str, str], words: str
) -> None:
    answer = client.post(SERVER, typed(**wrong))

    assert answer.status_code == 200
    assert words in answer.content.decode()
    assert "Type the password again, too" in answer.content.decode()
    assert not ExchangeConnection.objects.exists()


def test_name_that_is_taken_opens_the_advanced_part(
    client: Client, installed: ExchangeConnection
) -> None:
    shown = client.post(SERVER, typed(name="Exchange Server")).content.decode()

    assert "a connection with this name already" in shown
    assert '<details class="account-field" open>' in shown


def test_missing_key_is_said_and_nothing_stored(client: Client, settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = []

    assert "FIELD_ENCRYPTION_KEYS" in client.post(SERVER, typed()).content.decode()
    assert not ExchangeConnection.objects.exists()


def test_password_comes_back_in_no_page_and_no_session(client: Client, walk: Walk) -> None:
    walk.fails_at = "mailbox"
    answers = [
        client.post(SERVER, typed(server="no host")),
        client.post(SERVER, typed()),
    ]
    connection = ExchangeConnection.objects.get()
    services.check(connection)
    answers += [client.get(page_of(connection, n)) for n in ("connection", "change", "uninstall")]
    answers += [
        client.post(page_of(connection, "change"), typed(server="no host")),
        client.post(page_of(connection, "change"), typed(password="", server="b.example.com")),
        client.get(EXCHANGE),
    ]

    assert not any(SECRET in one.content.decode() for one in answers)
    assert not any(connection.sealed_password in one.content.decode() for one in answers)
    assert SECRET not in repr(dict(client.session))


def test_pages_are_kept_by_no_cache(client: Client, installed: ExchangeConnection) -> None:
    assert "no-store" in client.get(page_of(installed))["Cache-Control"]


# --- Check, change ------------------------------------------------------------------------------------


def test_check_again_starts_what_a_refusal_had_stopped(
    client: Client, installed: ExchangeConnection, walk: Walk
) -> None:
    walk.fails_at = "sign-in"
    services.check(installed)
    assert "Stopped" in text(client, page_of(installed))
    assert "No sign-in." in text(client, EXCHANGE)

    walk.fails_at = ""
    answer = client.post(page_of(installed, "check"))
    assert answer["Location"] == page_of(installed)
    assert "Checking" in text(client, page_of(installed))
    services.check(installed)

    assert "Works" in text(client, page_of(installed))


def test_change_with_another_server_asks_for_the_password(
    client: Client, installed: ExchangeConnection
) -> None:
    address = page_of(installed, "change")

    shown = client.post(address, typed(server="mail.evil.example", password="")).content.decode()

    assert "Type the password again: with another server" in shown
    installed.refresh_from_db()
    assert installed.server == "mail.example.com"


def test_change_is_checked_before_calendars_go_on(
    client: Client, installed: ExchangeConnection
) -> None:
    answer = client.post(page_of(installed, "change"), typed(password="", access="delegate"))

    assert answer["Location"] == page_of(installed)
    installed.refresh_from_db()
    assert installed.access == "delegate"
    assert installed.stopped_at is not None
    assert installed.is_checking


def test_commands_name_the_account_that_was_typed(
    client: Client, installed: ExchangeConnection
) -> None:
    ExchangeConnection.objects.update(email="o'svc@example.com")

    shown = text(client, page_of(installed))

    assert "ApplicationImpersonation -User &#x27;o&#x27;&#x27;svc@example.com&#x27;" in shown


# --- Calendars, uninstall ------------------------------------------------------------------------------


def test_page_counts_calendars_by_state_and_leads_to_their_resources(
    client: Client, world: World, installed: ExchangeConnection, django_assert_max_num_queries: Any
) -> None:
    for number in range(3):
        other = ResourceFactory.create(location=world.resource.location, name=f"Dock {number}")
        CalendarLink.objects.create(
            resource=other,
            connection=installed,
            email=f"dock{number}@example.com",
            state=CalendarLink.State.NEEDS_ATTENTION,
            lease_until=world.now,
            due_at=world.now,
        )

    with django_assert_max_num_queries(25):
        shown = text(client, page_of(installed))

    assert "1 resource<" in shown
    assert "3 resources<" in shown
    assert reverse("admin:resources_resource_change", args=[world.resource.pk]) in shown


def test_uninstall_without_calendars_asks_once(
    client: Client, installed: ExchangeConnection
) -> None:
    assert "No calendar is connected" in text(client, page_of(installed, "uninstall"))

    answer = client.post(page_of(installed, "uninstall"))

    assert answer["Location"] == EXCHANGE
    installed.refresh_from_db()
    assert installed.state == State.UNINSTALLED
    assert client.get(page_of(installed)).status_code == 404
    assert "Exchange is not installed" in text(client, EXCHANGE)


def test_uninstall_tells_the_counts_and_wants_an_answer(
    client: Client, world: World, installed: ExchangeConnection
) -> None:
    world.book(30)
    world.outlook.book(world.at(50), world.at(51))
    world.sync()
    address = page_of(installed, "uninstall")

    shown = text(client, address)
    assert "Our future events in Exchange: 1" in shown
    assert "Exchange’s future bookings here: 1" in shown

    assert client.post(address, {"ours": "keep"}).status_code == 200
    installed.refresh_from_db()
    assert installed.state == State.INSTALLED


def test_uninstall_that_keeps_changes_nothing_on_either_side(
    client: Client, world: World, installed: ExchangeConnection
) -> None:
    world.book(30)
    world.outlook.book(world.at(50), world.at(51))
    world.sync()
    here, there = world.blocking_here(), world.blocking_there()

    client.post(page_of(installed, "uninstall"), {"ours": "keep", "theirs": "keep"})

    installed.refresh_from_db()
    assert installed.state == State.UNINSTALLED
    assert (world.blocking_here(), world.blocking_there()) == (here, there)
    assert CalendarLink.objects.get().state == CalendarLink.State.NOT_CONNECTED


def test_uninstall_that_removes_ends_when_the_mailboxes_are_clear(
    client: Client, world: World, installed: ExchangeConnection
) -> None:
    world.book(30)
    theirs = world.outlook.book(world.at(50), world.at(51))
    world.sync()

    client.post(page_of(installed, "uninstall"), {"ours": "remove", "theirs": "remove"})

    leaving = ExchangeConnection.objects.get()
    assert leaving.state == State.UNINSTALLING
    assert leaving.has_password
    assert "Being uninstalled" in text(client, EXCHANGE)
    assert Booking.objects.filter(origin="exchange", status="cancelled").count() == 1
    world.calendar.refresh_from_db()
    world.sync()
    installed.refresh_from_db()
    assert installed.state == State.UNINSTALLED
    assert not installed.has_password
    assert world.blocking_there() == [(world.at(50), world.at(51))], theirs


def test_uninstall_need_not_wait_for_the_mailboxes(
    client: Client, world: World, installed: ExchangeConnection
) -> None:
    world.book(30)
    world.sync()
    address = page_of(installed, "uninstall")
    client.post(address, {"ours": "remove", "theirs": "keep"})
    assert "Uninstall at once" in text(client, page_of(installed))

    client.post(address)

    installed.refresh_from_db()
    assert installed.state == State.UNINSTALLED
    assert len(world.blocking_there()) == 1


def test_what_is_being_uninstalled_is_not_changed(
    client: Client, world: World, installed: ExchangeConnection
) -> None:
    services.start_uninstall(installed, by=None)

    answer = client.get(page_of(installed, "change"))

    assert answer["Location"] == page_of(installed)


def test_calendars_of_an_earlier_install_are_offered_and_connected_again(
    client: Client, world: World, installed: ExchangeConnection, walk: Walk, tenant: Tenant
) -> None:
    world.book(30)
    world.sync()
    client.post(page_of(installed, "uninstall"), {"ours": "keep", "theirs": "keep"})
    assert "1 calendar was connected before" in text(client, INSTALL)
    again = services.install(tenant=tenant, details=details(), by=None)
    assert "Connect them again" not in text(client, page_of(again))
    client.post(page_of(again, "reconnect"))
    assert CalendarLink.objects.get().connection is None
    services.check(again)
    assert "Connect them again" in text(client, page_of(again))

    client.post(page_of(again, "reconnect"))

    assert CalendarLink.objects.get().connection == again
    CALENDARS[world.calendar.email] = world.port
    CalendarLink.objects.update(lease_until=world.now)
    world.calendar.refresh_from_db()
    world.sync()
    assert len(world.blocking_there()) == 1
    assert EventLink.objects.current().count() == 1
    assert "were connected before" not in text(client, page_of(again))


def test_resource_out_of_use_keeps_no_other_from_being_connected_again(
    client: Client, world: World, installed: ExchangeConnection, tenant: Tenant
) -> None:
    client.post(page_of(installed, "uninstall"), {"ours": "keep", "theirs": "keep"})
    resources.archive(world.resource)
    again = services.install(tenant=tenant, details=details(), by=None)
    services.check(again)

    answer = client.post(page_of(again, "reconnect"), follow=True)

    told = [str(one) for one in answer.context["messages"]]
    assert told[1].startswith("Lighthouse: Could not connect resource to calendar")
    assert len(told) == 2


def test_discarding_what_never_worked(client: Client, walk: Walk) -> None:
    client.post(SERVER, typed())
    connection = ExchangeConnection.objects.get()
    address = page_of(connection, "uninstall")
    assert "never installed" in text(client, address)

    client.post(address)

    assert not ExchangeConnection.objects.exists()
