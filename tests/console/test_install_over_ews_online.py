"""Install of Microsoft 365 over Exchange Web Services: opted for, proved over that wire, with its end told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from apps.exchange import services
from apps.exchange.ews import session as ews_session
from apps.exchange.graph import session
from apps.exchange.models import ExchangeConnection
from apps.sandbox.server import SandboxServer, serve
from apps.sync import moving
from apps.tenants.models import Role, Tenant, User
from tests.console import microsoft
from tests.console.microsoft import (
    ADMIN,
    CLIENT_ID,
    DESK,
    INSTALL,
    LANTERN,
    ROOM,
    TRAINEE,
    VISITOR,
    Person,
    the_attempt,
    the_connection,
)

pytestmark = pytest.mark.django_db
EWS_SCOPE = "https://outlook.office365.com/EWS.AccessAsUser.All"


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


def page_of(connection: ExchangeConnection, name: str = "exchange_connection") -> str:
    return reverse(f"admin:{name}", args=[connection.uuid])


def stages(connection: ExchangeConnection) -> dict[str, bool]:
    connection.refresh_from_db()
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


def delegated(person: Person, account: str = DESK) -> ExchangeConnection:
    begin(person, "account").choose(account).accept()
    return the_connection()


def test_account_only_is_proved_and_checked_over_ews(me: Person, sandbox: SandboxServer) -> None:
    begin(me, "account").choose(DESK)
    assert {"User.Read", "offline_access", EWS_SCOPE} <= set(me.question["scope"].split())
    assert "Access your mailboxes" in me.asked
    me.accept()
    connection = the_connection()
    assert sandbox.requests.lines("GetFolder")

    told = stages(connection)

    assert all(told.values()), connection.last_check
    assert (connection.state, connection.access, connection.email) == ("installed", "account", DESK)
    assert list(connection.access_tokens.values_list("audience", flat=True)) == ["ews"]
    assert connection.permissions[0]["name"] == "EWS.AccessAsUser.All"
    assert not sandbox.requests.lines("GET calendar")
    assert services.calendar_for(connection, ROOM).open().can_write
    shown = me.get(page_of(connection)).words
    for words in (f"Access as {DESK}, of Lantern House", "1 April 2027", "granted", "Grant again"):
        assert words in shown


def test_what_each_access_reaches_over_ews_is_told_before_microsoft_asks(me: Person) -> None:
    words = me.get(f"{INSTALL}?wire=ews").words

    assert words.index("Organisation-wide") < words.index("This account only")
    assert "the account’s own calendar" in words
    assert words.count("no permission for calendars alone") == 2
    assert "no permission for calendars alone" not in me.get(INSTALL).words


def test_own_calendar_is_proof_enough_and_missing_rights_are_told_by_the_check(
    me: Person, sandbox: SandboxServer
) -> None:
    sandbox.store.add_mailbox(LANTERN, address=VISITOR, name="Visitor", kind="user")
    connection = delegated(me, VISITOR)

    assert stages(connection)["mailbox"] is False
    assert connection.permissions[0]["state"] == "missing"
    words = me.get(page_of(connection)).words
    assert f"There is no mailbox {ROOM}, or OptixSync may not see it" in words
    assert f"-User '{VISITOR}' -AccessRights Editor" in words

    rights = sandbox.store.microsoft_account(VISITOR).rights
    rights[ROOM] = "reviewer"
    stages(connection)
    assert f"OptixSync may not write to the calendar of {ROOM}" in me.get(page_of(connection)).words
    rights[ROOM] = "editor"
    assert all(stages(connection).values())
    assert connection.permissions[0]["state"] == "granted"
    assert connection.state == "installed"


def test_account_that_opens_neither_calendar_installs_nothing(me: Person) -> None:
    begin(me, "account").choose(VISITOR).accept()

    assert f"{VISITOR} may not open the calendar of {ROOM}" in me.words
    assert f"Add-MailboxFolderPermission -Identity ('{ROOM}' + ':\\Calendar')" in me.words
    assert "Start again" in me.words
    assert not ExchangeConnection.objects.exists()
    assert the_attempt().sealed_refresh_token == ""


@pytest.mark.parametrize(
    ("code", "words"),
    [(53003, "Conditional Access"), (65001, "Nobody has agreed"), (50173, "was revoked")],
)
def test_token_for_ews_that_microsoft_refuses_is_told_as_any_other(
    me: Person, sandbox: SandboxServer, code: int, words: str
) -> None:
    """Graph's was given a moment ago: rules of an organisation are an API's own."""
    begin(me, "account").choose(DESK)
    sandbox.faults.arrange({"kind": "error", "operation": "token", "code": code, "nth": 2})

    me.accept()

    assert words in me.words
    assert f"AADSTS{code}" in me.words
    assert not ExchangeConnection.objects.exists()


def test_consent_for_both_apis_is_an_administrators_where_people_may_not(me: Person) -> None:
    begin(me, "account").choose(TRAINEE).press(answer="back")
    link = re.search(r"<code>(http[^<]+adminconsent[^<]+)</code>", me.words)
    assert link is not None
    Person(Client()).open(link.group(1)).choose(ADMIN).accept()

    me.post(reverse("admin:microsoft_again", args=[the_attempt().uuid])).choose(TRAINEE)

    # It has no rights yet; that Microsoft let it in, and EWS too, is what was missing.
    assert f"{TRAINEE} may not open the calendar of {ROOM}" in me.words


def test_grant_again_and_another_account_ask_for_both_apis_too(
    me: Person, sandbox: SandboxServer
) -> None:
    sandbox.store.microsoft_account(VISITOR).rights[ROOM] = "editor"
    connection = delegated(me)
    stages(connection)

    me.post(page_of(connection, "microsoft_grant_again"))
    assert (me.question["prompt"], me.question["login_hint"]) == ("consent", DESK)
    assert EWS_SCOPE in me.question["scope"]
    me.accept()
    assert all(stages(connection).values())

    me.post(page_of(connection, "microsoft_another_account"))
    assert "Pick an account" in me.asked
    me.choose(VISITOR).accept()
    assert all(stages(the_connection()).values())
    connection.refresh_from_db()
    assert (connection.email, connection.wire, connection.state) == (VISITOR, "ews", "installed")


@pytest.mark.parametrize("access", ["organisation", "account"])
def test_organisation_that_has_not_listed_the_application_is_told_how(
    me: Person, sandbox: SandboxServer, access: str
) -> None:
    sandbox.store.organisation(LANTERN).ews_allowed_apps = frozenset()

    begin(me, access).choose(ADMIN).accept()
    if access == "organisation":
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


def test_grant_of_an_account_serves_graph_too_after_it_was_granted_for_that(
    me: Person, sandbox: SandboxServer
) -> None:
    over_ews = delegated(me)
    stages(over_ews)
    me.post(reverse("admin:exchange_move", args=[over_ews.uuid]), do="use-grant")
    over_graph = ExchangeConnection.objects.get(wire="graph")
    assert stages(over_graph) == {"registration": True, "token": False}
    assert "AADSTS" not in over_graph.cause

    me.post(page_of(over_graph, "microsoft_grant_again")).accept()

    told = stages(over_graph)
    assert all(told.values()), over_graph.last_check
    assert moving.targets(over_ews) == [over_graph]
    assert all(stages(over_ews).values())
