"""Install and check against the sandbox: what people see is what a server answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command

from apps.exchange import services
from apps.exchange.ews import session
from apps.exchange.ews.calendar import EwsCalendar
from apps.exchange.models import ExchangeConnection
from apps.exchange.services import Details
from apps.sandbox.server import SandboxServer, serve
from apps.sandbox.store import Store
from apps.tenants.models import Tenant

DOMAIN = "harbour.example"
SECRET = "Tide-Table-1888"
ROOM = f"lighthouse@{DOMAIN}"


@pytest.fixture
def store() -> Store:
    """One organisation: a room that the account may use, and one that it may not."""
    made = Store()
    made.add_organisation(domain=DOMAIN, name="Harbour", server="", time_zone="Europe/London")
    made.add_mailbox(DOMAIN, address=ROOM, name="Lighthouse")
    made.add_mailbox(DOMAIN, address=f"board@{DOMAIN}", name="Board", kind="user")
    made.add_account(
        DOMAIN,
        name=f"svc@{DOMAIN}",
        login="HARBOUR\\svc",
        password=SECRET,
        impersonates=("room",),
        rights={ROOM: "editor"},
    )
    made.add_room_list(DOMAIN, name="Harbour", address=f"rooms@{DOMAIN}", members=[ROOM])
    return made


@pytest.fixture
def sandbox(store: Store, settings: Any) -> Iterator[SandboxServer]:
    with serve(store) as running:
        store.set_server(running.url)
        settings.EXCHANGE_ALLOWED_NETWORKS = ["127.0.0.0/8"]
        settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = [f"127.0.0.1:{running.port}"]
        settings.EXCHANGE_AUTODISCOVER_HOSTS = {DOMAIN: running.url}
        yield running
        session.close_connections()


def install(tenant: Tenant, sandbox: SandboxServer, **changed: str) -> ExchangeConnection:
    typed = {
        "server": sandbox.url,
        "email": f"svc@{DOMAIN}",
        "password": SECRET,
        "try_email": ROOM,
        **changed,
    }
    connection = services.install(tenant=tenant, details=Details(**typed), by=None)
    services.check(connection)
    return connection


def names(connection: ExchangeConnection) -> list[str]:
    return [stage["name"] for stage in connection.last_check]


@pytest.mark.parametrize("access", ["impersonation", "delegate"])
@pytest.mark.parametrize("username", ["", "HARBOUR\\svc"])
def test_good_account_installs(
    tenant: Tenant, sandbox: SandboxServer, access: str, username: str
) -> None:
    connection = install(tenant, sandbox, access=access, username=username)

    assert connection.is_check_good, connection.last_check
    assert connection.state == "installed"
    assert connection.server_url == sandbox.ews_url
    assert connection.server_version.startswith("Exchange Server")
    port = services.calendar_for(connection, ROOM)
    assert isinstance(port, EwsCalendar)
    assert port.open().can_write


def test_kind_of_sign_in_is_settled_without_a_refusal(
    tenant: Tenant, sandbox: SandboxServer, store: Store
) -> None:
    store.add_account(
        DOMAIN,
        name=f"svc@{DOMAIN}",
        login="HARBOUR\\svc",
        password=SECRET,
        sign_ins=("ntlm",),
        impersonates=("room",),
    )

    connection = install(tenant, sandbox)

    assert connection.is_check_good, connection.last_check
    assert connection.sign_in == "ntlm"
    assert sum(sandbox.sign_ins.refused.values()) == 0
    assert services.calendar_for(connection, ROOM).open().can_write


@pytest.mark.parametrize("has_mailbox", [True, False])
def test_server_is_found_from_the_email(
    tenant: Tenant, sandbox: SandboxServer, store: Store, has_mailbox: bool
) -> None:
    if has_mailbox:
        store.add_mailbox(DOMAIN, address=f"svc@{DOMAIN}", name="OptixSync", kind="user")

    connection = install(tenant, sandbox, server="")

    assert connection.is_check_good, connection.last_check
    assert names(connection)[0] == "autodiscover"
    assert connection.server_url.lower() == sandbox.ews_url.lower()


@pytest.mark.parametrize("server", ["", "typed"], ids=["autodiscover", "typed"])
def test_wrong_password_is_tried_once_and_said(
    tenant: Tenant, sandbox: SandboxServer, server: str
) -> None:
    connection = install(tenant, sandbox, password="Wrong", server=sandbox.url if server else "")

    assert names(connection)[-1] == "sign-in"
    assert not connection.last_check[-1]["ok"]
    assert connection.stopped_at is not None
    assert connection.state == "pending"
    assert sum(sandbox.sign_ins.refused.values()) == 1


def test_mailbox_without_rights_is_said_with_the_command(
    tenant: Tenant, sandbox: SandboxServer
) -> None:
    connection = install(tenant, sandbox, try_email=f"board@{DOMAIN}")

    failed = connection.last_check[-1]
    assert failed["name"] == "mailbox"
    assert "ApplicationImpersonation" in failed["command"]
    assert connection.stopped_at is None
    assert connection.state == "pending"


def test_network_that_is_not_allowed_names_the_setting(
    tenant: Tenant, sandbox: SandboxServer, settings: Any
) -> None:
    settings.EXCHANGE_ALLOWED_NETWORKS = ["public"]

    connection = install(tenant, sandbox)

    assert names(connection) == ["name", "network"]
    assert "EXCHANGE_ALLOWED_NETWORKS" in connection.last_check[-1]["fix"]
    assert sandbox.sign_ins.refused == {}


def test_unreadable_password_reaches_no_server(tenant: Tenant, sandbox: SandboxServer) -> None:
    connection = install(tenant, sandbox)
    before = len(sandbox.requests.lines())
    ExchangeConnection.objects.update(sealed_password="torn")
    connection.refresh_from_db()

    services.check(connection)

    assert names(connection) == ["password"]
    assert "FIELD_ENCRYPTION_KEYS" in connection.cause
    assert len(sandbox.requests.lines()) == before


def test_rooms_on_lists_are_listed(
    tenant: Tenant, sandbox: SandboxServer, capsys: pytest.CaptureFixture[str]
) -> None:
    install(tenant, sandbox)

    call_command("list_mailboxes")

    assert f"Harbour  Lighthouse  {ROOM}" in capsys.readouterr().out
