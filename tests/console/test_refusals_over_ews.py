"""Each way in which a resource cannot be connected, in its own words, as Exchange itself refuses it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.exchange import services as exchange
from apps.exchange.ews import session
from apps.exchange.models import ExchangeConnection
from apps.exchange.services import Details
from apps.resources.models import Resource
from apps.sandbox.server import SandboxServer, serve
from apps.sandbox.store import Store
from apps.sync import connecting, services
from apps.sync.models import CalendarLink
from apps.tenants.models import Tenant, User
from tests.conftest import ClientOf
from tests.factories import ResourceFactory

DOMAIN, SECRET = "harbour.example", "Tide-Table-1888"
ACCOUNT = f"svc@{DOMAIN}"
ROOM, ALIAS, READ, CLOSED = (f"{name}@{DOMAIN}" for name in ("room", "saal", "read", "closed"))


@pytest.fixture
def sandbox(settings: Any) -> Iterator[SandboxServer]:
    store = Store()
    store.add_organisation(domain=DOMAIN, name="Harbour", server="", time_zone="Europe/London")
    store.add_mailbox(DOMAIN, address=ROOM, name="Room", aliases=(ALIAS,))
    store.add_mailbox(DOMAIN, address=READ, name="Read")
    store.add_mailbox(DOMAIN, address=CLOSED, name="Closed")
    store.add_account(
        DOMAIN, name=ACCOUNT, login="HARBOUR\\svc", password=SECRET,
        rights={ROOM: "editor", READ: "reviewer"},
    )  # fmt: skip
    with serve(store) as running:
        settings.EXCHANGE_ALLOWED_NETWORKS = ["127.0.0.0/8"]
        settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = [f"127.0.0.1:{running.port}"]
        yield running
        session.close_connections()


@pytest.fixture
def connection(tenant: Tenant, sandbox: SandboxServer) -> ExchangeConnection:
    typed = Details(
        server=sandbox.url, email=ACCOUNT, password=SECRET, try_email=ROOM, access="delegate"
    )
    made = exchange.install(tenant=tenant, details=typed, by=None)
    exchange.check(made)
    return made


@pytest.fixture
def shown(
    connection: ExchangeConnection, client_of: ClientOf, manager: User
) -> Callable[[Resource, str], str]:
    """Type an address, let the worker try it, and read the state of the calendar."""
    client: Client = client_of(manager)

    def connect(resource: Resource, email: str) -> str:
        calendar = connecting.connect(resource=resource, email=email)
        services.sync_calendar(calendar.pk)
        page = reverse("admin:resources_resource_calendar", args=[resource.pk])
        return client.get(page).content.decode()

    return connect


Shown = Callable[[Resource, str], str]


@pytest.mark.parametrize(
    ("email", "words", "command"),
    [
        (f"nobody@{DOMAIN}", "There is no mailbox nobody@", f"Get-Mailbox nobody@{DOMAIN}"),
        (CLOSED, f"There is no mailbox {CLOSED}, or this account may not see it", "Get-Mailbox"),
        (READ, "can be read, but not written", f"Set-MailboxFolderPermission {READ}:\\Calendar"),
    ],
    ids=["unknown", "no access", "read only"],
)
def test_mailbox_that_does_not_open_is_refused_in_its_own_words(
    resource: Resource, shown: Shown, email: str, words: str, command: str
) -> None:
    page = shown(resource, email)

    assert "Could not connect resource to calendar" in page
    assert words in page
    assert command in page
    assert "&lt;service account&gt;" not in page
    assert CalendarLink.objects.get().state == "needs_attention"


def test_alias_of_a_connected_mailbox_names_the_other_resource(
    resource: Resource, shown: Shown
) -> None:
    assert "In sync" in shown(resource, ROOM)
    other = ResourceFactory.create(location=resource.location, name="Anchor")

    page = shown(other, ALIAS)

    assert f"{ALIAS} opens the mailbox that “Lighthouse” in Pier House is connected to" in page


def test_without_the_role_the_refusal_names_the_account(
    resource: Resource, shown: Shown, connection: ExchangeConnection
) -> None:
    ExchangeConnection.objects.update(access="impersonation")

    page = shown(resource, ROOM)

    assert f"The service account may not act for {ROOM}" in page
    assert f"-Role ApplicationImpersonation -User &#x27;{ACCOUNT}&#x27;" in page
