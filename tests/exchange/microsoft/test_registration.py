"""The settings of the app registration: told in words where they cannot work, and never shown."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.checks import CheckMessage
from django.utils import timezone

from apps.exchange import microsoft_checks as checks
from apps.exchange.errors import Misconfigured
from apps.exchange.microsoft.registration import registration

SECRET = "Blue-Whale-42"


@pytest.fixture(autouse=True)
def _registered(settings: Any) -> None:
    settings.MICROSOFT_CLIENT_ID, settings.MICROSOFT_CLIENT_SECRET = "client", SECRET
    settings.MICROSOFT_TENANT, settings.MICROSOFT_SECRET_EXPIRES_ON = "organizations", ""


def ids(told: list[CheckMessage]) -> list[str | None]:
    return [one.id for one in told]


def test_registration_does_not_show_its_secret() -> None:
    assert registration().secret == SECRET
    assert SECRET not in repr(registration())


def test_without_registration_the_words_name_the_settings(settings: Any) -> None:
    settings.MICROSOFT_CLIENT_ID = ""

    with pytest.raises(Misconfigured) as told:
        registration()

    assert "MICROSOFT_CLIENT_ID" in told.value.fix


@pytest.mark.parametrize(
    ("client_id", "secret", "found"),
    [
        ("client", SECRET, []),
        ("", "", []),
        ("client", "", ["optixsync.E004"]),
        ("", SECRET, ["optixsync.E004"]),
    ],
    ids=["both", "neither", "no secret", "no id"],
)
def test_half_a_registration_is_told_at_the_start(
    settings: Any, client_id: str, secret: str, found: list[str]
) -> None:
    settings.MICROSOFT_CLIENT_ID, settings.MICROSOFT_CLIENT_SECRET = client_id, secret

    told = checks.check_registration()

    assert ids(told) == found
    assert SECRET not in str(told)


@pytest.mark.parametrize(
    ("tenant", "found"),
    [
        ("organizations", []),
        ("aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", []),
        ("common", ["optixsync.E006"]),
        ("Consumers", ["optixsync.E006"]),
    ],
)
def test_tenant_of_personal_accounts_is_told_at_the_start(
    settings: Any, tenant: str, found: list[str]
) -> None:
    settings.MICROSOFT_TENANT = tenant

    assert ids(checks.check_tenant()) == found


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", []),
        ("30.06.2027", ["optixsync.E005"]),
        ("2027-02-30", ["optixsync.E005"]),
        (40, []),
        (30, []),
        (29, ["optixsync.W001"]),
        (-1, ["optixsync.W001"]),
    ],
)
def test_end_of_the_secret_is_told_a_month_before(
    settings: Any, typed: str | int, found: list[str]
) -> None:
    if isinstance(typed, int):
        typed = (timezone.localdate() + dt.timedelta(days=typed)).isoformat()
    settings.MICROSOFT_SECRET_EXPIRES_ON = typed

    assert ids(checks.check_secret_expiry()) == found


@pytest.mark.parametrize(
    ("url", "found"),
    [("https://sync.example.com", []), ("http://127.0.0.1:8000", ["optixsync.W002"])],
)
def test_address_that_microsoft_cannot_reach_is_told(
    settings: Any, url: str, found: list[str]
) -> None:
    settings.PUBLIC_URL = url

    assert ids(checks.check_notifications()) == found


def test_nothing_is_told_of_notifications_without_microsoft(settings: Any) -> None:
    settings.MICROSOFT_CLIENT_ID = ""
    settings.PUBLIC_URL = "http://127.0.0.1:8000"

    assert checks.check_notifications() == []
