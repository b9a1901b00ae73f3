"""Signing in: who is asked what, whose consent is kept, and what the application is told."""

from __future__ import annotations

import pytest
import requests

from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Store
from tests.sandbox import microsoft
from tests.sandbox.browser import SCOPE, Browser, redeem
from tests.sandbox.microsoft import (
    ADMIN,
    BACK,
    CLIENT,
    DESK,
    LANTERN,
    SOMEONE,
    TENANT,
    TRAINEE,
    VISITOR,
)  # fmt: skip

PLACES = "User.Read Place.Read.All"


@pytest.fixture
def store() -> Store:
    made = Store(seed=7)
    microsoft.organisation(made)
    microsoft.registration(made)
    return made


@pytest.fixture
def browser(server: SandboxServer) -> Browser:
    return Browser(server)


def signed_in(browser: Browser, *accounts: str, scope: str = SCOPE) -> Browser:
    """Sign accounts in that have consented."""
    for account in accounts:
        browser.code(account, prompt="select_account", scope=scope)
    return browser


def told(browser: Browser) -> tuple[str, str]:
    """Read what the application is told of a refusal: OAuth's error, and Microsoft's code."""
    return browser.told["error"], browser.told["error_description"].split(":")[0]


# -- the way through


def test_a_first_sign_in_picks_an_account_and_asks_for_consent(
    browser: Browser, server: SandboxServer
) -> None:
    browser.authorize()
    assert "Pick an account" in browser.text
    assert all(one in browser.text for one in (DESK, ADMIN, SOMEONE, "Lantern House"))

    browser.press(account=DESK)
    assert "Permissions requested" in browser.text
    assert "Read and write calendars you can access" in browser.text
    assert "Maintain access to data you have given it access to" in browser.text

    browser.press(answer="accept")
    assert browser.told["state"] == "the state"
    assert browser.told["session_state"]
    assert redeem(server, browser.told["code"]).status_code == 200


def test_the_log_tells_sign_ins_by_account(browser: Browser, server: SandboxServer) -> None:
    signed_in(browser, DESK)

    assert [(line.account, line.status) for line in server.requests.lines("authorize")] == [
        ("", 200), (DESK, 200), (DESK, 302),
    ]  # fmt: skip


def test_account_and_consent_are_reused_in_silence(browser: Browser) -> None:
    signed_in(browser, DESK).authorize()

    assert browser.told["code"]


def test_fewer_scopes_are_reused_in_silence_and_more_are_asked_for(browser: Browser) -> None:
    signed_in(browser, DESK).authorize(scope="User.Read")
    assert browser.told["code"]

    browser.authorize(scope=f"{SCOPE} Calendars.ReadWrite")

    assert "Have full access to your calendars" in browser.text
    assert "Sign you in and read your profile" not in browser.text


def test_default_asks_once_for_what_is_registered_and_then_for_nothing(
    browser: Browser, store: Store
) -> None:
    store.registrations[CLIENT].scopes = frozenset({"User.Read", "Calendars.Read"})
    default = "https://graph.microsoft.com/.default"

    browser.code(DESK, scope=default)

    assert store.organisation(LANTERN).apps[CLIENT].scopes(microsoft.account(store).oid) == {
        "User.Read", "Calendars.Read",
    }  # fmt: skip
    store.registrations[CLIENT].scopes |= {"Calendars.ReadWrite"}
    assert browser.authorize(scope=default).told["code"]


def test_another_browser_is_not_signed_in_but_consent_is_kept(
    browser: Browser, server: SandboxServer
) -> None:
    signed_in(browser, DESK)
    other = Browser(server).authorize()

    assert "Pick an account" in other.text
    assert other.press(account=DESK).told["code"]


def test_consent_is_one_persons(browser: Browser) -> None:
    signed_in(browser, DESK).authorize(prompt="select_account").press(account=VISITOR)

    assert "Permissions requested" in browser.text


def test_of_several_signed_in_accounts_people_choose(browser: Browser) -> None:
    signed_in(browser, DESK, VISITOR).authorize()

    assert browser.text.count("Signed in") == 2


# -- prompts and hints


def test_select_account_shows_the_accounts_though_one_is_signed_in(browser: Browser) -> None:
    signed_in(browser, DESK).authorize(prompt="select_account")

    assert "Pick an account" in browser.text
    assert browser.press(account=DESK).told["code"]


def test_login_asks_who_it_is_again(browser: Browser) -> None:
    signed_in(browser, DESK).authorize(prompt="login", login_hint=DESK)

    assert "Suggested" in browser.text


def test_consent_shows_the_permissions_again(browser: Browser) -> None:
    signed_in(browser, DESK).authorize(prompt="consent")
    assert "Permissions requested" in browser.text
    assert "Sign you in and read your profile" in browser.text

    assert browser.press(answer="accept").told["code"]


def test_none_answers_without_a_page(browser: Browser) -> None:
    assert told(browser.authorize(prompt="none")) == ("login_required", "AADSTS50058")

    signed_in(browser, DESK)
    assert browser.authorize(prompt="none").told["code"]

    browser.authorize(prompt="none", scope="Calendars.Read")
    assert told(browser) == ("interaction_required", "AADSTS65001")


def test_none_tells_the_application_of_a_refused_account(browser: Browser, store: Store) -> None:
    signed_in(browser, DESK)
    microsoft.account(store).refusal = 50076

    assert told(browser.authorize(prompt="none")) == ("interaction_required", "AADSTS50076")


def test_a_hint_chooses_among_signed_in_accounts(browser: Browser, server: SandboxServer) -> None:
    signed_in(browser, DESK, VISITOR).authorize(login_hint=DESK.upper())

    assert browser.told["code"]
    assert server.requests.lines("authorize")[-1].account == DESK


def test_a_hint_at_somebody_else_is_suggested(browser: Browser) -> None:
    signed_in(browser, DESK).authorize(login_hint=VISITOR)

    assert browser.text.index("Suggested") < browser.text.index(VISITOR) < browser.text.index(DESK)


def test_a_hint_at_nobody_is_said(browser: Browser) -> None:
    browser.authorize(login_hint="nobody@lantern.example")

    assert "There is no account nobody@lantern.example." in browser.text


# -- no


def test_cancel_tells_the_application(browser: Browser, store: Store) -> None:
    browser.authorize().press(account=DESK).press(answer="cancel")

    assert told(browser) == ("access_denied", "AADSTS65004")
    assert (browser.told["error_subcode"], browser.told["state"]) == ("cancel", "the state")
    assert not store.organisation(LANTERN).apps


@pytest.mark.parametrize(("answer", "error", "code"), [
    ("request", "consent_required", "AADSTS90095"),
    ("back", "access_denied", "AADSTS90094"),
])  # fmt: skip
def test_an_account_that_needs_approval_cannot_consent(
    browser: Browser, store: Store, answer: str, error: str, code: str
) -> None:
    browser.authorize().press(account=TRAINEE)
    assert "Need admin approval" in browser.text

    assert told(browser.press(answer=answer)) == (error, code)
    assert not store.organisation(LANTERN).apps


def test_a_form_made_up_does_not_consent_for_who_needs_approval(
    browser: Browser, store: Store
) -> None:
    browser.authorize().press(account=TRAINEE)
    browser.session.post(browser.url, data={"account": TRAINEE, "answer": "accept"}, timeout=10)

    assert not store.organisation(LANTERN).apps


def test_an_admins_consent_lets_everybody_in(browser: Browser, server: SandboxServer) -> None:
    browser.authorize().press(account=ADMIN).press(answer="accept", for_all="on")

    assert Browser(server).authorize().press(account=TRAINEE).told["code"]


def test_an_admin_can_consent_for_himself_alone(browser: Browser, server: SandboxServer) -> None:
    browser.authorize().press(account=ADMIN).press(answer="accept")

    other = Browser(server).authorize().press(account=TRAINEE)
    assert "Need admin approval" in other.text


def test_what_only_an_admin_may_grant_needs_an_admin(browser: Browser) -> None:
    browser.authorize(scope=PLACES).press(account=DESK)
    assert "Need admin approval" in browser.text
    assert "Read all company places" in browser.text

    browser.authorize(scope=PLACES, prompt="select_account").press(account=ADMIN)
    assert browser.press(answer="accept").told["code"]


def test_a_refused_account_sees_why_and_finds_back(browser: Browser, store: Store) -> None:
    microsoft.account(store).refusal = 53003
    browser.authorize().press(account=DESK)

    assert browser.status == 400
    assert "AADSTS53003" in browser.text
    assert f'href="{BACK}?error=interaction_required&amp;' in browser.text
    assert "Use a different account" in browser.text


def test_a_refusal_at_token_calls_alone_spares_the_sign_in(browser: Browser, store: Store) -> None:
    microsoft.account(store).refusal, microsoft.account(store).refused_at = 53003, "token"

    assert browser.code(DESK)


@pytest.mark.parametrize("tenant", ["organizations", "common", "consumers", TENANT])
def test_a_personal_account_is_refused(browser: Browser, tenant: str) -> None:
    browser.authorize(tenant).press(account=SOMEONE)

    assert "AADSTS50020" in browser.text


def test_an_account_of_another_organisation_is_refused(browser: Browser, store: Store) -> None:
    store.add_organisation(
        domain="other.example", name="", server="", time_zone="UTC", tenant_id="other-tenant"
    )
    browser.authorize("other.example").press(account=DESK)

    assert "AADSTS50020" in browser.text


def test_an_application_that_was_switched_off_lets_nobody_in(
    browser: Browser, store: Store
) -> None:
    store.enterprise_app(store.organisation(LANTERN), CLIENT).is_enabled = False
    browser.authorize().press(account=DESK)

    assert "AADSTS7000112" in browser.text


def test_an_account_that_is_not_there_is_told_to_the_application(
    browser: Browser,
) -> None:
    browser.authorize()
    browser._take(
        browser.session.post(browser.url, data={"account": "x"}, allow_redirects=False, timeout=10)
    )

    assert told(browser) == ("access_denied", "AADSTS50034")


# -- requests that cannot be answered to the application


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"client_id": TENANT}, 700016),
        ({"client_id": ""}, 900144),
        ({"redirect_uri": f"{BACK}x"}, 50011),
        ({"redirect_uri": BACK.rstrip("/")}, 50011),
        ({"redirect_uri": BACK.replace("127.0.0.1", "localhost")}, 50011),
        ({"redirect_uri": f"{BACK}?x=1"}, 50011),
        ({"redirect_uri": ""}, 50011),
        ({"tenant": "nowhere.example"}, 90002),
    ],
)
def test_what_names_no_registered_address_ends_on_a_page(
    browser: Browser, changed: dict[str, str], code: int
) -> None:
    browser.authorize(**changed)

    assert browser.status == 400
    assert f"AADSTS{code}:" in browser.text
    assert browser.told == {}


@pytest.mark.parametrize(("tenant", "code"), [("organizations", 50194), ("other.example", 700016)])
def test_an_application_of_one_tenant_is_used_by_that_tenant(
    browser: Browser, store: Store, tenant: str, code: int
) -> None:
    known = store.registrations[CLIENT]
    known.audience, known.home_tenant = "one", TENANT
    store.add_organisation(
        domain="other.example", name="", server="", time_zone="UTC", tenant_id="other-tenant"
    )

    assert f"AADSTS{code}:" in browser.authorize(tenant).text
    assert "Pick an account" in browser.authorize(LANTERN).text


@pytest.mark.parametrize(
    ("changed", "error", "code"),
    [
        ({"response_type": "token"}, "unsupported_response_type", 700054),
        ({"response_mode": "fragment"}, "invalid_request", 70007),
        ({"prompt": "admin_consent"}, "invalid_request", 90023),
        ({"code_challenge_method": "plain"}, "invalid_request", 9002313),
        ({"scope": ""}, "invalid_request", 900144),
        ({"scope": "Mail.Sing"}, "invalid_scope", 650053),
        ({"scope": "https://elsewhere.example/x"}, "invalid_resource", 500011),
    ],
)
def test_what_is_asked_for_wrongly_is_told_to_the_application(
    browser: Browser, changed: dict[str, str], error: str, code: int
) -> None:
    assert told(browser.authorize(**changed)) == (error, f"AADSTS{code}")


def test_without_a_state_none_comes_back(browser: Browser) -> None:
    browser.authorize(state="", prompt="none")

    assert "state" not in browser.told


def test_forms_may_lead_to_the_application_and_nowhere_else(browser: Browser) -> None:
    browser.authorize()
    policy = requests.get(browser.url, timeout=10).headers["Content-Security-Policy"]

    assert "form-action 'self' http://127.0.0.1:8000;" in policy


def test_a_page_of_another_site_cannot_press_accept(browser: Browser) -> None:
    browser.authorize().press(account=DESK)

    answer = browser.session.post(
        browser.url,
        data={"account": DESK, "answer": "accept"},
        headers={"Origin": "http://evil.example"},
        timeout=10,
    )

    assert answer.status_code == 403


def test_faults_hit_the_sign_in(browser: Browser, server: SandboxServer) -> None:
    server.faults.arrange({"kind": "http", "operation": "authorize", "status": 503})

    assert browser.authorize().status == 503
    assert browser.authorize().status == 200
