"""From what an operator types to a calendar in sync: server, TLS, sign-in, mailbox, and back again."""

from __future__ import annotations

import datetime as dt
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps.bookings.models import Booking
from apps.exchange import services as connections
from apps.exchange.ews.stripping import stripping
from apps.exchange.models import ExchangeConnection
from apps.exchange.secrets import seal
from apps.resources.models import Location, Resource
from apps.sandbox.server import SandboxServer, serve
from apps.sandbox.store import Attendee, Store
from apps.sync import connecting, leave, services
from apps.sync.models import CalendarLink, EventLink
from apps.sync.session import window_of
from apps.tenants.models import Tenant
from tests.exchange.ews.sandbox_room import ACCOUNT, DOMAIN, OLGA, PASSWORD
from tests.exchange.http import certificate_for
from tests.factories import ResourceFactory
from tests.scenarios.world import EwsWorld, add_room, connect, furnish
from tests.sync.test_trouble import settle
from tests.sync.world import DAY, HOUR, NOW

pytestmark = pytest.mark.django_db

ROOM = "room@example.com"


@pytest.fixture
def secured(tmp_path: Path) -> Iterator[tuple[SandboxServer, str]]:
    """The sandbox behind TLS, with a certificate that it signed itself; and that."""
    file, pem = certificate_for("localhost", tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    with serve(Store(seed=7), check_answers=True) as server:
        server._http.socket = context.wrap_socket(
            server._http.socket, server_side=True, do_handshake_on_connect=False
        )
        furnish(server)
        add_room(server, ROOM)
        server.store.set_clock(None)
        yield server, pem


def installed(tenant: Tenant, **fields: Any) -> ExchangeConnection:
    """What somebody typed, as Install stores it before its check."""
    return ExchangeConnection.objects.create(
        tenant=tenant, wire="ews", name="Exchange", state="pending",
        **{"email": ACCOUNT, "sealed_password": seal(PASSWORD), "try_email": ROOM, **fields},
    )  # fmt: skip


@pytest.mark.parametrize("kind", ["basic", "ntlm"])
def test_name_of_the_host_is_enough_and_the_kind_of_sign_in_is_found(
    secured: tuple[SandboxServer, str], tenant: Tenant, resource: Resource, kind: str
) -> None:
    server, pem = secured
    account = server.store.account(ACCOUNT)
    assert account is not None
    account.sign_ins = frozenset({kind})  # type: ignore[arg-type]
    connection = installed(
        tenant, server=f"localhost:{server.port}", ca_pem=pem, username="EXAMPLE\\svc"
    )

    stages = connections.check(connection)

    assert [stage.words for stage in stages if not stage.ok] == []
    assert (connection.state, connection.sign_in) == ("installed", kind)
    calendar = connecting.connect(resource=resource, email=ROOM)
    assert services.sync_calendar(calendar.pk).outcome == "done"


def test_unknown_authority_stops_before_a_password_leaves(
    secured: tuple[SandboxServer, str], tenant: Tenant
) -> None:
    server, _pem = secured
    connection = installed(tenant, server=f"localhost:{server.port}")

    stages = connections.check(connection)

    assert (stages[-1].name, stages[-1].ok) == ("encryption", False)
    assert connection.state == "pending"
    assert server.requests.lines() == []


def test_server_is_found_from_the_address_alone(
    server: SandboxServer, tenant: Tenant, settings: Any
) -> None:
    server.store.set_clock(None)
    server.store.set_server(server.url)
    add_room(server, ROOM)
    settings.EXCHANGE_AUTODISCOVER_HOSTS = {DOMAIN: server.url}
    connection = installed(tenant)

    stages = connections.check(connection)

    assert [stage.words for stage in stages if not stage.ok] == []
    assert connection.server_url == server.ews_url


@pytest.mark.parametrize(
    ("spoil", "stage"),
    [
        ({"server": "nobody.invalid"}, "name"),
        ({"sealed_password": "wrong"}, "sign-in"),
        ({"try_email": "nobody@example.com"}, "mailbox"),
    ],
)
def test_step_that_failed_is_named_with_a_way_out(
    server: SandboxServer, tenant: Tenant, spoil: dict[str, str], stage: str
) -> None:
    add_room(server, ROOM)
    if "sealed_password" in spoil:
        spoil = {"sealed_password": seal("wrong")}
    connection = installed(tenant, **{"server": server.url, **spoil})

    failed = connections.check(connection)[-1]

    assert (failed.name, failed.ok) == (stage, False)
    assert failed.words
    assert failed.fix


def test_address_that_is_on_no_list_works_all_the_same(
    server: SandboxServer, tenant: Tenant, resource: Resource
) -> None:
    add_room(server, ROOM, hidden=True)
    connect(server, tenant)

    calendar = connecting.connect(resource=resource, email=ROOM)
    services.sync_calendar(calendar.pk)

    calendar.refresh_from_db()
    assert calendar.state == CalendarLink.State.IN_SYNC


def test_alias_of_connected_mailbox_is_refused(world: EwsWorld, location: Location) -> None:
    world.mailbox.box.aliases = ("other-name@example.com",)
    world.sync()
    second = connecting.connect(
        resource=ResourceFactory.create(location=location), email="Other-Name@example.com"
    )

    services.sync_calendar(second.pk)

    second.refresh_from_db()
    assert second.state == CalendarLink.State.NEEDS_ATTENTION
    assert world.resource.name in second.cause


def test_uninstall_then_install_doubles_nothing(world: EwsWorld, tenant: Tenant) -> None:
    world.book(24)
    world.outlook.book(world.at(48), world.at(49))
    world.outlook.book_series(world.at(72), HOUR)
    settle(world)
    before = Booking.objects.count(), len(world.mailbox.items)
    connection = ExchangeConnection.objects.get()
    leave.uninstall(connection, keeps_ours_there=True, keeps_theirs_here=True)
    connection.refresh_from_db()
    assert (connection.state, connection.sealed_password) == ("uninstalled", "")
    fresh = installed(tenant, server=world.server.url)
    connections.check(fresh)

    assert connecting.reconnect(connecting.waiting_for_install(tenant), fresh) == 1
    settle(world)

    assert (Booking.objects.count(), len(world.mailbox.items)) == before
    assert world.blocking_here() == world.blocking_there()
    assert EventLink.objects.filter(state="dormant").count() == 0


@pytest.mark.parametrize("access", ["delegate", "impersonation"])
def test_back_off_of_a_server_rests_whom_it_is_meant_for(world: EwsWorld, access: str) -> None:
    """A delegate spends the account's budget, which all calendars share."""
    ExchangeConnection.objects.update(access=access)
    world.server.store.set_right(ACCOUNT, world.calendar.email, "editor")
    world.sync()
    other = ResourceFactory.create(location=world.resource.location)
    CalendarLink.objects.create(
        resource=other, connection=world.calendar.connection, email="other@example.com",
        lease_until=NOW - DAY, due_at=NOW, state="in_sync",
    )  # fmt: skip
    world.fault("busy", seconds=120)

    world.sync()

    soon = world.now + dt.timedelta(seconds=100)
    rests = not CalendarLink.objects.due(soon).filter(email="other@example.com").exists()
    assert rests is (access == "delegate")
    assert CalendarLink.objects.due(world.now + dt.timedelta(minutes=5)).count() == 2


def test_room_that_hides_subjects_is_told_with_the_command(world: EwsWorld) -> None:
    store = world.server.store
    room = Attendee(name="Room", address=ROOM, role="Resource")
    for hours in (24, 48, 72):
        store.create(
            store.mailbox(OLGA).calendar.id,
            {"subject": "Review", "start": world.at(hours), "end": world.at(hours + 1),
             "attendees": (room,)},
            send=True,
        )  # fmt: skip
    connection = world.calendar.connection
    assert connection is not None
    port = connections.calendar_for(connection, ROOM)

    told = stripping(port.view(window_of(world.now, 180)).events, ROOM)

    assert told is not None
    assert told.command.startswith(f"Set-CalendarProcessing -Identity {ROOM} -DeleteSubject $false")
