"""Install of Microsoft 365 over Exchange Web Services: opted for, proved over that wire, with its end told."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.exchange import services
from apps.exchange.ews import session as ews_session
from apps.exchange.graph import session
from apps.exchange.models import ExchangeConnection, SignInAttempt
from apps.sandbox.server import SandboxServer, serve
from apps.sync import moving
from apps.tenants.models import Role, Tenant, User
from tests.console import microsoft
from tests.console.microsoft import (
    ADMIN,
    CLIENT_ID,
    INSTALL,
    LANTERN,
    ROOM,
    Person,
    the_attempt,
    the_connection,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def sandbox(settings: Any) -> Iterator[SandboxServer]:
    store = microsoft.microsoft()
    store.registrations[CLIENT_ID].roles |= {"full_access_as_app"}
    store.registrations[CLIENT_ID].scopes |= {"EWS.AccessAsUser.All"}
    store.organisation(LANTERN).ews_allowed_apps = frozenset({CLIENT_ID})
    with serve(store) as running:
        microsoft.lead_to(running, settings)
        yield running
        session.close_connections()
        ews_session.close_connections()


@pytest.fixture
def me(
    sandbox: SandboxServer,
    user_with: Callable[..., User],
    tenant: Tenant,
    client_of: Callable[[User], Client],
) -> Person:
    return Person(client_of(user_with(Role.OWNER, tenant)))


def begin(person: Person, access: str) -> Person:
    return person.post(INSTALL, access=access, try_email=ROOM, wire="ews")


def stages(connection: ExchangeConnection) -> dict[str, bool]:
    services.check(connection)
    connection.refresh_from_db()
    return {stage["name"]: stage["ok"] for stage in connection.last_check}


def test_it_is_offered_under_a_fold_with_its_end(me: Person) -> None:
    shown = me.get(reverse("admin:exchange_install")).shown.content.decode()
    assert f"{INSTALL}?wire=ews" in shown
    assert "1 April 2027" in shown

    shown = me.get(f"{INSTALL}?wire=ews").shown.content.decode()
    assert '<input type="hidden" name="wire" value="ews"' in shown
    assert "1 April 2027" in shown
    assert "1 April 2027" not in me.get(INSTALL).shown.content.decode()


def test_organisation_wide_is_proved_and_checked_over_ews(
    me: Person, sandbox: SandboxServer
) -> None:
    begin(me, "organisation").choose(ADMIN).accept()
    me.post(reverse("admin:microsoft_consent", args=[the_attempt().uuid])).accept()
    connection = the_connection()

    told = stages(connection)

    assert connection.wire == "ews"
    assert connection.state == "installed"
    assert all(told.values()), connection.last_check
    assert list(told)[-1] == "mailbox"
    assert "password" not in told
    assert not sandbox.requests.lines("GET calendar")
    assert services.calendar_for(connection, ROOM).open().can_write
    assert services.pushes_for(connection) is not None


def test_account_alone_is_not_installed_over_ews(me: Person) -> None:
    assert 'value="account"' not in me.get(f"{INSTALL}?wire=ews").shown.content.decode()

    begin(me, "account")

    assert "only organisation-wide access" in me.words
    assert not SignInAttempt.objects.exists()


def test_organisation_that_has_not_listed_the_application_is_told_how(
    me: Person, sandbox: SandboxServer
) -> None:
    sandbox.store.organisation(LANTERN).ews_allowed_apps = frozenset()

    begin(me, "organisation").choose(ADMIN).accept()
    me.post(reverse("admin:microsoft_consent", args=[the_attempt().uuid])).accept()

    assert "EwsAllowedAppIDs" in me.shown.content.decode()
    assert not ExchangeConnection.objects.exists()


def test_its_grant_serves_graph_too_where_it_covers_that(
    me: Person, sandbox: SandboxServer
) -> None:
    begin(me, "organisation").choose(ADMIN).accept()
    me.post(reverse("admin:microsoft_consent", args=[the_attempt().uuid])).accept()
    over_ews = the_connection()
    stages(over_ews)
    sandbox.store.consent(
        sandbox.store.organisation(LANTERN), CLIENT_ID, roles=["Calendars.ReadWrite"]
    )

    me.post(reverse("admin:exchange_move", args=[over_ews.uuid]), do="use-grant")
    over_graph = ExchangeConnection.objects.get(wire="graph")
    told = stages(over_graph)

    assert told["mailbox"], over_graph.last_check
    assert over_graph.state == "installed"
    assert moving.targets(over_ews) == [over_graph]
