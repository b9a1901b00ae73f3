"""Install of Microsoft 365 by its pages, against a small Microsoft over HTTP: both accesses, accounts, organisations."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl

import pytest
from allauth.socialaccount.models import SocialAccount, SocialApp, SocialToken
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from apps.console import microsoft_pages
from apps.exchange import services
from apps.exchange.graph import session
from apps.exchange.microsoft.sign_ins import Who
from apps.exchange.models import ExchangeConnection, SignInAttempt
from apps.exchange.secrets import unseal
from apps.resources.models import Resource
from apps.sandbox.server import SandboxServer, serve
from apps.sync import connecting, leave
from apps.sync.models import CalendarLink
from apps.tenants.models import Role, Tenant, User
from tests.console import microsoft
from tests.console.microsoft import (
    ADMIN,
    CLIENT_ID,
    DESK,
    INSTALL,
    LANTERN_ID,
    OTHER_ROOM,
    QUARRY_ADMIN,
    QUARRY_DESK,
    QUARRY_ID,
    QUARRY_ROOM,
    ROOM,
    VISITOR,
    Person,
    the_attempt,
    the_connection,
)  # fmt: skip
from tests.exchange import http

State = ExchangeConnection.State
OPENID = {"openid", "profile", "offline_access"}
CONTINUE = "I am an administrator: continue"


@pytest.fixture
def sandbox(settings: Any) -> Iterator[SandboxServer]:
    with serve(microsoft.microsoft()) as running:
        microsoft.lead_to(running, settings)
        yield running
        session.close_connections()


@pytest.fixture
def owner(user_with: Callable[..., User], tenant: Tenant) -> User:
    return user_with(Role.OWNER, tenant)


@pytest.fixture
def me(sandbox: SandboxServer, owner: User, client_of: Callable[[User], Client]) -> Person:
    return Person(client_of(owner))


def consent(person: Person) -> Person:
    return person.post(reverse("admin:microsoft_consent", args=[the_attempt().uuid]))


def organisation_wide(person: Person, admin: str = ADMIN, room: str = ROOM) -> ExchangeConnection:
    """The whole way, up to the good check."""
    person.install("organisation", room).choose(admin).accept()
    consent(person).accept()
    return checked()


def delegated(person: Person, account: str = DESK) -> ExchangeConnection:
    person.install("account").choose(account).accept()
    return checked()


def checked() -> ExchangeConnection:
    connection = the_connection()
    services.check(connection)
    return connection


def page_of(connection: ExchangeConnection, name: str = "exchange_connection") -> str:
    return reverse(f"admin:{name}", args=[connection.uuid])


# --- Both accesses ---------------------------------------------------------------------------------


def test_install_offers_microsoft_365_first_and_explains_each_access(me: Person) -> None:
    words = me.get(reverse("admin:exchange_install")).words
    assert words.index("Microsoft 365") < words.index("On premises")

    words = me.get(INSTALL).words

    assert words.index("Organisation-wide") < words.index("This account only")
    assert "Recommended. An administrator" in words
    assert "looked for each minute" in words
    for address in (microsoft.CALLBACK, microsoft.CONSENT_CALLBACK):
        assert f"http://testserver{address}" in words


def test_organisation_wide_is_installed_after_sign_in_consent_and_check(me: Person) -> None:
    me.install().choose(ADMIN).accept()
    for words in ("signed in as", ADMIN, "Lantern House", CONTINUE):
        assert words in me.words
    assert not ExchangeConnection.objects.exists()

    consent(me)
    assert "Review permissions for your organisation" in me.asked
    me.accept()

    connection = the_connection()
    assert (connection.state, connection.is_checking) == (State.PENDING, True)
    services.check(connection)
    assert connection.state == State.INSTALLED
    assert (connection.organisation_id, connection.organisation_name) == (
        LANTERN_ID,
        "Lantern House",
    )
    assert (connection.access, connection.wire) == ("organisation", "graph")
    assert connection.sealed_refresh_token == ""
    shown = me.get(page_of(connection)).words
    for words in ("Access to Lantern House", ADMIN, "granted", "Calendars.ReadWrite", "Works"):
        assert words in shown


def test_account_only_is_installed_after_sign_in_and_check(me: Person) -> None:
    me.install("account").choose(DESK)
    assert "Read and write calendars you can access" in me.asked
    me.accept()

    connection = checked()

    assert connection.state == State.INSTALLED
    assert (connection.access, connection.email) == ("account", DESK)
    assert unseal(connection.sealed_refresh_token) not in {"", connection.sealed_refresh_token}
    shown = me.get(page_of(connection)).words
    assert f"Access as {DESK}, of Lantern House" in shown
    assert "It is renewed before" in shown
    assert "myapps.microsoft.com" in shown


@pytest.mark.parametrize("install", [organisation_wide, delegated])
def test_sign_in_makes_no_user_and_keeps_no_token_of_allauths(
    me: Person, owner: User, install: Callable[[Person], ExchangeConnection]
) -> None:
    install(me)

    assert list(User.objects.all()) == [owner]
    for model in (SocialAccount, SocialToken, SocialApp):
        assert not model.objects.exists()
    attempt = the_attempt()
    assert attempt.step == "ended"
    assert attempt.sealed_access_token == attempt.sealed_refresh_token == ""


@pytest.mark.parametrize(
    ("access", "scopes"),
    [
        ("organisation", {"openid", "profile", "User.Read"}),
        ("account", {
            "openid", "profile", "offline_access", "User.Read",
            "Calendars.ReadWrite.Shared",
        }),
    ],
)  # fmt: skip
def test_microsoft_is_asked_for_what_the_access_needs_with_picker_and_pkce(
    me: Person, access: str, scopes: set[str]
) -> None:
    asked = me.install(access).question

    assert set(asked["scope"].split()) == scopes
    assert (asked["prompt"], asked["code_challenge_method"]) == ("select_account", "S256")
    assert asked["redirect_uri"] == f"http://testserver{microsoft.CALLBACK}"
    assert "Pick an account" in me.asked


@pytest.mark.parametrize(
    ("access", "wire", "scopes"),
    [
        ("organisation", "graph", {"User.Read"}),
        ("account", "graph", {"User.Read", "Calendars.ReadWrite.Shared"}),
        ("account", "ews", {"User.Read"}),
    ],
)
def test_token_call_of_the_sign_in_names_the_scopes_of_one_api(
    me: Person, sandbox: SandboxServer, settings: Any, access: str, wire: str, scopes: set[str]
) -> None:
    """Whatever the sign-in had asked for: without a scope, or with those of two APIs, there is no token."""
    sandbox.store.registrations[CLIENT_ID].scopes |= {"EWS.AccessAsUser.All"}
    me.post(INSTALL, access=access, try_email=ROOM, wire=wire).choose(DESK)
    asked = set(me.question["scope"].split())
    with http.serving() as microsofts:
        settings.MICROSOFT_LOGIN_URL = microsofts.url
        settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = [f"127.0.0.1:{microsofts.port}"]
        me.accept()
        (call,) = microsofts.asked

    named = set(dict(parse_qsl(call.body.decode()))["scope"].split())
    assert named & OPENID == asked & OPENID
    assert named - OPENID == {f"https://graph.microsoft.com/{one}" for one in scopes}
    assert any("EWS.AccessAsUser.All" in one for one in asked) is (wire == "ews")


def test_way_to_microsoft_is_no_answer_to_a_form(me: Person) -> None:
    """Content-Security-Policy's form-action would stop it, where a company has its own sign-in."""
    me.install()

    assert me.shown.status_code == 200
    assert "form-action 'self'" in me.shown["Content-Security-Policy"]
    assert me.shown["Referrer-Policy"] == "no-referrer"
    assert "no-store" in me.shown["Cache-Control"]


# --- Whose account ---------------------------------------------------------------------------------


def test_grant_of_an_organisation_that_is_there_shows_whose_it_is_and_offers_another(
    me: Person,
) -> None:
    organisation_wide(me)
    ExchangeConnection.objects.all().delete()

    me.install().choose(ADMIN)

    assert "Lantern House allows it already" in me.words
    assert ADMIN in me.words
    assert "Use a different account" in me.words
    me.post(reverse("admin:microsoft_granted", args=[the_attempt().uuid]))
    assert checked().state == State.INSTALLED


def test_grant_that_is_reused_in_silence_is_shown_and_replaced_without_my_apps(me: Person) -> None:
    delegated(me, VISITOR)
    ExchangeConnection.objects.all().delete()
    me.install("account").choose(VISITOR)
    connection = the_connection()
    assert f"Access as {VISITOR}, of Lantern House" in me.words
    assert "Use a different account" in me.words
    services.check(connection)
    assert connection.state == State.PENDING

    me.post(page_of(connection, "microsoft_another_account"))
    assert "Pick an account" in me.asked
    me.choose(DESK).accept()

    assert checked() == connection
    connection.refresh_from_db()
    assert (connection.email, connection.state) == (DESK, State.INSTALLED)


def test_grant_again_asks_the_same_account_once_more(me: Person) -> None:
    connection = delegated(me)

    me.post(page_of(connection, "microsoft_grant_again"))

    assert me.question["prompt"] == "consent"
    assert me.question["login_hint"] == DESK
    me.accept()
    assert checked().state == State.INSTALLED


def test_grant_again_of_an_organisation_asks_its_administrator(me: Person) -> None:
    connection = organisation_wide(me)

    me.post(page_of(connection, "microsoft_grant_again"))

    assert "Review permissions for your organisation" in me.asked
    me.accept()
    assert checked().state == State.INSTALLED


def test_different_account_brings_the_picker_in_the_middle_of_a_grant_as_well(me: Person) -> None:
    connection = organisation_wide(me)
    me.post(page_of(connection, "microsoft_grant_again")).press(answer="cancel")
    assert "Use a different account" in me.words

    me.post(reverse("admin:microsoft_again", args=[the_attempt().uuid]))

    assert me.question["prompt"] == "select_account"
    assert "login_hint" not in me.question
    assert the_attempt().connection == connection


@pytest.mark.parametrize("button", ["microsoft_another_account", "microsoft_grant_again"])
def test_nobody_is_sent_to_microsoft_from_an_address_that_it_does_not_lead_back_to(
    me: Person, settings: Any, button: str
) -> None:
    connection = delegated(me)
    settings.PUBLIC_URL, me.address = "https://sync.example.com", ""

    me.post(page_of(connection, button))

    assert not me.address
    assert "Go to the registered address" in me.words


def test_calendars_wait_for_the_check_of_another_account(me: Person) -> None:
    connection = delegated(me)

    me.post(page_of(connection, "microsoft_another_account")).choose(VISITOR).accept()

    connection.refresh_from_db()
    assert connection.state == State.INSTALLED
    assert connection.stopped_at is not None
    assert connection.email == VISITOR


def test_installing_the_same_once_more_makes_no_second_connection(me: Person) -> None:
    first = delegated(me)
    me.install("account").choose(DESK)
    assert checked() == first

    me.install("account").choose(VISITOR).accept()

    assert ExchangeConnection.objects.count() == 2


# --- Another organisation --------------------------------------------------------------------------


@pytest.fixture
def connected(me: Person, resource: Resource) -> ExchangeConnection:
    """Installed for the whole of Lantern House, with a resource whose mailbox was proved."""
    connection = organisation_wide(me)
    connecting.connect(resource=resource, email=ROOM)
    CalendarLink.objects.update(mailbox_key="proved", state="in_sync", folder_id="folder")
    return connection


def to_quarry(person: Person, connection: ExchangeConnection) -> None:
    person.post(page_of(connection, "microsoft_another_account")).choose(QUARRY_ADMIN).accept()
    consent(person).choose(QUARRY_ADMIN).accept()
    if "There is no mailbox" in person.words:
        person.post(
            reverse("admin:microsoft_granted", args=[the_attempt().uuid]), try_email=QUARRY_ROOM
        )


def test_another_organisation_asks_first_and_says_what_stops(
    me: Person, connected: ExchangeConnection
) -> None:
    to_quarry(me, connected)

    for words in ("Quarry Yard instead of Lantern House?", "Lighthouse", ROOM, "calendar stops"):
        assert words in me.words
    connected.refresh_from_db()
    assert (connected.organisation_id, connected.email) == (LANTERN_ID, ADMIN)
    assert CalendarLink.objects.get().state == "in_sync"

    me.post(reverse("admin:microsoft_answer", args=[the_attempt().uuid]), answer="keep")

    assert "Nothing was changed" in me.words
    connected.refresh_from_db()
    assert connected.organisation_id == LANTERN_ID
    assert the_attempt().step == "ended"


def test_second_answer_says_nothing_that_is_not_true(
    me: Person, connected: ExchangeConnection
) -> None:
    to_quarry(me, connected)
    question = reverse("admin:microsoft_answer", args=[the_attempt().uuid])
    me.post(question, answer="change")

    me.post(question, answer="keep")

    assert "Nothing was changed" not in me.words
    assert "Quarry Yard" in me.words
    connected.refresh_from_db()
    assert connected.organisation_id == QUARRY_ID


def test_another_organisation_stops_the_calendars_and_adopts_when_it_comes_back(
    me: Person, connected: ExchangeConnection, tenant: Tenant
) -> None:
    to_quarry(me, connected)
    me.post(reverse("admin:microsoft_answer", args=[the_attempt().uuid]), answer="change")

    assert checked().organisation_name == "Quarry Yard"
    calendar = CalendarLink.objects.get()
    assert (calendar.state, calendar.mailbox_key) == ("not_connected", "proved")
    assert calendar.resource.calendar_email == ROOM
    assert "was connected before" not in me.get(page_of(connected)).words

    me.post(page_of(connected, "microsoft_another_account")).choose(ADMIN)
    me.post(reverse("admin:microsoft_granted", args=[the_attempt().uuid]), try_email=ROOM)
    assert checked().organisation_name == "Lantern House"
    assert "1 calendar was connected before" in me.get(page_of(connected)).words
    me.post(page_of(connected, "exchange_reconnect"))
    calendar.refresh_from_db()
    assert (calendar.state, calendar.connection) == ("connecting", connected)


def test_organisation_that_changed_in_another_tab_asks_as_well(
    me: Person, connected: ExchangeConnection, owner: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page had read the connection before: its calendars must not go on in another organisation."""
    me.post(page_of(connected, "microsoft_grant_again"))
    SignInAttempt.objects.filter(used_at=None).update(step="question")
    attempt = SignInAttempt.objects.select_related("connection").get(pk=the_attempt().pk)
    ExchangeConnection.objects.update(organisation_id=QUARRY_ID)
    who = Who(owner, attempt.session_key, attempt.tenant)
    monkeypatch.setattr(microsoft_pages, "who", lambda _request: who)

    microsoft_pages.go_on(HttpRequest(), attempt)

    connected.refresh_from_db()
    assert connected.organisation_id == QUARRY_ID
    assert the_attempt().step == "question"


def test_another_organisation_without_connected_resources_asks_nothing(me: Person) -> None:
    connection = delegated(me)

    me.post(page_of(connection, "microsoft_another_account")).choose(QUARRY_DESK).accept()

    connection.refresh_from_db()
    assert connection.organisation_name == "Quarry Yard"


def test_organisation_that_another_tenant_has_is_installed_by_a_superuser_alone(
    me: Person,
    other_tenant: Tenant,
    user_with: Callable[..., User],
    client_of: Callable[[User], Client],
) -> None:
    """Its consent is the application's: whoever signs in could use it, from any tenant."""
    organisation_wide(me)
    stranger = Person(client_of(user_with(Role.OWNER, other_tenant)))

    stranger.install().choose(DESK)
    assert "allows it already" not in stranger.words
    stranger.post(reverse("admin:microsoft_granted", args=[the_attempt().uuid]))

    assert "in use at OptixSync already" in stranger.words
    assert ExchangeConnection.objects.count() == 1
    User.objects.filter(memberships__tenant=other_tenant).update(is_superuser=True)
    stranger.client.post(reverse("admin:switch_tenant"), {"tenant": other_tenant.slug})
    stranger.post(reverse("admin:microsoft_granted", args=[the_attempt().uuid]))
    assert ExchangeConnection.objects.for_tenant(other_tenant).count() == 1


@pytest.mark.parametrize("how", ["uninstalled", "another organisation", "tenant deleted"])
def test_consent_that_stays_at_microsoft_serves_no_other_tenant(
    me: Person,
    how: str,
    tenant: Tenant,
    other_tenant: Tenant,
    user_with: Callable[..., User],
    client_of: Callable[[User], Client],
) -> None:
    """Any member of the organisation could read all its calendars by it, long after Uninstall."""
    connection = organisation_wide(me)
    if how == "uninstalled":
        services.start_uninstall(connection, by=None)
        services.finish_uninstall(connection)
    elif how == "tenant deleted":
        tenant.delete()
    else:
        to_quarry(me, connection)
        assert checked().organisation_id == QUARRY_ID
    stranger = Person(client_of(user_with(Role.OWNER, other_tenant)))

    stranger.install().choose(DESK)
    assert "allows it already" not in stranger.words
    stranger.post(reverse("admin:microsoft_granted", args=[the_attempt().uuid]))

    assert "in use at OptixSync already, or was" in stranger.words
    assert not ExchangeConnection.objects.for_tenant(other_tenant).exists()


def test_tenant_that_had_an_organisation_last_has_it_back_without_a_superuser(
    me: Person, tenant: Tenant
) -> None:
    connection = organisation_wide(me)
    services.start_uninstall(connection, by=None)
    services.finish_uninstall(connection)

    me.install().choose(DESK)
    me.post(reverse("admin:microsoft_granted", args=[the_attempt().uuid]))

    assert ExchangeConnection.objects.for_tenant(tenant).present().count() == 1


def test_of_two_tenants_at_the_same_question_the_first_has_the_organisation(
    me: Person,
    other_tenant: Tenant,
    user_with: Callable[..., User],
    client_of: Callable[[User], Client],
) -> None:
    """Each had proved the consent before either was done."""
    me.install().choose(ADMIN).accept()
    mine = the_attempt()
    stranger = Person(client_of(user_with(Role.OWNER, other_tenant)))
    stranger.install().choose(DESK).accept()
    theirs = the_attempt()
    SignInAttempt.objects.filter(pk=theirs.pk).update(step="question")
    me.post(reverse("admin:microsoft_consent", args=[mine.uuid])).accept()

    stranger.post(reverse("admin:microsoft_granted", args=[theirs.uuid]))

    assert "connected by somebody else meanwhile" in stranger.words
    assert the_connection().tenant == mine.tenant


def test_owner_grants_again_what_a_superuser_installed_in_another_tenant_too(
    me: Person, other_tenant: Tenant
) -> None:
    connection = organisation_wide(me)
    ExchangeConnection.objects.create(
        tenant=other_tenant, kind="microsoft_365", wire="graph", name="Theirs",
        access="organisation", organisation_id=LANTERN_ID,
    )  # fmt: skip

    me.post(page_of(connection, "microsoft_grant_again")).choose(ADMIN).accept()

    assert "in use" not in me.words
    assert the_attempt().step == "ended"


# --- Its page --------------------------------------------------------------------------------------


def test_mailbox_to_try_and_name_are_changed_without_microsoft(me: Person) -> None:
    connection = organisation_wide(me)

    me.post(page_of(connection, "exchange_change"), try_email=OTHER_ROOM, name="House")

    assert checked().try_email == OTHER_ROOM
    connection.refresh_from_db()
    assert (connection.name, connection.state, connection.stopped_at) == (
        "House",
        State.INSTALLED,
        None,
    )


def test_commands_limit_the_access_to_exactly_the_connected_mailboxes(
    me: Person, connected: ExchangeConnection
) -> None:
    words = me.get(page_of(connected)).words

    assert "New-ManagementScope" in words
    assert f"PrimarySmtpAddress -eq ''{ROOM}''" in words
    assert CLIENT_ID in words
    assert OTHER_ROOM not in words


@pytest.mark.parametrize(
    ("days", "words"), [(45, ""), (30, "30 days"), (7, "7 days"), (1, "1 day.")]
)
def test_end_of_the_secret_is_told_a_month_before(
    me: Person, settings: Any, days: int, words: str
) -> None:
    connection = delegated(me)
    ends = timezone.localdate() + dt.timedelta(days=days)
    settings.MICROSOFT_SECRET_EXPIRES_ON = ends.isoformat()

    shown = me.get(page_of(connection)).words

    assert ("expires in" in shown) is bool(words)
    assert words in shown
    assert str(ends.year) in shown


def test_uninstall_erases_every_token(me: Person) -> None:
    connection = delegated(me)

    me.post(page_of(connection, "exchange_uninstall"))

    connection.refresh_from_db()
    assert connection.state == State.UNINSTALLED
    assert connection.sealed_refresh_token == ""
    assert not connection.access_tokens.exists()


def test_uninstall_leaves_no_token_in_a_sign_in_either(me: Person, resource: Resource) -> None:
    connection = delegated(me)
    connecting.connect(resource=resource, email=ROOM)
    CalendarLink.objects.update(mailbox_key="proved", state="in_sync", folder_id="folder")
    me.post(page_of(connection, "microsoft_another_account")).choose(QUARRY_DESK).accept()
    waiting = the_attempt()
    assert (waiting.step, bool(waiting.sealed_refresh_token)) == ("question", True)
    leave.uninstall(connection, keeps_ours_there=True, keeps_theirs_here=True, by=None)

    assert not the_attempt().sealed_refresh_token
    assert not the_attempt().sealed_access_token

    me.post(reverse("admin:microsoft_answer", args=[waiting.uuid]), answer="change")

    assert "This connection is uninstalled" in me.words
    assert the_attempt().step == "ended"


def test_sign_in_that_comes_back_to_an_uninstalled_connection_keeps_nothing(me: Person) -> None:
    connection = delegated(me)
    me.post(page_of(connection, "microsoft_another_account")).choose(ADMIN)
    leave.uninstall(connection, keeps_ours_there=True, keeps_theirs_here=True, by=None)

    me.accept()

    assert "This connection is uninstalled" in me.words
    assert (the_attempt().step, the_attempt().sealed_refresh_token) == ("ended", "")
