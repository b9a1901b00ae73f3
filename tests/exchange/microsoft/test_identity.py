"""Tokens over HTTP: renewed early and once, stored together, and refusals told apart from bad days."""

from __future__ import annotations

import datetime as dt
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.utils import timezone
from django.views.debug import ExceptionReporter

from apps.exchange import identity, services
from apps.exchange.errors import (
    AuthenticationFailed,
    ConnectionStopped,
    ExchangeError,
    Misconfigured,
    Throttled,
    Transient,
)
from apps.exchange.microsoft import token_call
from apps.exchange.microsoft.token_call import LARGEST_ANSWER, GrantRefused
from apps.exchange.models import AccessToken, ExchangeConnection
from apps.exchange.secrets import SecretUnreadable, seal, unseal
from tests.exchange.http import Answer
from tests.exchange.microsoft.endpoint import (
    CLIENT_ID,
    CLIENT_SECRET,
    ORGANISATION,
    TokenEndpoint,
    refusal,
)

MINUTE = dt.timedelta(minutes=1)


def refresh_token(connection: ExchangeConnection) -> str:
    connection.refresh_from_db()
    return unseal(connection.sealed_refresh_token)


def keep(connection: ExchangeConnection, token: str, lasts: dt.timedelta) -> None:
    """A token that was got half an hour ago."""
    AccessToken.objects.create(
        connection=connection, audience="graph", sealed_token=seal(token),
        expires_at=timezone.now() + lasts, got_at=timezone.now() - 30 * MINUTE,
    )  # fmt: skip


# --- What is asked ------------------------------------------------------------------------------------


def test_person_s_token_is_had_for_their_refresh_token(
    of_account: ExchangeConnection, endpoint: TokenEndpoint
) -> None:
    assert identity.tokens_for(of_account, "graph").get() == "access-1"

    (form,) = endpoint.forms
    assert endpoint.paths == [f"/login/{ORGANISATION}/oauth2/v2.0/token"]
    assert form["grant_type"] == "refresh_token"
    assert form["refresh_token"] == "refresh-0"
    assert (form["client_id"], form["client_secret"]) == (CLIENT_ID, CLIENT_SECRET)
    assert "https://graph.microsoft.com/Calendars.ReadWrite.Shared" in form["scope"].split()
    assert "offline_access" in form["scope"].split()


def test_one_grant_gives_a_token_for_each_api(
    of_account: ExchangeConnection, endpoint: TokenEndpoint
) -> None:
    graph = identity.tokens_for(of_account, "graph").get()
    ews = identity.tokens_for(of_account, "ews").get()

    assert (graph, ews) == ("access-1", "access-2")
    assert endpoint.forms[1]["refresh_token"] == "refresh-1"
    assert endpoint.forms[1]["scope"] == (
        "https://outlook.office365.com/EWS.AccessAsUser.All offline_access"
    )
    assert identity.tokens_for(of_account, "graph").get() == "access-1"


@pytest.mark.parametrize(
    ("audience", "scope"),
    [
        ("graph", "https://graph.microsoft.com/.default"),
        ("ews", "https://outlook.office365.com/.default"),
    ],
)
def test_application_asks_in_its_own_name_at_the_organisation(
    of_organisation: ExchangeConnection, endpoint: TokenEndpoint, audience: str, scope: str
) -> None:
    assert identity.tokens_for(of_organisation, audience).get() == "access-1"

    (form,) = endpoint.forms
    assert endpoint.paths == [f"/login/{ORGANISATION}/oauth2/v2.0/token"]
    assert form["grant_type"] == "client_credentials"
    assert form["scope"] == scope
    assert not refresh_token(of_organisation)


def test_refresh_asks_for_what_was_granted(
    of_account: ExchangeConnection, endpoint: TokenEndpoint
) -> None:
    endpoint.changed["scope"] = "https://graph.microsoft.com/Calendars.ReadWrite.Shared"
    tokens = identity.tokens_for(of_account, "graph")

    tokens.get(refused=tokens.get())

    assert endpoint.forms[1]["scope"] == (
        "https://graph.microsoft.com/Calendars.ReadWrite.Shared offline_access"
    )


# --- When it is asked ---------------------------------------------------------------------------------


def test_token_that_is_good_is_not_asked_for_again(
    of_account: ExchangeConnection, endpoint: TokenEndpoint
) -> None:
    tokens = identity.tokens_for(of_account, "graph")

    assert {tokens.get() for _ in range(5)} == {"access-1"}
    assert identity.tokens_for(of_account, "graph").get() == "access-1"
    assert len(endpoint.forms) == 1


def test_token_is_renewed_some_minutes_early(
    of_account: ExchangeConnection, endpoint: TokenEndpoint
) -> None:
    keep(of_account, "old", 4 * MINUTE)

    assert identity.tokens_for(of_account, "graph").get() == "access-1"


def test_token_is_not_renewed_in_the_middle_of_a_job(
    of_account: ExchangeConnection, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(of_account, "old", 6 * MINUTE)
    goes_on = identity.tokens_for(of_account, "graph")
    goes_on.get()
    true = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: true() + 2 * MINUTE)

    assert goes_on.get() == "old"
    assert not endpoint.forms
    assert identity.tokens_for(of_account, "graph").get() == "access-1"


def test_refused_token_is_renewed_though_it_looks_fresh(
    of_account: ExchangeConnection, endpoint: TokenEndpoint
) -> None:
    keep(of_account, "old", 60 * MINUTE)
    mine, others = (identity.tokens_for(of_account, "graph") for _ in range(2))
    assert mine.get() == others.get() == "old"

    assert mine.get(refused="old") == "access-1"
    assert others.get(refused="old") == "access-1"
    assert len(endpoint.forms) == 1


@pytest.mark.parametrize("skew", [-8 * MINUTE, 8 * MINUTE], ids=["we are early", "we are late"])
def test_clock_that_is_wrong_by_minutes_costs_one_request(
    of_account: ExchangeConnection,
    endpoint: TokenEndpoint,
    monkeypatch: pytest.MonkeyPatch,
    skew: dt.timedelta,
) -> None:
    tokens = identity.tokens_for(of_account, "graph")
    tokens.get()
    true = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: true() + skew)

    assert tokens.get() == "access-1"
    assert tokens.get(refused="access-1") == "access-2"
    assert tokens.get() == "access-2"
    assert len(endpoint.forms) == 2


def test_worker_renews_by_its_own_clock_though_another_s_is_ahead(
    of_account: ExchangeConnection, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    true = timezone.now
    monkeypatch.setattr(timezone, "now", lambda: true() + 70 * MINUTE)
    identity.tokens_for(of_account, "graph").get()
    monkeypatch.setattr(timezone, "now", true)

    tokens = identity.tokens_for(of_account, "graph")
    assert tokens.get(refused="access-1") == "access-2"
    assert tokens.get() == "access-2"


@pytest.mark.parametrize(
    ("told", "minutes"),
    [
        (None, 10), ("odd", 10), (-5, 10), (0, 10), ("inf", 10), ("nan", 10), ([], 10), (1, 1),
        ("3599", 60), (3599.5, 60), (10**12, 24 * 60),
    ],
)  # fmt: skip
def test_odd_life_is_made_one_that_can_be_worked_with(
    of_account: ExchangeConnection, endpoint: TokenEndpoint, told: object, minutes: int
) -> None:
    endpoint.changed["expires_in"] = told

    identity.tokens_for(of_account, "graph").get()

    row = AccessToken.objects.get()
    assert abs(row.expires_at - row.got_at - minutes * MINUTE) < dt.timedelta(seconds=10)


# --- What is kept -------------------------------------------------------------------------------------


def test_each_refresh_replaces_the_refresh_token(
    of_account: ExchangeConnection, endpoint: TokenEndpoint
) -> None:
    tokens = identity.tokens_for(of_account, "graph")
    tokens.get(refused=tokens.get())

    assert [form["refresh_token"] for form in endpoint.forms] == ["refresh-0", "refresh-1"]
    assert refresh_token(of_account) == "refresh-2"


def test_answer_without_refresh_token_keeps_the_one_that_is_there(
    of_account: ExchangeConnection, endpoint: TokenEndpoint
) -> None:
    endpoint.changed["refresh_token"] = None

    identity.tokens_for(of_account, "graph").get()

    assert refresh_token(of_account) == "refresh-0"


def test_both_tokens_are_stored_or_none(
    of_account: ExchangeConnection, endpoint: TokenEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_args: object, **_kwargs: object) -> None:
        raise RuntimeError("in between")

    monkeypatch.setattr(AccessToken.objects, "update_or_create", broken)

    with pytest.raises(RuntimeError, match="in between"):
        identity.tokens_for(of_account, "graph").get()

    assert refresh_token(of_account) == "refresh-0"
    assert not AccessToken.objects.exists()


def test_account_that_signed_in_meanwhile_is_not_overwritten(
    of_account: ExchangeConnection, endpoint: TokenEndpoint
) -> None:
    def another_signs_in() -> None:
        identity.store(
            of_account, access_token="another's access", refresh_token="another's refresh",
            expires_at=timezone.now() + 60 * MINUTE, audience="graph",
        )  # fmt: skip

    tokens = identity.tokens_for(of_account, "graph")
    with in_this_thread(another_signs_in):
        token = tokens.get()

    assert token == "another's access"
    assert refresh_token(of_account) == "another's refresh"


def test_connection_that_is_uninstalled_meanwhile_keeps_no_token(
    of_account: ExchangeConnection, endpoint: TokenEndpoint
) -> None:
    def uninstall() -> None:
        services.start_uninstall(of_account, by=None)
        services.finish_uninstall(of_account)

    with in_this_thread(uninstall), pytest.raises(ConnectionStopped):
        identity.tokens_for(of_account, "graph").get()

    assert not AccessToken.objects.exists()
    assert not refresh_token(of_account)


def test_access_token_that_no_key_opens_is_had_anew(
    of_organisation: ExchangeConnection, endpoint: TokenEndpoint, settings: Any
) -> None:
    keep(of_organisation, "old", 60 * MINUTE)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    assert identity.tokens_for(of_organisation, "graph").get() == "access-1"


def test_refresh_token_that_no_key_opens_is_told_in_words(
    of_account: ExchangeConnection, endpoint: TokenEndpoint, settings: Any
) -> None:
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(SecretUnreadable, match="grant") as told:
        identity.tokens_for(of_account, "graph").get()

    assert "Grant again" in told.value.fix
    assert not endpoint.forms


# --- What goes wrong ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "number", "words"),
    [
        ("invalid_grant", 50173, "revoked"),
        ("invalid_grant", 700082, "90 days"),
        ("invalid_client", 7000215, "client secret"),
        ("invalid_client", 7000222, "expired"),
        ("unauthorized_client", 700016, "does not know this application"),
        ("interaction_required", 50076, "second factor"),
        ("invalid_grant", 65001, "agreed"),
        ("invalid_grant", 53003, "Conditional Access"),
        ("brand_new", 999999, "AADSTS999999"),
    ],
)
@pytest.mark.parametrize("status", [400, 401])
def test_refusal_is_told_in_words_and_stops(
    of_account: ExchangeConnection,
    endpoint: TokenEndpoint,
    error: str,
    number: int,
    words: str,
    status: int,
) -> None:
    endpoint.refuses(error, number, status=status)

    with pytest.raises(AuthenticationFailed, match=words) as told:
        identity.tokens_for(of_account, "graph").get()

    assert isinstance(told.value, GrantRefused)
    assert told.value.fix
    assert told.value.kind == "sign-in"
    assert refresh_token(of_account) == "refresh-0"


@pytest.mark.parametrize(
    "answer",
    [
        Answer("{}", 500),
        Answer('{"error": "invalid_grant"}', 503),
        Answer('{"error": "temporarily_unavailable", "error_codes": [90055]}', 400),
        Answer('{"error": "server_error"}', 400),
        Answer("<html>proxy</html>", 403),
        Answer("<html>nothing here</html>", 404),
        Answer('{"error": "blocked"}', 403),
        Answer('{"error": "timeout"}', 408),
        Answer("no json", 200),
        Answer("[]", 200),
        Answer('{"access_token": ""}', 200),
        Answer('{"access_token": 5}', 200),
        Answer("", 302, {"Location": "https://portal.example/"}),
        Answer(cuts=True),
        Answer("{", promises=10),
    ],
    ids=[
        "500", "503 with words", "busy", "server error", "a proxy's", "no page", "a gateway's",
        "too late", "no JSON", "a list",
        "empty", "no text", "elsewhere", "cut", "half",
    ],
)  # fmt: skip
def test_bad_day_of_the_endpoint_is_no_refusal(
    of_account: ExchangeConnection, endpoint: TokenEndpoint, answer: Answer
) -> None:
    endpoint.script.append(answer)

    with pytest.raises(Transient):
        identity.tokens_for(of_account, "graph").get()

    assert identity.tokens_for(of_account, "graph").get() == "access-2"


def test_endless_answer_is_read_no_further_than_a_token_can_be_long(
    of_account: ExchangeConnection, endpoint: TokenEndpoint
) -> None:
    whole = {"access_token": "too-late", "expires_in": 3600, "padding": "x" * LARGEST_ANSWER}
    endpoint.script.append(Answer(json.dumps(whole)))

    with pytest.raises(Transient):
        identity.tokens_for(of_account, "graph").get()

    assert not AccessToken.objects.exists()


@pytest.mark.parametrize(
    ("told", "seconds"), [("17", 17), ("", 60), ("soon", 60), ("0", 1), ("999999", 3600)]
)
def test_back_off_of_the_endpoint_is_told(
    of_account: ExchangeConnection, endpoint: TokenEndpoint, told: str, seconds: int
) -> None:
    endpoint.script.append(Answer("{}", 429, {"Retry-After": told}))

    with pytest.raises(Throttled) as refused:
        identity.tokens_for(of_account, "graph").get()

    assert refused.value.retry_after == dt.timedelta(seconds=seconds)


def test_old_token_is_used_to_its_end_while_the_endpoint_is_down(
    of_account: ExchangeConnection, endpoint: TokenEndpoint
) -> None:
    keep(of_account, "old", 4 * MINUTE)
    endpoint.script += [Answer("{}", 503), Answer("{}", 503)]
    tokens = identity.tokens_for(of_account, "graph")

    assert tokens.get() == "old"
    assert tokens.get() == "old"
    assert len(endpoint.forms) == 1
    with pytest.raises(Transient):
        tokens.get(refused="old")


def test_nobody_is_asked_while_nobody_has_signed_in(
    of_account: ExchangeConnection,
    of_organisation: ExchangeConnection,
    endpoint: TokenEndpoint,
) -> None:
    ExchangeConnection.objects.update(sealed_refresh_token="", organisation_id="")

    for connection in (of_account, of_organisation):
        with pytest.raises(GrantRefused, match="Nobody has signed in"):
            identity.tokens_for(connection, "graph").get()

    assert not endpoint.forms


def test_without_registration_nothing_is_sent(
    of_account: ExchangeConnection, endpoint: TokenEndpoint, settings: Any
) -> None:
    settings.MICROSOFT_CLIENT_SECRET = ""

    with pytest.raises(Misconfigured, match="not registered"):
        identity.tokens_for(of_account, "graph").get()

    assert not endpoint.forms


def test_secret_is_not_sent_without_encryption(
    of_account: ExchangeConnection, endpoint: TokenEndpoint, settings: Any
) -> None:
    settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = []

    with pytest.raises(Misconfigured, match="not encrypted"):
        identity.tokens_for(of_account, "graph").get()

    assert not endpoint.forms


@pytest.mark.parametrize(
    "answer",
    [Answer("{}", 500), Answer(cuts=True), None],
    ids=["bad day", "cut", "refusal"],
)
def test_nothing_secret_reaches_logs_errors_or_reprs(
    of_account: ExchangeConnection,
    endpoint: TokenEndpoint,
    caplog: pytest.LogCaptureFixture,
    answer: Answer | None,
) -> None:
    caplog.set_level(logging.DEBUG)
    tokens = identity.tokens_for(of_account, "graph")
    shown = [repr(tokens)]
    tokens.get()
    shown += [repr(tokens), repr(of_account), repr(vars(AccessToken.objects.get()))]
    if answer is None:
        endpoint.refuses("invalid_grant", 50173)
    else:
        endpoint.script.append(answer)

    with pytest.raises(ExchangeError) as told:
        tokens.get(refused="access-1")

    shown += [caplog.text, repr(told.value), str(told.value.__dict__), told.value.cause]
    chain: BaseException | None = told.value
    while chain is not None:
        shown.append(repr(chain))
        chain = chain.__cause__ or (None if chain.__suppress_context__ else chain.__context__)
    for secret in ("refresh-0", "refresh-1", "access-1", CLIENT_SECRET, "ZqZq", "frontdesk@"):
        assert secret not in "\n".join(shown), secret


@pytest.mark.parametrize("trouble", ["cut", "refusal", "bad day", "not allowed"])
def test_error_report_shows_no_variable_that_is_secret(
    of_account: ExchangeConnection, endpoint: TokenEndpoint, settings: Any, trouble: str
) -> None:
    settings.DEBUG = False
    endpoint.script += {
        "cut": [Answer(cuts=True)],
        "refusal": [refusal("invalid_grant", 50173)],
        "bad day": [Answer("{}", 500)],
    }.get(trouble, [])
    if trouble == "not allowed":
        settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = []

    with pytest.raises(ExchangeError) as told:
        identity.tokens_for(of_account, "graph").get()

    reporter = ExceptionReporter(None, told.type, told.value, told.tb)
    frames = [one for one in reporter.get_traceback_frames() if "/tests/" not in one["filename"]]
    shown = str([one["vars"] for one in frames])
    assert frames
    for secret in ("refresh-0", CLIENT_SECRET, "ZqZq"):
        assert secret not in shown, secret


# --- Inside -------------------------------------------------------------------------------------------


@contextmanager
def in_this_thread(deed: Callable[[], None]) -> Iterator[None]:
    """What happens at the database between Microsoft's answer and its being stored.

    The endpoint's thread has no part in the test's transaction, so it cannot do it itself.
    """
    asked = token_call.refresh

    def then(*args: Any, **kwargs: Any) -> token_call.Answer:
        answer = asked(*args, **kwargs)
        deed()
        return answer

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(token_call, "refresh", then)
        yield
