"""The token endpoint: codes, refresh tokens, the application's own secret, and what is refused."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

import jwt
import pytest
import requests

from apps.sandbox.identity import callers
from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Store
from tests.sandbox import microsoft
from tests.sandbox.browser import SCOPE, Browser, itself, redeem, refresh, refusal, token
from tests.sandbox.microsoft import BACK, CLIENT, DESK, LANTERN, TENANT, VISITOR

GRAPH, EWS = "https://graph.microsoft.com", "https://outlook.office365.com"


@pytest.fixture
def store() -> Store:
    made = Store(seed=7)
    organisation = microsoft.organisation(made)
    microsoft.registration(made)
    scopes = ["User.Read", "Calendars.ReadWrite.Shared", "EWS.AccessAsUser.All"]
    made.consent(organisation, CLIENT, scopes, account=microsoft.account(made))
    return made


@pytest.fixture
def code(server: SandboxServer) -> str:
    return Browser(server).code(DESK)


def refresh_token(server: SandboxServer) -> str:
    return str(redeem(server, Browser(server).code(DESK)).json()["refresh_token"])


def later(store: Store, **by: float) -> None:
    store.set_clock(store.now() + dt.timedelta(**by))


def test_a_code_gives_tokens_for_all_that_was_granted_of_graph(
    server: SandboxServer, store: Store, code: str
) -> None:
    answer = redeem(server, code, scope="User.Read offline_access")

    body = answer.json()
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    assert body["token_type"] == "Bearer"
    assert 3600 <= body["expires_in"] <= 5400
    assert set(body["scope"].split()) == {
        "openid", "profile", "User.Read", "Calendars.ReadWrite.Shared",
    }  # fmt: skip
    caller = callers.caller(store, f"Bearer {body['access_token']}", "graph")
    assert caller.account == microsoft.account(store)
    assert caller.scopes == {"User.Read", "Calendars.ReadWrite.Shared"}
    assert [line.account for line in server.requests.lines("token")] == [DESK]


def test_tokens_verify_with_the_published_keys(server: SandboxServer, code: str) -> None:
    body = redeem(server, code).json()
    described = requests.get(
        f"{server.login_url}/{TENANT}/v2.0/.well-known/openid-configuration", timeout=10
    ).json()
    keys = jwt.PyJWKSet.from_dict(requests.get(described["jwks_uri"], timeout=10).json())

    for name, audience in (("access_token", GRAPH), ("id_token", CLIENT)):
        claims = jwt.decode(
            body[name],
            keys[jwt.get_unverified_header(body[name])["kid"]],
            algorithms=["RS256"],
            audience=audience,
            issuer=described["issuer"],
        )
        assert (claims["tid"], claims["name"]) == (TENANT, "Front desk")
    assert described["token_endpoint"] == f"{server.login_url}/{TENANT}/oauth2/v2.0/token"


def test_a_tenant_that_is_not_there_publishes_nothing(server: SandboxServer) -> None:
    for path in ("v2.0/.well-known/openid-configuration", "discovery/v2.0/keys"):
        answer = requests.get(f"{server.login_url}/nowhere.example/{path}", timeout=10)
        assert refusal(answer) == (400, "invalid_request", 90002)


def test_without_openid_and_offline_access_there_is_an_access_token_alone(
    server: SandboxServer,
) -> None:
    body = redeem(server, Browser(server).code(DESK, scope="User.Read")).json()

    assert "refresh_token" not in body
    assert "id_token" not in body


def test_a_nonce_comes_back_in_the_id_token(server: SandboxServer) -> None:
    body = redeem(server, Browser(server).code(DESK, nonce="n-1")).json()

    assert jwt.decode(body["id_token"], options={"verify_signature": False})["nonce"] == "n-1"


def test_scopes_come_back_in_full_when_they_were_asked_for_in_full(
    server: SandboxServer, code: str
) -> None:
    body = redeem(server, code, scope=f"{GRAPH}/User.Read").json()

    assert f"{GRAPH}/User.Read" in body["scope"].split()


def test_a_code_is_good_for_ten_minutes(server: SandboxServer, store: Store, code: str) -> None:
    later(store, minutes=10)

    assert refusal(redeem(server, code)) == (400, "invalid_grant", 70008)


def test_a_code_is_good_once(server: SandboxServer, code: str) -> None:
    assert redeem(server, code).status_code == 200

    assert refusal(redeem(server, code)) == (400, "invalid_grant", 54005)


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"code_verifier": "w" * 64}, (400, "invalid_grant", 501481)),
        ({"code_verifier": ""}, (400, "invalid_grant", 501481)),
        ({"redirect_uri": f"{BACK}other"}, (400, "invalid_grant", 70000)),
        ({"tenant": "other.example"}, (400, "invalid_grant", 70000)),
        ({"tenant": "nowhere.example"}, (400, "invalid_request", 90002)),
        ({"code": "1.unknown"}, (400, "invalid_grant", 9002313)),
        ({"grant_type": ""}, (400, "invalid_request", 900144)),
        ({"grant_type": "password"}, (400, "unsupported_grant_type", 70003)),
        ({"client_id": ""}, (400, "invalid_request", 900144)),
        ({"client_id": TENANT}, (400, "unauthorized_client", 700016)),
        ({"client_secret": ""}, (401, "invalid_client", 7000218)),
        ({"client_secret": "wrong"}, (401, "invalid_client", 7000215)),
        ({"scope": f"{GRAPH}/User.Read {EWS}/EWS.AccessAsUser.All"}, (400, "invalid_scope", 28000)),
        ({"scope": "Calendars.Read"}, (400, "invalid_grant", 65001)),
        ({"scope": "Mail.Sing"}, (400, "invalid_scope", 650053)),
        ({"scope": "https://elsewhere.example/x"}, (400, "invalid_resource", 500011)),
    ],
)
def test_what_does_not_fit_is_refused_by_its_code(
    server: SandboxServer, store: Store, code: str, changed: dict[str, str], expected: object
) -> None:
    store.add_organisation(
        domain="other.example", name="", server="", time_zone="UTC", tenant_id="other-tenant"
    )

    form = {"grant_type": "authorization_code", "redirect_uri": BACK, "code": code,
            "code_verifier": "v" * 64, **changed}  # fmt: skip

    assert refusal(token(server, **form)) == expected


def test_a_refusal_carries_traces_and_the_clients_own_id(server: SandboxServer) -> None:
    answer = requests.post(
        f"{server.login_url}/organizations/oauth2/v2.0/token",
        data={"grant_type": "refresh_token"},
        headers={"client-request-id": "mine"},
        timeout=10,
    )

    body = answer.json()
    assert body["correlation_id"] == "mine"
    assert body["error_uri"].endswith("/error?code=900144")
    assert (
        f"Trace ID: {body['trace_id']} Correlation ID: mine Timestamp: {body['timestamp']}"
        in (body["error_description"])
    )
    assert server.requests.lines("token")[0].codes == ("AADSTS900144",)


def test_the_id_of_a_secret_is_no_secret(server: SandboxServer, store: Store) -> None:
    (secret,) = store.registrations[CLIENT].secrets

    answer = itself(server, client_secret=secret.id)

    assert refusal(answer) == (401, "invalid_client", 7000215)
    assert "WWW-Authenticate" not in answer.headers


def test_a_secret_expires(server: SandboxServer, store: Store) -> None:
    known = store.registrations[CLIENT]
    until = store.now() + dt.timedelta(days=1)
    known.secrets = (replace(known.secrets[0], expires_at=until),)
    store.enterprise_app(store.organisation(LANTERN), CLIENT)
    assert itself(server).status_code == 200

    later(store, days=1)

    assert refusal(itself(server)) == (401, "invalid_client", 7000222)


def test_a_sign_in_for_two_resources_needs_a_scope_at_the_token_call(server: SandboxServer) -> None:
    both = f"{SCOPE} {EWS}/EWS.AccessAsUser.All"

    assert refusal(redeem(server, Browser(server).code(DESK, scope=both))) == (
        400, "invalid_scope", 28003,
    )  # fmt: skip
    chosen = redeem(
        server, Browser(server).code(DESK, scope=both), scope=f"{EWS}/EWS.AccessAsUser.All"
    )
    assert chosen.json()["scope"].split()[0] == f"{EWS}/EWS.AccessAsUser.All"


def test_a_sign_in_for_openid_alone_gives_no_access_token(server: SandboxServer) -> None:
    code = Browser(server).code(DESK, scope="openid profile")

    assert refusal(redeem(server, code)) == (400, "invalid_scope", 28003)


# -- refresh tokens


def test_every_refresh_gives_another_token_and_the_old_one_goes_on_working(
    server: SandboxServer,
) -> None:
    first = refresh_token(server)

    second = refresh(server, first).json()["refresh_token"]

    assert second != first
    assert [refresh(server, one).status_code for one in (first, second)] == [200, 200]


def test_a_refresh_token_is_good_for_every_resource_that_was_consented_to(
    server: SandboxServer, store: Store
) -> None:
    kept = refresh_token(server)

    ews = refresh(server, kept, scope=f"{EWS}/EWS.AccessAsUser.All offline_access").json()

    found = callers.caller(store, f"Bearer {ews['access_token']}", "ews")
    assert found.scopes == {"EWS.AccessAsUser.All"}
    assert ews["scope"] == f"{EWS}/EWS.AccessAsUser.All"
    assert "id_token" not in ews


def test_default_gives_all_that_was_granted(server: SandboxServer) -> None:
    body = refresh(server, refresh_token(server), scope=f"{GRAPH}/.default").json()

    assert set(body["scope"].split()) == {
        f"{GRAPH}/User.Read", f"{GRAPH}/Calendars.ReadWrite.Shared",
    }  # fmt: skip


def test_a_refresh_that_names_no_scope_is_for_graph(server: SandboxServer, store: Store) -> None:
    body = refresh(server, refresh_token(server), scope="").json()

    callers.caller(store, f"Bearer {body['access_token']}", "graph")


def test_revoking_ends_all_refresh_tokens_of_an_account(
    server: SandboxServer, store: Store
) -> None:
    kept = refresh_token(server)
    access = refresh(server, kept).json()["access_token"]

    store.revoke_tokens(microsoft.account(store))

    answer = refresh(server, kept)
    assert refusal(answer) == (400, "invalid_grant", 50173)
    assert answer.json()["suberror"] == "bad_token"
    callers.caller(store, f"Bearer {access}", "graph")
    assert refresh(server, refresh_token(server)).status_code == 200


def test_a_removed_consent_ends_refresh_tokens(server: SandboxServer, store: Store) -> None:
    kept = refresh_token(server)

    store.remove_consent(store.organisation(LANTERN), CLIENT, account=microsoft.account(store))

    answer = refresh(server, kept)
    assert refusal(answer) == (400, "invalid_grant", 65001)
    assert answer.json()["suberror"] == "consent_required"


def test_a_refresh_token_dies_after_ninety_days(server: SandboxServer, store: Store) -> None:
    kept = refresh_token(server)
    later(store, days=89)
    newer = refresh(server, kept).json()["refresh_token"]

    later(store, days=2)

    assert refusal(refresh(server, kept)) == (400, "invalid_grant", 700082)
    assert refresh(server, newer).status_code == 200


def test_a_refresh_token_survives_another_secret(server: SandboxServer, store: Store) -> None:
    kept = refresh_token(server)
    known = store.registrations[CLIENT]
    known.secrets = (replace(known.secrets[0], value="another"),)

    assert refresh(server, kept, client_secret="another").status_code == 200


@pytest.mark.parametrize("text", ["x", "1.x", ""])
def test_what_is_no_refresh_token_is_refused(server: SandboxServer, text: str) -> None:
    code = refusal(refresh(server, text))[2]

    assert code == (9002313 if text else 900144)


def test_a_refresh_token_is_bound_to_its_application_and_tenant(
    server: SandboxServer, store: Store
) -> None:
    kept = refresh_token(server)
    other = store.register(secret="s", redirect_addresses=[BACK])
    store.add_organisation(
        domain="other.example", name="", server="", time_zone="UTC", tenant_id="other-tenant"
    )

    stolen = refresh(server, kept, client_id=other.client_id, client_secret="s")
    elsewhere = refresh(server, kept, tenant="other.example")

    assert refusal(stolen) == refusal(elsewhere) == (400, "invalid_grant", 70000)


@pytest.mark.parametrize(
    ("code", "error", "suberror"),
    [
        (50057, "invalid_grant", None),
        (50076, "interaction_required", "basic_action"),
        (53003, "interaction_required", "message_only"),
        (70043, "invalid_grant", "token_expired"),
        (90055, "temporarily_unavailable", None),
        (123456, "server_error", None),
    ],
)
def test_an_account_gets_the_refusal_that_was_arranged(
    server: SandboxServer, store: Store, code: int, error: str, suberror: str | None
) -> None:
    kept = refresh_token(server)
    microsoft.account(store).refusal = code

    answer = refresh(server, kept)

    assert refusal(answer)[1:] == (error, code)
    assert answer.json().get("suberror") == suberror
    assert ("claims" in answer.json()) is (code in {50076, 53003})


def test_a_refusal_at_the_sign_in_alone_spares_token_calls(
    server: SandboxServer, store: Store
) -> None:
    kept = refresh_token(server)
    microsoft.account(store).refusal, microsoft.account(store).refused_at = 53003, "sign-in"

    assert refresh(server, kept).status_code == 200


def test_an_account_that_is_gone_gets_no_token(server: SandboxServer, store: Store) -> None:
    kept = refresh_token(server)
    del store.organisation(LANTERN).microsoft_accounts[DESK]

    assert refusal(refresh(server, kept)) == (400, "invalid_grant", 50034)


def test_an_application_that_was_switched_off_gets_no_token(
    server: SandboxServer, store: Store
) -> None:
    kept = refresh_token(server)
    store.organisation(LANTERN).apps[CLIENT].is_enabled = False

    assert refusal(refresh(server, kept)) == (400, "unauthorized_client", 7000112)
    assert refusal(itself(server)) == (400, "unauthorized_client", 7000112)


# -- the application itself


def test_an_application_gets_the_roles_that_were_granted(
    server: SandboxServer, store: Store
) -> None:
    roles = ["Calendars.ReadWrite", "full_access_as_app"]
    store.consent(store.organisation(LANTERN), CLIENT, roles=roles)

    graph, ews = itself(server).json(), itself(server, scope=f"{EWS}/.default").json()

    assert callers.caller(store, f"Bearer {graph['access_token']}", "graph").roles == {
        "Calendars.ReadWrite"
    }
    assert callers.caller(store, f"Bearer {ews['access_token']}", "ews").roles == {
        "full_access_as_app"
    }
    assert not {"refresh_token", "scope"} & graph.keys()
    assert server.requests.lines("token")[-1].account == CLIENT


def test_without_roles_the_token_names_none(server: SandboxServer, store: Store) -> None:
    body = itself(server).json()

    assert not callers.caller(store, f"Bearer {body['access_token']}", "graph").roles


def test_an_organisation_where_nobody_consented_does_not_know_the_application(
    server: SandboxServer, store: Store
) -> None:
    store.organisation(LANTERN).apps.clear()

    assert refusal(itself(server)) == (400, "unauthorized_client", 700016)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"tenant": "common"}, 50059),
        ({"tenant": "organizations"}, 50059),
        ({"scope": ""}, 900144),
        ({"scope": f"{GRAPH}/Calendars.ReadWrite"}, 70011),
        ({"scope": f"{GRAPH}/.default openid"}, 70011),
        ({"scope": f"{GRAPH}/.default {EWS}/.default"}, 70011),
    ],
)
def test_an_application_asks_one_organisation_for_the_default_of_one_resource(
    server: SandboxServer, changed: dict[str, str], code: int
) -> None:
    assert refusal(itself(server, **changed))[2] == code


def test_a_domain_names_an_organisation_as_its_id_does(server: SandboxServer) -> None:
    assert itself(server, tenant=LANTERN).status_code == 200


def test_an_application_of_one_tenant_is_of_that_tenant_alone(
    server: SandboxServer, store: Store
) -> None:
    known = store.registrations[CLIENT]
    known.audience, known.home_tenant = "one", "another"
    assert refusal(itself(server))[2] == 700016

    known.home_tenant = TENANT

    assert itself(server).status_code == 200
    assert refusal(refresh(server, "x"))[2] == 50194


# -- the clock and bad days


def test_tokens_can_be_made_short(server: SandboxServer, store: Store) -> None:
    store.identity.token_seconds = 60
    body = itself(server).json()
    assert body["expires_in"] == 60

    later(store, seconds=60)

    with pytest.raises(callers.TokenRefused):
        callers.caller(store, f"Bearer {body['access_token']}", "graph")


def test_faults_hit_token_calls_of_an_account(server: SandboxServer) -> None:
    kept = refresh_token(server)
    server.faults.arrange(
        {"kind": "http", "operation": "token", "account": DESK, "status": 429,
         "headers": {"Retry-After": "7"}}
    )  # fmt: skip

    itself(server)
    answer = refresh(server, kept)

    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")
    assert refresh(server, kept).status_code == 200


@pytest.mark.parametrize(("kind", "is_used"), [("cut-before", False), ("cut-after", True)])
def test_a_token_call_can_be_cut_before_and_after_it_is_done(
    server: SandboxServer, code: str, kind: str, is_used: bool
) -> None:
    server.faults.arrange({"kind": kind, "operation": "token"})

    with pytest.raises(requests.ConnectionError):
        redeem(server, code)

    assert (redeem(server, code).status_code == 400) is is_used


@pytest.mark.parametrize(
    ("given", "code"), [({"code": "AADSTS90055"}, 90055), ({"code": "90055"}, 90055), ({}, 90033)]
)
def test_a_token_call_can_be_refused_by_any_code(
    server: SandboxServer, given: dict[str, str], code: int
) -> None:
    server.faults.arrange({"kind": "error", "operation": "token", **given})

    assert refusal(itself(server))[1:] == ("temporarily_unavailable", code)


def test_token_calls_are_posted(server: SandboxServer) -> None:
    answer = requests.get(f"{server.login_url}/{TENANT}/oauth2/v2.0/token", timeout=10)

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")


def test_there_is_nothing_at_other_addresses(server: SandboxServer) -> None:
    assert requests.get(f"{server.login_url}/{TENANT}/else", timeout=10).status_code == 404


def test_a_person_without_a_grant_gets_none(server: SandboxServer) -> None:
    code = Browser(server).code(VISITOR, scope="User.Read")

    assert refusal(redeem(server, code, scope="Calendars.ReadWrite.Shared"))[2] == 65001
