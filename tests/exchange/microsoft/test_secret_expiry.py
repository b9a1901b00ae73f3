"""The end of the client secret is told in time, to those whom it concerns, and not again and again."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from apps.exchange import tasks
from apps.exchange.models import ExchangeConnection, SignInAttempt
from apps.tenants.installation import this_installation
from apps.tenants.models import Role, Tenant, User
from tests.conftest import UserWith


@pytest.fixture
def owner(user_with: UserWith, tenant: Tenant) -> User:
    return user_with(Role.OWNER, tenant)


@pytest.fixture(autouse=True)
def _registered(
    settings: Any, superuser: User, owner: User, of_account: ExchangeConnection
) -> None:
    settings.MICROSOFT_CLIENT_ID, settings.MICROSOFT_CLIENT_SECRET = "client", "secret"


def ends_in(settings: Any, days: int) -> None:
    ends = timezone.localdate() + dt.timedelta(days=days)
    settings.MICROSOFT_SECRET_EXPIRES_ON = ends.isoformat()


def told() -> list[str]:
    return sorted(one.to[0] for one in mail.outbox)


@pytest.mark.parametrize(
    ("days", "mails"), [(31, 0), (30, 2), (12, 2), (7, 2), (1, 2), (0, 2), (-1, 0)]
)
def test_operators_and_owners_are_told_in_time(
    settings: Any, superuser: User, owner: User, days: int, mails: int
) -> None:
    ends_in(settings, days)

    assert tasks.warn_of_secret() == f"told {mails}"

    assert told() == sorted([superuser.email, owner.email])[:mails]


def test_each_threshold_is_told_once(settings: Any) -> None:
    ends = timezone.localdate() + dt.timedelta(days=30)
    settings.MICROSOFT_SECRET_EXPIRES_ON = ends.isoformat()
    counts = []
    for _ in range(3):
        tasks.warn_of_secret()
        counts.append(len(mail.outbox))

    assert counts == [2, 2, 2]


def test_next_threshold_and_next_secret_are_told_anew(
    settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends_in(settings, 30)
    tasks.warn_of_secret()
    later = timezone.localdate() + dt.timedelta(days=24)
    monkeypatch.setattr(timezone, "localdate", lambda: later)
    tasks.warn_of_secret()
    assert len(mail.outbox) == 4

    settings.MICROSOFT_SECRET_EXPIRES_ON = (later + dt.timedelta(days=5)).isoformat()
    tasks.warn_of_secret()

    assert len(mail.outbox) == 6


def test_only_who_can_mend_it_is_told_how(settings: Any, superuser: User, owner: User) -> None:
    ends_in(settings, 7)

    tasks.warn_of_secret()

    bodies = {one.to[0]: one.body for one in mail.outbox}
    assert "MICROSOFT_CLIENT_SECRET" in bodies[superuser.email]
    assert "MICROSOFT_CLIENT_SECRET" not in bodies[owner.email]
    assert "in 7 days" in bodies[owner.email]


def test_owner_without_microsoft_365_is_not_told(
    settings: Any, user_with: UserWith, other_tenant: Tenant
) -> None:
    stranger = user_with(Role.OWNER, other_tenant)
    ends_in(settings, 7)

    tasks.warn_of_secret()

    assert stranger.email not in told()


def test_copied_database_tells_nobody(settings: Any) -> None:
    """Its people are the original's, which tells them."""
    ends_in(settings, 7)
    this_installation()
    settings.INSTALLATION_ID = "elsewhere"

    assert tasks.warn_of_secret() == "skipped: this is a copy"

    assert told() == []


@pytest.mark.parametrize("typed", ["", "soon"])
def test_unknown_end_is_not_told(settings: Any, typed: str) -> None:
    settings.MICROSOFT_SECRET_EXPIRES_ON = typed

    assert tasks.warn_of_secret() == "told 0"


def test_nothing_is_told_where_there_is_no_registration(settings: Any) -> None:
    ends_in(settings, 7)
    settings.MICROSOFT_CLIENT_ID = ""

    assert tasks.warn_of_secret() == "told 0"


def test_address_that_takes_no_mail_does_not_keep_others_from_theirs(
    settings: Any, monkeypatch: pytest.MonkeyPatch, owner: User
) -> None:
    ends_in(settings, 7)

    def refusing(subject: str, body: str, sender: str, to: list[str]) -> int:
        if to == [owner.email]:
            raise OSError("no route")
        return mail.send_mail(subject, body, sender, to)

    monkeypatch.setattr("apps.exchange.microsoft.secret_expiry.send_mail", refusing)

    assert tasks.warn_of_secret() == "told 1"


def test_sign_ins_that_are_over_are_removed(tenant: Tenant, owner: User) -> None:
    for minutes in (1, 16):
        SignInAttempt.objects.create(
            tenant=tenant, user=owner, session_key="browser", purpose="install", access="account",
            created_at=timezone.now() - dt.timedelta(minutes=minutes),
        )  # fmt: skip

    assert tasks.forget_sign_ins() == "removed 1"

    assert SignInAttempt.objects.count() == 1
