"""The JSON interface for Microsoft accounts, applications, consents and tokens."""

from __future__ import annotations

import datetime as dt
import json
from typing import Any

import pytest

from apps.sandbox.identity import callers
from apps.sandbox.pages import respond
from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Store
from tests.sandbox import microsoft
from tests.sandbox.browser import Browser, itself, redeem, refresh, refusal
from tests.sandbox.microsoft import BACK, CLIENT, DESK, LANTERN, OTHER_ROOM, ROOM, TRAINEE


@pytest.fixture
def store() -> Store:
    made = Store(seed=7)
    microsoft.organisation(made)
    microsoft.registration(made)
    return made


def call(store: Store, verb: str, *, status: int = 200, **given: Any) -> dict[str, Any]:
    answer = respond("POST", f"/control/{verb}", {}, given, store)
    body: dict[str, Any] = json.loads(answer.body)
    assert answer.status == status, body
    return body


def kept(server: SandboxServer) -> str:
    """Sign in, and keep the refresh token."""
    return str(redeem(server, Browser(server).code(DESK)).json()["refresh_token"])


def test_an_organisation_with_an_application_is_built_by_verbs(server: SandboxServer) -> None:
    store = server.store
    call(store, "reset")
    call(store, "organisation", domain="x.example", tenant_id="X-TENANT")
    made = call(
        store, "registration", secret="s", redirect_addresses=[BACK], scopes=["User.Read"],
        secret_expires_at="2031-01-01T00:00:00+00:00",
    )  # fmt: skip
    call(store, "microsoft_account", domain="x.example", upn="a@x.example", is_admin=True)
    call(store, "microsoft_account", upn="p@outlook.example")
    app = {"client_id": made["client_id"], "client_secret": "s"}
    call(
        store, "consent", domain="x.example", client_id=made["client_id"],
        roles=["Calendars.ReadWrite"],
    )  # fmt: skip

    assert itself(server, "x.example", **app).status_code == 200
    assert made["secrets"][0]["expires_at"].startswith("2031")
    assert "x-tenant" in {one.tenant_id for one in store.organisations.values()}
    assert list(store.identity.personal_accounts) == ["p@outlook.example"]


def test_a_secret_expires_by_a_verb(server: SandboxServer, store: Store) -> None:
    call(store, "secret_expiry", client_id=CLIENT)
    assert refusal(itself(server))[2] == 7000222

    call(store, "secret_expiry", client_id=CLIENT, at="2099-01-01T00:00:00+00:00")
    assert refusal(itself(server))[2] == 700016
    assert call(store, "secret_expiry", client_id="x", status=400)["error"]["code"] == (
        "UnknownApplication"
    )


def test_a_refresh_token_dies_by_verbs(server: SandboxServer, store: Store) -> None:
    token = kept(server)
    call(store, "refusal", account=DESK, code=50057, at="token")
    assert refusal(refresh(server, token))[2] == 50057
    call(store, "refusal", account=DESK)
    assert refresh(server, token).status_code == 200

    call(store, "revoke_tokens", account=DESK)

    assert refusal(refresh(server, token))[2] == 50173


def test_consent_is_given_and_taken_by_verbs(server: SandboxServer, store: Store) -> None:
    one: dict[str, Any] = {"domain": LANTERN, "client_id": CLIENT}
    made = call(store, "consent", **one, account=DESK, scopes=["User.Read"])
    assert made["by_account"] == [[microsoft.account(store).oid, ["User.Read"]]]

    call(store, "remove_consent", domain=LANTERN, account=DESK)
    call(store, "consent", **one, scopes=["User.Read"], roles=["Calendars.Read"])
    call(store, "enterprise_app", **one, enabled=False)
    assert refusal(itself(server))[2] == 7000112

    call(store, "enterprise_app", **one)
    call(store, "remove_consent", **one)
    app = store.organisation(LANTERN).apps[CLIENT]
    assert not app.roles | app.for_all
    assert app.is_enabled


def test_approval_is_needed_by_a_verb(server: SandboxServer, store: Store) -> None:
    call(store, "approval", account=TRAINEE, needed=False)

    assert Browser(server).code(TRAINEE)


def test_a_token_is_issued_and_what_it_opens_is_set_by_verbs(store: Store) -> None:
    def right(address: str, **given: Any) -> str:
        token = call(store, "token", domain=LANTERN, **given)["token"]
        found = callers.caller(store, f"Bearer {token}", "graph")
        return callers.right(store, found, store.mailbox(address))

    call(store, "microsoft_right", account=DESK, address=OTHER_ROOM, right="reviewer")
    assert right(OTHER_ROOM, account=DESK) == "reviewer"
    call(store, "rbac_scope", domain=LANTERN, addresses=[ROOM.upper()])
    assert (right(ROOM), right(OTHER_ROOM)) == ("editor", "none")
    call(store, "rbac_scope", domain=LANTERN)
    assert right(OTHER_ROOM) == "editor"


def test_tokens_are_made_short_and_ews_is_opened_by_verbs(
    server: SandboxServer, store: Store
) -> None:
    call(store, "token_life", seconds=5)
    call(store, "ews_allowed_apps", domain=LANTERN, client_ids=[CLIENT])
    token = call(store, "token", domain=LANTERN, resource="ews")["token"]

    caller = callers.caller(store, f"Bearer {token}", "ews")
    assert caller.app_id in caller.organisation.ews_allowed_apps
    store.set_clock(store.now() + dt.timedelta(seconds=6))
    with pytest.raises(callers.TokenRefused):
        callers.caller(store, f"Bearer {token}", "ews")
