"""Tokens and sign-ins as rows: sealed, one an audience, each step once, and gone when they are over."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.db import IntegrityError
from django.utils import timezone

from apps.exchange import identity
from apps.exchange.errors import ConnectionStopped
from apps.exchange.models import AccessToken, ExchangeConnection, SignInAttempt
from apps.exchange.secrets import seal, unseal
from apps.tenants.models import Tenant, User

Step = SignInAttempt.Step
SOON = dt.timedelta(hours=1)


@pytest.fixture
def connection(tenant: Tenant) -> ExchangeConnection:
    return ExchangeConnection.objects.create(
        tenant=tenant, kind="microsoft_365", wire="graph", access="account", name="Microsoft 365"
    )


def attempt_of(user: User, tenant: Tenant, **changed: Any) -> SignInAttempt:
    values: dict[str, Any] = {
        "purpose": "install", "access": "account", "session_key": "browser",
        "sealed_refresh_token": seal("refresh"),
    }  # fmt: skip
    return SignInAttempt.objects.create(user=user, tenant=tenant, **{**values, **changed})


def test_microsoft_365_is_offered_first() -> None:
    assert ExchangeConnection.Kind.values[0] == "microsoft_365"


@pytest.mark.parametrize(
    "changed",
    [
        {"kind": "microsoft_365", "access": "impersonation"},
        {"kind": "microsoft_365", "access": "account", "sealed_password": "sealed"},
        {"kind": "exchange_server", "access": "organisation"},
        {"kind": "exchange_server", "access": "delegate", "sealed_refresh_token": "sealed"},
        {"kind": "exchange_server", "access": "delegate", "wire": "graph"},
    ],
    ids=["server's access", "password", "Microsoft's access", "token", "wire"],
)
def test_connection_has_only_what_its_kind_has(tenant: Tenant, changed: dict[str, str]) -> None:
    with pytest.raises(IntegrityError, match="connection_access_of_its_kind"):
        ExchangeConnection.objects.create(tenant=tenant, name="Odd", **{"wire": "ews", **changed})


def test_uninstalled_connection_keeps_no_token(connection: ExchangeConnection) -> None:
    connection.sealed_refresh_token = seal("refresh")
    connection.state, connection.uninstalled_at = "uninstalled", timezone.now()

    with pytest.raises(IntegrityError, match="connection_uninstalled_without_token"):
        connection.save()


def test_tokens_are_kept_sealed_and_one_an_audience(connection: ExchangeConnection) -> None:
    for number in (1, 2):
        identity.store(
            connection, access_token=f"access {number}", refresh_token=f"refresh {number}",
            expires_at=timezone.now() + SOON, audience="graph", scope="Calendars.ReadWrite",
        )  # fmt: skip

    connection.refresh_from_db()
    token = AccessToken.objects.get()
    assert unseal(connection.sealed_refresh_token) == "refresh 2"
    assert unseal(token.sealed_token) == "access 2"
    assert token.scope == "Calendars.ReadWrite"
    assert "access 2" not in f"{token!r} {token} {vars(token)}"
    assert token.expires_at - token.renew_at == dt.timedelta(minutes=5)


def test_token_of_a_short_life_is_renewed_half_way() -> None:
    now = timezone.now()
    token = AccessToken(got_at=now, expires_at=now + dt.timedelta(minutes=4))

    assert token.renew_at == now + dt.timedelta(minutes=2)


def test_answer_without_refresh_token_leaves_the_one_that_is_there(
    connection: ExchangeConnection,
) -> None:
    for refresh in ("refresh", ""):
        identity.store(
            connection, access_token="access", refresh_token=refresh,
            expires_at=timezone.now() + SOON, audience="ews",
        )  # fmt: skip

    connection.refresh_from_db()
    assert unseal(connection.sealed_refresh_token) == "refresh"


def test_nothing_is_kept_for_what_is_uninstalled(connection: ExchangeConnection) -> None:
    ExchangeConnection.objects.update(state="uninstalled", uninstalled_at=timezone.now())

    with pytest.raises(ConnectionStopped):
        identity.store(
            connection, access_token="access", refresh_token="refresh",
            expires_at=timezone.now(), audience="graph",
        )  # fmt: skip

    assert not AccessToken.objects.exists()


def test_each_step_of_a_sign_in_is_made_once(tenant: Tenant, manager: User) -> None:
    attempt = attempt_of(manager, tenant)
    mine = SignInAttempt.objects.of(manager, "browser")

    assert mine.step_on(attempt.uuid, at=Step.SIGN_IN, to=Step.CONSENT) == attempt
    assert mine.step_on(attempt.uuid, at=Step.SIGN_IN, to=Step.CONSENT) is None


def test_end_gives_the_tokens_once_and_keeps_none(tenant: Tenant, manager: User) -> None:
    attempt = attempt_of(manager, tenant)

    ended = SignInAttempt.objects.all().step_on(attempt.uuid, at=Step.SIGN_IN, to=Step.ENDED)

    assert ended is not None
    assert unseal(ended.sealed_refresh_token) == "refresh"
    attempt.refresh_from_db()
    assert not attempt.sealed_refresh_token
    assert not attempt.is_alive


def test_sign_in_of_somebody_else_leads_nowhere(
    tenant: Tenant, manager: User, superuser: User
) -> None:
    attempt = attempt_of(manager, tenant)
    everyone = SignInAttempt.objects.all()

    for others in (
        everyone.of(superuser, "browser"),
        everyone.of(manager, "other browser"),
        everyone.of(manager, None),
    ):
        assert others.step_on(attempt.uuid, at=Step.SIGN_IN, to=Step.CONSENT) is None
    assert everyone.step_on("no id", at=Step.SIGN_IN, to=Step.CONSENT) is None


def test_sign_in_lives_a_quarter_of_an_hour(tenant: Tenant, manager: User) -> None:
    old = timezone.now() - dt.timedelta(minutes=15)
    attempt = attempt_of(manager, tenant, created_at=old)
    everyone = SignInAttempt.objects.all()

    assert everyone.step_on(attempt.uuid, at=Step.SIGN_IN, to=Step.CONSENT) is None
    assert everyone.over(timezone.now()).get() == attempt
    assert not attempt.is_alive
