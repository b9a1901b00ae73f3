"""What is stored of a password is no password, and a lost key loses nothing else."""

from __future__ import annotations

import io
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.utils import timezone

from apps.exchange.checks import check_encryption_keys
from apps.exchange.models import AccessToken, ExchangeConnection, SignInAttempt
from apps.exchange.secrets import SecretUnreadable, seal, sealed_columns, unseal
from apps.tenants.models import Tenant, User

SECRET = "Blue-Whale-42"


def connection_with(tenant: Tenant, name: str = "Exchange") -> ExchangeConnection:
    return ExchangeConnection.objects.create(
        tenant=tenant, wire="ews", name=name, sealed_password=seal(SECRET)
    )


def test_what_is_sealed_opens_again_and_shows_nothing() -> None:
    sealed = seal(SECRET)

    assert unseal(sealed) == SECRET
    assert SECRET not in sealed
    assert seal(SECRET) != sealed


def test_nothing_stays_nothing() -> None:
    assert seal("") == ""
    assert unseal("") == ""


def test_new_first_key_still_opens_what_the_old_one_sealed(settings: Any) -> None:
    sealed = seal(SECRET)

    settings.FIELD_ENCRYPTION_KEYS = [
        Fernet.generate_key().decode(),
        *settings.FIELD_ENCRYPTION_KEYS,
    ]

    assert unseal(sealed) == SECRET


def test_lost_key_is_told_by_the_name_of_the_setting(settings: Any) -> None:
    sealed = seal(SECRET)
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]

    with pytest.raises(SecretUnreadable) as told:
        unseal(sealed)

    assert "FIELD_ENCRYPTION_KEYS" in told.value.cause
    assert "FIELD_ENCRYPTION_KEYS" in told.value.fix
    assert SECRET not in f"{told.value!r} {told.value.fix}"


def test_without_keys_nothing_is_sealed(settings: Any) -> None:
    settings.FIELD_ENCRYPTION_KEYS = []

    with pytest.raises(ImproperlyConfigured, match="FIELD_ENCRYPTION_KEYS is not set"):
        seal(SECRET)


@pytest.mark.parametrize(
    ("keys", "is_debug", "found"),
    [
        ([], False, ["optixsync.E002"]),
        ([], True, []),
        (["short"], True, ["optixsync.E002"]),
        ([Fernet.generate_key().decode(), "äöü"], False, ["optixsync.E002"]),
        ([Fernet.generate_key().decode()], False, []),
    ],
    ids=["none", "none, for developers", "no key", "the second is none", "good"],
)
def test_keys_that_cannot_work_are_told_at_the_start(
    settings: Any, keys: list[str], is_debug: bool, found: list[str]
) -> None:
    settings.FIELD_ENCRYPTION_KEYS, settings.DEBUG = keys, is_debug

    told = check_encryption_keys()

    assert [one.id for one in told] == found
    assert not any("short" in str(one) or "äöü" in str(one) for one in told)


def test_server_refuses_to_start_without_keys(settings: Any) -> None:
    from optixsync.start import refuse_unsound_settings  # noqa: PLC0415

    refuse_unsound_settings()
    settings.FIELD_ENCRYPTION_KEYS = []

    with pytest.raises(ImproperlyConfigured, match="FIELD_ENCRYPTION_KEYS is not set"):
        refuse_unsound_settings()


def test_table_and_its_dumps_hold_no_plain_password(tenant: Tenant) -> None:
    connection = connection_with(tenant)
    out = io.StringIO()

    call_command("dumpdata", "exchange", stdout=out)

    assert "sealed_password" in out.getvalue()
    assert SECRET not in out.getvalue()
    assert SECRET not in f"{connection!r} {connection} {vars(connection)}"


def test_settings_for_the_wire_do_not_show_the_password(tenant: Tenant) -> None:
    connection = connection_with(tenant)

    assert connection.settings.password == SECRET
    assert SECRET not in f"{connection.settings!r} {connection.settings}"


def test_rotation_seals_everything_with_the_first_key(tenant: Tenant, settings: Any) -> None:
    connection = connection_with(tenant)
    ExchangeConnection.objects.create(tenant=tenant, wire="ews", name="Without password")
    fresh = Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [fresh, *settings.FIELD_ENCRYPTION_KEYS]
    out = io.StringIO()

    call_command("rotate_keys", stdout=out)

    assert "1 secrets" in out.getvalue()
    settings.FIELD_ENCRYPTION_KEYS = [fresh]
    connection.refresh_from_db()
    assert connection.settings.password == SECRET


def test_rotation_seals_tokens_too(tenant: Tenant, settings: Any, superuser: User) -> None:
    granted = ExchangeConnection.objects.create(
        tenant=tenant, kind="microsoft_365", wire="graph", access="account", name="Microsoft 365",
        sealed_refresh_token=seal("refresh"),
    )  # fmt: skip
    now = timezone.now()
    token = AccessToken.objects.create(
        connection=granted,
        audience="graph",
        sealed_token=seal("access"),
        got_at=now,
        expires_at=now,
    )
    attempt = SignInAttempt.objects.create(
        tenant=tenant, user=superuser, session_key="browser", purpose="install", access="account",
        sealed_access_token=seal("waiting"), sealed_refresh_token=seal("waiting too"),
    )  # fmt: skip
    fresh = Fernet.generate_key().decode()
    settings.FIELD_ENCRYPTION_KEYS = [fresh, *settings.FIELD_ENCRYPTION_KEYS]
    out = io.StringIO()

    call_command("rotate_keys", stdout=out)

    assert "4 secrets" in out.getvalue()
    settings.FIELD_ENCRYPTION_KEYS = [fresh]
    for row in (granted, token, attempt):
        row.refresh_from_db()
    assert unseal(granted.sealed_refresh_token) == "refresh"
    assert unseal(token.sealed_token) == "access"
    assert unseal(attempt.sealed_access_token) == "waiting"
    assert unseal(attempt.sealed_refresh_token) == "waiting too"


def test_rotation_leaves_what_no_key_opens_and_fails(tenant: Tenant, settings: Any) -> None:
    lost = connection_with(tenant)
    before = lost.sealed_password
    settings.FIELD_ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    good = connection_with(tenant, "Second")
    out, err = io.StringIO(), io.StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("rotate_keys", stdout=out, stderr=err)

    assert ended.value.code == 1
    assert f"Exchange connection {lost.pk}" in err.getvalue()
    lost.refresh_from_db()
    assert lost.sealed_password == before
    good.refresh_from_db()
    assert good.settings.password == SECRET


def test_rotation_without_keys_is_a_mistake_in_words(tenant: Tenant, settings: Any) -> None:
    connection_with(tenant)
    settings.FIELD_ENCRYPTION_KEYS = []

    with pytest.raises(CommandError, match="FIELD_ENCRYPTION_KEYS"):
        call_command("rotate_keys")


def test_every_sealed_column_is_found() -> None:
    assert set(sealed_columns()) >= {
        (ExchangeConnection, "sealed_password"),
        (ExchangeConnection, "sealed_refresh_token"),
        (AccessToken, "sealed_token"),
        (SignInAttempt, "sealed_access_token"),
        (SignInAttempt, "sealed_refresh_token"),
    }
