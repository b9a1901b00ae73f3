"""*Check*: each stage with a tick, or what happened, what to do, and the command."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from apps.exchange import transport
from apps.exchange.errors import AccessDenied, AuthenticationFailed, Throttled
from apps.exchange.ews.check import Stage, Step, check
from apps.exchange.ews.codes import SwitchedOff
from apps.exchange.ews.session import EwsSettings
from tests.exchange.ews.sandbox_room import ROOM, SandboxRoom
from tests.exchange.ews.soap import Exchange
from tests.exchange.http import Answer, certificate_for, serving

EVERY_STEP = [
    Step.NAME, Step.NETWORK, Step.ENCRYPTION, Step.SIGN_IN_OFFERED, Step.SIGN_IN, Step.VERSION,
    Step.MAILBOX,
]  # fmt: skip


def walk(settings: EwsSettings, email: str = ROOM) -> list[Stage]:
    """All stages; all but the last are passed."""
    stages = list(check(settings, email))
    assert all(stage.is_passed for stage in stages[:-1])
    return stages


def failed(settings: EwsSettings, email: str = ROOM) -> Stage:
    last = walk(settings, email)[-1]
    assert not last.is_passed
    assert last.words
    return last


def test_every_stage_is_passed_and_the_mailbox_told(room: SandboxRoom) -> None:
    stages = walk(room.settings)

    assert [stage.step for stage in stages] == EVERY_STEP
    assert stages[-1].is_passed
    assert stages[-1].mailbox == room.calendar.open()
    assert "Exchange Server 2019" in stages[5].words
    assert all(stage.fix == stage.command == "" for stage in stages)


def test_without_a_mailbox_the_account_alone_is_tried(room: SandboxRoom) -> None:
    assert [stage.step for stage in walk(room.settings, "")] == EVERY_STEP[:-1]


def test_kind_of_sign_in_is_found_out_and_used(exchange: Exchange) -> None:
    exchange.says(*[Answer(status=401, headers={"WWW-Authenticate": "Negotiate\nNTLM"})] * 4)

    stages = walk(exchange.settings(auth="basic"))

    assert stages[3].auth == "ntlm"
    assert "NTLM" in stages[3].words
    assert exchange.server.asked[2].headers["Authorization"].startswith("NTLM ")


def test_wrong_password_is_sent_once(room: SandboxRoom) -> None:
    stage = failed(replace(room.settings, password="wrong"))

    assert stage.step is Step.SIGN_IN
    assert isinstance(stage.error, AuthenticationFailed)
    refused = [line for line in room.server.requests.lines() if line.account and line.status == 401]
    assert len(refused) <= 1


def test_name_that_is_nobodys(room: SandboxRoom) -> None:
    stage = failed(replace(room.settings, server_url="https://mail.invalid"))

    assert stage.step is Step.NAME
    assert "mail.invalid" in stage.words


def test_network_that_is_not_allowed(room: SandboxRoom, settings: Any) -> None:
    settings.EXCHANGE_ALLOWED_NETWORKS = ["public"]

    stage = failed(room.settings)

    assert stage.step is Step.NETWORK
    assert "EXCHANGE_ALLOWED_NETWORKS" in stage.fix


def test_server_without_encryption(room: SandboxRoom, settings: Any) -> None:
    settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = []

    stage = failed(room.settings)

    assert stage.step is Step.ENCRYPTION
    assert "EXCHANGE_ALLOW_PLAIN_HTTP_TO" in stage.fix


def test_certificate_that_is_not_accepted(
    exchange: Exchange, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, pem = certificate_for("mail.test", tmp_path)
    monkeypatch.setattr(transport, "resolve", lambda *_: ["127.0.0.1"])
    offer = Answer(status=401, headers={"WWW-Authenticate": "Basic"})

    with serving(certificate=file) as server:
        server.answer = lambda _asked: offer
        settings = exchange.settings(server_url=f"https://mail.test:{server.port}")
        unknown = failed(settings)
        known = failed(replace(settings, ca_pem=pem))

    assert unknown.step is Step.ENCRYPTION
    assert known.step is Step.SIGN_IN


@pytest.mark.parametrize(
    ("answers", "step"),
    [
        ([Answer(status=401, headers={"WWW-Authenticate": "Bearer"})], Step.SIGN_IN_OFFERED),
        ([Answer(status=404)], Step.SIGN_IN_OFFERED),
        ([Answer(cuts=True)], Step.ENCRYPTION),
    ],
)
def test_server_that_is_no_exchange(exchange: Exchange, answers: list[Answer], step: Step) -> None:
    exchange.says(*answers)

    stage = failed(exchange.settings())

    assert stage.step is step
    assert exchange.server.asked[0].method == "GET"
    assert len(exchange.server.asked) == 1


def test_exchange_that_is_switched_off(room: SandboxRoom) -> None:
    room.server.faults.arrange({"kind": "http", "status": 403})

    stage = failed(room.settings)

    assert stage.step is Step.SIGN_IN
    assert isinstance(stage.error, SwitchedOff)
    assert stage.command.startswith("Set-CASMailbox")


def test_busy_server_says_nothing_of_the_account(room: SandboxRoom) -> None:
    room.server.faults.arrange({"kind": "http", "status": 503, "count": None})

    stage = failed(room.settings)

    assert stage.step is Step.SIGN_IN
    assert isinstance(stage.error, Throttled)


def test_account_that_may_not_act_for_the_mailbox(room: SandboxRoom) -> None:
    room.faults.take_rights()

    stage = failed(room.settings)

    assert stage.step is Step.MAILBOX
    assert stage.command.startswith("New-ManagementRoleAssignment")


def test_mailbox_that_is_not_there(room: SandboxRoom) -> None:
    assert failed(room.settings, room.nobody).step is Step.MAILBOX


def test_calendar_that_may_only_be_read(room: SandboxRoom) -> None:
    room.faults.take_writing()

    stage = failed(replace(room.settings, access="delegate"))

    assert stage.step is Step.MAILBOX
    assert isinstance(stage.error, AccessDenied)
    assert stage.command.startswith("Add-MailboxFolderPermission")


def test_server_that_hides_its_version(exchange: Exchange) -> None:
    lists = '<m:GetRoomListsResponse ResponseClass="Success"><m:ResponseCode>NoError</m:ResponseCode><m:RoomLists/></m:GetRoomListsResponse>'  # fmt: skip
    space = "http://schemas.microsoft.com/exchange/services/2006/messages"
    exchange.says(
        Answer(status=401, headers={"WWW-Authenticate": "Basic"}),
        Answer(
            '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
            + lists.replace("<m:GetRoomListsResponse ", f'<m:GetRoomListsResponse xmlns:m="{space}" ')
            + "</s:Body></s:Envelope>"
        ),
    )  # fmt: skip

    stages = walk(exchange.settings(), "")

    assert "does not tell" in stages[-1].words
