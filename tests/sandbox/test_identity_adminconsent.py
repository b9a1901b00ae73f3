"""Admin consent, and My Apps, where consent is taken back."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
import requests

from apps.sandbox.identity import callers
from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Store
from tests.sandbox import microsoft
from tests.sandbox.browser import Browser, itself
from tests.sandbox.microsoft import (
    ADMIN,
    BACK,
    CLIENT,
    DESK,
    LANTERN,
    SOMEONE,
    TENANT,
    TRAINEE,
)  # fmt: skip

GRAPH = "https://graph.microsoft.com"


@pytest.fixture
def store() -> Store:
    made = Store(seed=7)
    microsoft.organisation(made)
    known = microsoft.registration(made)
    known.scopes = frozenset({"openid", "User.Read", "Calendars.ReadWrite.Shared"})
    known.roles = frozenset({"Calendars.ReadWrite", "Place.Read.All"})
    return made


@pytest.fixture
def browser(server: SandboxServer) -> Browser:
    return Browser(server)


def told(browser: Browser) -> tuple[str, str]:
    return browser.told["error"], browser.told["error_description"].split(":")[0]


def test_an_admin_grants_all_that_is_registered_for_everybody(
    browser: Browser, server: SandboxServer, store: Store
) -> None:
    browser.adminconsent().press(account=ADMIN)
    assert "Review permissions for your organisation" in browser.text
    assert "Read and write calendars in all mailboxes" in browser.text

    browser.press(answer="accept")

    assert (browser.told["admin_consent"], browser.told["tenant"]) == ("True", TENANT)
    assert browser.told["state"] == "the state"
    assert f"{GRAPH}/Calendars.ReadWrite" in browser.told["scope"].split()
    app = store.organisation(LANTERN).apps[CLIENT]
    assert app.roles == {"Calendars.ReadWrite", "Place.Read.All"}
    assert app.for_all == {"User.Read", "Calendars.ReadWrite.Shared"}
    assert itself(server).status_code == 200
    other = Browser(server).authorize(scope="User.Read").press(account=TRAINEE)
    assert other.told["code"]


def test_scopes_that_are_named_are_granted_alone(browser: Browser, store: Store) -> None:
    browser.adminconsent("organizations", scope="User.Read").press(account=ADMIN)
    browser.press(answer="accept")

    app = store.organisation(LANTERN).apps[CLIENT]
    assert app.for_all == {"User.Read"}
    assert not app.roles
    assert browser.told["tenant"] == TENANT


def test_a_signed_in_admin_is_not_asked_who_it_is(browser: Browser) -> None:
    browser.adminconsent().press(account=ADMIN)

    assert "Review permissions" in browser.adminconsent().text
    assert "Pick an account" in browser.adminconsent(prompt="select_account").text


def test_cancel_tells_the_application_and_grants_nothing(browser: Browser, store: Store) -> None:
    browser.adminconsent().press(account=ADMIN).press(answer="cancel")

    assert told(browser) == ("consent_required", "AADSTS65004")
    assert (browser.told["admin_consent"], browser.told["state"]) == ("True", "the state")
    assert not store.organisation(LANTERN).apps


def test_who_is_no_admin_is_refused(browser: Browser, store: Store) -> None:
    browser.adminconsent().press(account=DESK)

    assert browser.status == 400
    assert "AADSTS90094" in browser.text
    assert f'href="{BACK}?error=consent_required&amp;' in browser.text
    browser.session.post(browser.url, data={"account": DESK, "answer": "accept"}, timeout=10)
    assert not store.organisation(LANTERN).apps


def test_a_personal_account_grants_nothing(browser: Browser) -> None:
    browser.adminconsent("organizations").press(account=SOMEONE)

    assert "AADSTS50020" in browser.text


def test_an_admin_of_another_organisation_is_refused(browser: Browser, store: Store) -> None:
    store.add_organisation(
        domain="other.example", name="", server="", time_zone="UTC", tenant_id="other-tenant"
    )
    store.add_microsoft_account(
        "other.example", upn="admin@other.example", name="Admin", is_admin=True
    )

    browser.adminconsent().press(account="admin@other.example")

    assert "AADSTS50020" in browser.text


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"tenant": "common"}, 900023),
        ({"tenant": "nowhere.example"}, 90002),
        ({"client_id": TENANT}, 700016),
        ({"redirect_uri": f"{BACK}x"}, 50011),
    ],
)
def test_what_cannot_be_answered_ends_on_a_page(
    browser: Browser, changed: dict[str, str], code: int
) -> None:
    assert f"AADSTS{code}:" in browser.adminconsent(**changed).text


@pytest.mark.parametrize(("scope", "code"), [("", 900144), ("openid", 900144), ("x", 650053)])
def test_a_scope_that_grants_nothing_is_told_to_the_application(
    browser: Browser, scope: str, code: int
) -> None:
    assert told(browser.adminconsent(scope=scope))[1] == f"AADSTS{code}"


def test_the_first_version_grants_all_and_words_refusals_its_own_way(browser: Browser) -> None:
    first = {"tenant": "common", "version": "", "scope": ""}
    browser.adminconsent(**first).press(account=ADMIN).press(answer="cancel")
    assert told(browser) == ("permission_denied", "AADSTS65004")
    assert "admin_consent" not in browser.told

    browser.adminconsent(**first).press(answer="accept")

    assert browser.told == {"admin_consent": "True", "tenant": TENANT, "state": "the state"}


# -- My Apps


def my_apps(server: SandboxServer, account: str = "", **form: str) -> requests.Response:
    query = f"?{urlencode({'account': account})}" if account else ""
    address = f"{server.login_url}/myapps{query}"
    if form:
        return requests.post(address, data=form, timeout=10)
    return requests.get(address, timeout=10)


def test_my_apps_lists_accounts_and_what_each_granted(
    browser: Browser, server: SandboxServer
) -> None:
    browser.code(DESK)

    assert DESK in my_apps(server).text
    page = my_apps(server, DESK).text
    assert "OptixSync" in page
    assert "Read and write calendars you can access" in page
    assert "has granted nothing" in my_apps(server, TRAINEE).text
    assert "has granted nothing" in my_apps(server, SOMEONE).text


def test_a_person_takes_a_consent_back(browser: Browser, server: SandboxServer) -> None:
    browser.code(DESK)

    page = my_apps(server, DESK, app=CLIENT).text

    assert "Revoked." in page
    assert "has granted nothing" in page
    assert "Permissions requested" in browser.authorize().text


def test_only_an_admin_takes_back_what_an_admin_granted(
    browser: Browser, server: SandboxServer, store: Store
) -> None:
    browser.adminconsent().press(account=ADMIN).press(answer="accept")
    assert "Only an admin can take this back." in my_apps(server, DESK).text
    my_apps(server, DESK, app=CLIENT, for_all="on")
    assert store.organisation(LANTERN).apps[CLIENT].roles

    my_apps(server, ADMIN, app=CLIENT, for_all="on")

    app = store.organisation(LANTERN).apps[CLIENT]
    assert not app.roles | app.for_all
    token = itself(server).json()["access_token"]
    assert not callers.caller(store, f"Bearer {token}", "graph").roles
