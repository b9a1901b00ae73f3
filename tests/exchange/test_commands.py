"""`manage.py check_exchange` and `manage.py list_mailboxes`."""

from __future__ import annotations

import io
import json

import pytest
from django.core.management import CommandError, call_command

from apps.exchange import services
from apps.exchange.errors import Transient
from apps.exchange.ews import rooms
from apps.exchange.ews.rooms import Room
from apps.exchange.models import ExchangeConnection
from apps.tenants.models import Tenant
from tests.exchange.world import NAMES, SECRET, Walk, details


def run(command: str, *arguments: str, **options: object) -> str:
    out = io.StringIO()
    call_command(command, *arguments, stdout=out, no_color=True, **options)
    return out.getvalue()


# --- check_exchange ----------------------------------------------------------------------------------


def test_check_prints_each_stage_and_stores_the_outcome(
    pending: ExchangeConnection, walk: Walk
) -> None:
    told = run("check_exchange")

    assert "alpha  Exchange Server" in told
    assert [line.split()[1].rstrip(":") for line in told.splitlines()[1:]] == [
        name.split()[0] for name in NAMES
    ]
    assert SECRET not in told
    pending.refresh_from_db()
    assert pending.state == ExchangeConnection.State.INSTALLED


def test_failed_check_ends_with_status_1_and_says_what_to_do(
    installed: ExchangeConnection, walk: Walk
) -> None:
    walk.fails_at = "mailbox"
    out = io.StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("check_exchange", str(installed.pk), stdout=out, no_color=True)

    assert ended.value.code == 1
    for words in ("FAILED  mailbox: No mailbox.", "Mend it.", "Get-It"):
        assert words in out.getvalue()


def test_mailbox_that_is_named_is_opened_and_nothing_stored(
    installed: ExchangeConnection, walk: Walk
) -> None:
    ExchangeConnection.objects.update(last_check=[])

    run("check_exchange", "dock@example.com")

    assert walk.mailboxes[-1] == "dock@example.com"
    installed.refresh_from_db()
    assert installed.last_check == []


def test_account_names_its_connection(
    installed: ExchangeConnection, tenant: Tenant, walk: Walk
) -> None:
    services.install(tenant=tenant, details=details(email="other@example.com"), by=None)

    told = run("check_exchange", "SVC@example.com")

    assert told.count("alpha  ") == 1
    assert walk.mailboxes[-1] == "room@example.com"


def test_json_tells_one_object_a_connection(installed: ExchangeConnection, walk: Walk) -> None:
    (line,) = run("check_exchange", "--json").splitlines()

    told = json.loads(line)
    assert told["ok"] is True
    assert [stage["name"] for stage in told["stages"]] == list(NAMES)
    assert SECRET not in line


def test_what_is_not_clear_is_refused(
    installed: ExchangeConnection, tenant: Tenant, walk: Walk
) -> None:
    services.install(tenant=tenant, details=details(), by=None)

    for arguments, words in (
        (["0"], "no connection 0"),
        (["dock@example.com"], "There are 2 connections"),
        (["--tenant", "nobody"], "no tenant nobody"),
    ):
        with pytest.raises(CommandError, match=words):
            run("check_exchange", *arguments)


@pytest.mark.parametrize("command", ["check_exchange", "list_mailboxes"])
def test_without_exchange_it_says_so(command: str, other_tenant: Tenant) -> None:
    assert run(command, "--tenant", "beta") == "Exchange is not installed.\n"


# --- list_mailboxes ----------------------------------------------------------------------------------


def test_rooms_are_listed_with_their_lists(
    installed: ExchangeConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [Room("Lighthouse", "lighthouse@example.com", "Pier")]
    monkeypatch.setattr(rooms, "suggestions", lambda _settings: found)

    assert "Pier  Lighthouse  lighthouse@example.com" in run("list_mailboxes")
    assert json.loads(run("list_mailboxes", "--json"))["email"] == "lighthouse@example.com"


def test_server_without_room_lists_is_said(
    installed: ExchangeConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rooms, "suggestions", lambda _settings: [])

    assert "New-DistributionGroup" in run("list_mailboxes")


def test_server_that_does_not_answer_ends_with_status_1(
    installed: ExchangeConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(_settings: object) -> list[Room]:
        raise Transient("The server is away.")

    monkeypatch.setattr(rooms, "suggestions", away)
    err = io.StringIO()

    with pytest.raises(SystemExit) as ended:
        call_command("list_mailboxes", stdout=io.StringIO(), stderr=err, no_color=True)

    assert ended.value.code == 1
    assert "The server is away." in err.getvalue()
