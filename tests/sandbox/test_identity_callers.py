"""Tokens at the door: whose they are, for which resource, and what they open."""

from __future__ import annotations

import datetime as dt
from typing import Any

import jwt
import pytest
import requests

from apps.sandbox.identity import callers, tokens
from apps.sandbox.identity.callers import TokenRefused
from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Store
from tests.sandbox import microsoft
from tests.sandbox.microsoft import ADMIN, CLIENT, DESK, LANTERN, OTHER_ROOM, ROOM, VISITOR
from tests.sandbox.wire import calendar, envelope, shape


@pytest.fixture
def store() -> Store:
    made = Store(seed=7)
    microsoft.organisation(made).ews_allowed_apps = frozenset({CLIENT})
    microsoft.registration(made)
    return made


def right(store: Store, address: str, **token: object) -> str:
    issued = store.issue(organisation=LANTERN, **token)  # type: ignore[arg-type]
    resource = token.get("resource", "graph")
    found = callers.caller(store, f"Bearer {issued}", resource)  # type: ignore[arg-type]
    return callers.right(store, found, store.mailbox(address))


def open_calendar(
    server: SandboxServer, token: str, address: str, *, impersonate: str = ""
) -> requests.Response:
    content = f"<m:GetFolder>{shape(tag='FolderShape')}<m:FolderIds>{calendar(address)}</m:FolderIds></m:GetFolder>"
    return requests.post(
        server.ews_url,
        data=envelope(content, impersonate=impersonate),
        headers={"Content-Type": "text/xml", "Authorization": f"Bearer {token}"},
        timeout=10,
    )


def refusal(store: Store, header: str) -> str:
    with pytest.raises(TokenRefused) as refused:
        callers.caller(store, header, "graph")
    assert refused.value.code == "InvalidAuthenticationToken"
    return refused.value.message


def test_a_delegated_token_names_account_and_scopes(store: Store) -> None:
    token = store.issue(organisation=LANTERN, account=DESK, scopes=["User.Read"])

    found = callers.caller(store, f"Bearer {token}", "graph")

    assert found.account is store.microsoft_account(DESK)
    assert (found.app_id, found.organisation.domain) == (CLIENT, LANTERN)
    assert found.scopes == {"User.Read"}
    assert not found.roles


def test_an_application_token_names_roles_and_nobody(store: Store) -> None:
    token = store.issue(organisation=LANTERN, roles=["Calendars.Read"])

    found = callers.caller(store, f"bearer {token}", "graph")

    assert found.account is None
    assert not found.scopes
    assert found.roles == {"Calendars.Read"}


@pytest.mark.parametrize("header", ["", "Basic eDp5", "Bearer", "Bearer "])
def test_without_a_token_nobody_calls(store: Store, header: str) -> None:
    assert refusal(store, header) == "Access token is empty."


def test_what_was_not_issued_here_is_refused(store: Store) -> None:
    changed = store.issue(organisation=LANTERN)[:-4] + "AAAA"
    unsigned = jwt.encode({"aud": "https://graph.microsoft.com"}, "", algorithm="none")

    for token in (changed, unsigned, "x", "a.b.c", "EwBwA8l6BAAU"):
        assert "80049217" in refusal(store, f"Bearer {token}")


def test_a_token_is_good_for_one_resource(store: Store) -> None:
    token = store.issue(resource="ews", organisation=LANTERN, account=DESK)

    assert "Invalid audience" in refusal(store, f"Bearer {token}")


def test_a_token_expires_by_the_stores_clock(store: Store) -> None:
    token = store.issue(organisation=LANTERN, seconds=60)
    store.set_clock(store.now() + dt.timedelta(seconds=59))
    callers.caller(store, f"Bearer {token}", "graph")

    store.set_clock(store.now() + dt.timedelta(seconds=2))

    assert "expired" in refusal(store, f"Bearer {token}")


def test_a_token_of_an_account_that_is_gone_is_refused(store: Store) -> None:
    token = store.issue(organisation=LANTERN, account=DESK)
    del store.organisation(LANTERN).microsoft_accounts[DESK]

    assert "user" in refusal(store, f"Bearer {token}")


def test_a_token_of_an_organisation_that_is_gone_is_refused(store: Store) -> None:
    token = store.issue(organisation=LANTERN)
    store.organisations.clear()

    assert "tenant" in refusal(store, f"Bearer {token}")


@pytest.mark.parametrize(
    ("account", "address", "scopes", "expected"),
    [
        (DESK, ROOM, ["Calendars.ReadWrite.Shared"], "editor"),
        (DESK, ROOM, ["Calendars.Read.Shared"], "reviewer"),
        (DESK, ROOM, ["Calendars.ReadWrite"], "none"),
        (DESK, OTHER_ROOM, ["Calendars.ReadWrite.Shared"], "none"),
        (DESK, DESK, ["Calendars.ReadWrite"], "editor"),
        (DESK, DESK, ["Calendars.Read"], "reviewer"),
        (DESK, DESK, ["User.Read"], "none"),
        (VISITOR, ROOM, ["Calendars.ReadWrite.Shared"], "none"),
        (ADMIN, ROOM, ["Calendars.ReadWrite.Shared"], "none"),
    ],
)
def test_an_account_opens_its_own_calendar_and_those_that_are_shared(
    store: Store, account: str, address: str, scopes: list[str], expected: str
) -> None:
    assert right(store, address, account=account, scopes=scopes) == expected


@pytest.mark.parametrize(
    ("roles", "expected"),
    [(["Calendars.ReadWrite"], "editor"), (["Calendars.Read"], "reviewer"), ([], "none")],
)
def test_an_application_opens_every_mailbox_of_its_organisation(
    store: Store, roles: list[str], expected: str
) -> None:
    store.add_organisation(
        domain="other.example", name="", server="", time_zone="UTC", tenant_id="t"
    )
    store.add_mailbox("other.example", address="room@other.example", name="Room")

    assert right(store, ROOM, roles=roles) == expected
    assert right(store, "room@other.example", roles=roles) == "none"


def test_rbac_limits_applications_to_its_scope_and_needs_no_role(store: Store) -> None:
    store.organisation(LANTERN).rbac_scope = frozenset({ROOM})

    assert right(store, ROOM) == "editor"
    assert right(store, ROOM, roles=[]) == "editor"
    assert right(store, OTHER_ROOM) == "none"
    assert right(store, ROOM, account=DESK) == "editor"


@pytest.mark.parametrize(("address", "works"), [(ROOM, True), (OTHER_ROOM, False)])
def test_an_account_opens_over_ews_what_is_shared_with_it(
    server: SandboxServer, store: Store, address: str, works: bool
) -> None:
    token = store.issue(resource="ews", organisation=LANTERN, account=DESK)

    answer = open_calendar(server, token, address)

    assert answer.status_code == 200
    assert ("NoError" in answer.text) is works
    assert server.requests.lines()[-1].account == DESK


def test_an_application_impersonates_over_ews_within_rbac(
    server: SandboxServer, store: Store
) -> None:
    store.organisation(LANTERN).rbac_scope = frozenset({ROOM})
    token = store.issue(resource="ews", organisation=LANTERN)

    inside, outside = (
        open_calendar(server, token, one, impersonate=one).text for one in (ROOM, OTHER_ROOM)
    )

    assert "NoError" in inside
    assert "ErrorImpersonateUserDenied" in outside
    assert server.requests.lines()[-1].account == CLIENT


def test_an_account_impersonates_nobody(server: SandboxServer, store: Store) -> None:
    token = store.issue(resource="ews", organisation=LANTERN, account=DESK)

    answer = open_calendar(server, token, ROOM, impersonate=ROOM)

    assert "ErrorImpersonateUserDenied" in answer.text


def test_an_application_without_the_role_impersonates_nobody(
    server: SandboxServer, store: Store
) -> None:
    token = store.issue(resource="ews", organisation=LANTERN, roles=[])

    answer = open_calendar(server, token, ROOM, impersonate=ROOM)

    assert "ErrorImpersonateUserDenied" in answer.text


@pytest.mark.parametrize("given", [{}, {"resource": "ews", "scopes": []}])
def test_ews_refuses_a_token_for_graph_and_one_without_its_scope(
    server: SandboxServer, store: Store, given: dict[str, Any]
) -> None:
    token = store.issue(organisation=LANTERN, account=DESK, **given)

    answer = open_calendar(server, token, ROOM)

    assert answer.status_code == 401
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert server.sign_ins.refused == {}


def test_ews_is_closed_to_applications_that_the_organisation_has_not_allowed(
    server: SandboxServer, store: Store
) -> None:
    store.organisation(LANTERN).ews_allowed_apps = frozenset()
    token = store.issue(resource="ews", organisation=LANTERN, account=DESK)

    answer = open_calendar(server, token, ROOM)

    assert answer.status_code == 403
    assert server.requests.lines()[-1].status == 403


def test_a_token_verifies_with_the_public_key(store: Store) -> None:
    key = jwt.PyJWK(tokens.public_key(store.signing_key))

    claims = jwt.decode(
        store.issue(organisation=LANTERN, account=DESK),
        key,
        algorithms=["RS256"],
        audience="https://graph.microsoft.com",
    )

    assert claims["tid"] == microsoft.TENANT
