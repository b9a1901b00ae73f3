"""Suggestions are a help alone: they are remembered, and what goes wrong costs nothing."""

from __future__ import annotations

import datetime as dt

import pytest
from django.utils import timezone

from apps.exchange import suggesting
from apps.exchange.errors import AuthenticationFailed, Transient
from apps.exchange.ews import rooms
from apps.exchange.ews.rooms import Room
from apps.exchange.ews.session import EwsSettings
from apps.exchange.models import ExchangeConnection
from apps.exchange.secrets import seal
from apps.exchange.suggesting import Suggestion
from apps.tenants.models import Tenant


class Lists:
    """Room lists that count how often they are read."""

    def __init__(self) -> None:
        self.asked = 0
        self.error: Exception | None = None

    def __call__(self, _settings: EwsSettings) -> list[Room]:
        self.asked += 1
        if self.error:
            raise self.error
        return [Room("Lighthouse", "l@example.com", "Pier"), Room("Anchor", "a@example.com")]


@pytest.fixture
def lists(monkeypatch: pytest.MonkeyPatch) -> Lists:
    found = Lists()
    monkeypatch.setattr(rooms, "suggestions", found)
    return found


@pytest.fixture
def connection(tenant: Tenant) -> ExchangeConnection:
    return ExchangeConnection.objects.create(
        tenant=tenant, wire="ews", name="Exchange", state="installed", sign_in="basic",
        server_url="https://mail.example.com/EWS/Exchange.asmx", sealed_password=seal("x"),
    )  # fmt: skip


def test_room_lists_are_read_once_in_a_while(lists: Lists, connection: ExchangeConnection) -> None:
    first, second = suggesting.suggestions(connection), suggesting.suggestions(connection)

    assert first == second
    assert first == [
        Suggestion("Anchor", "a@example.com"),
        Suggestion("Lighthouse", "l@example.com"),
    ]
    assert lists.asked == 1


def test_a_changed_connection_is_asked_anew(lists: Lists, connection: ExchangeConnection) -> None:
    suggesting.suggestions(connection)
    connection.revision += 1

    suggesting.suggestions(connection)

    assert lists.asked == 2


def test_trouble_gives_none_and_is_remembered(lists: Lists, connection: ExchangeConnection) -> None:
    lists.error = Transient("It does not answer.")

    assert suggesting.suggestions(connection) == []
    assert suggesting.suggestions(connection) == []
    assert lists.asked == 1


def test_a_refused_account_is_told(lists: Lists, connection: ExchangeConnection) -> None:
    lists.error = AuthenticationFailed("No.")

    with pytest.raises(AuthenticationFailed):
        suggesting.suggestions(connection)


@pytest.mark.parametrize(
    "state",
    [
        {"stopped_at": timezone.now()},
        {"paused_until": timezone.now() + dt.timedelta(days=1)},
        {"sign_in": ""},
    ],
    ids=["stopped", "paused", "never checked"],
)
def test_a_connection_that_may_not_be_used_is_not(
    lists: Lists, connection: ExchangeConnection, state: dict[str, object]
) -> None:
    for name, value in state.items():
        setattr(connection, name, value)

    assert suggesting.suggestions(connection) == []
    assert lists.asked == 0
