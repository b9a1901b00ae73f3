"""Basic and NTLM sign-in: what is offered, what is refused and counted, what a connection remembers."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
import requests
from exchangelib.errors import UnauthorizedError
from requests_ntlm import HttpNtlmAuth

from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Store
from tests.sandbox.wire import DOMAIN, PASSWORD, ROOM, SERVICE, at, book, connect, envelope, post

ROOMS = "<m:GetRoomLists/>"
HEADERS = {"Content-Type": "text/xml; charset=utf-8"}


def ask(server: SandboxServer, session: requests.Session) -> requests.Response:
    return session.post(server.ews_url, data=envelope(ROOMS), headers=HEADERS, timeout=10)


def offered(answer: requests.Response) -> set[str]:
    return {one.strip().split(" ")[0] for one in answer.headers["WWW-Authenticate"].split(",")}


def test_without_credentials_the_kinds_of_sign_in_are_listed(server: SandboxServer) -> None:
    answer = requests.post(server.ews_url, data=envelope(ROOMS), timeout=10)

    assert answer.status_code == 401
    assert offered(answer) == {"NTLM", "Basic"}
    assert server.sign_ins.refused == {}


@pytest.mark.parametrize(("kind", "name"), [("ntlm", "NTLM"), ("basic", "Basic")])
def test_only_what_the_accounts_of_a_server_may_use_is_offered(
    server: SandboxServer, store: Store, kind: str, name: str
) -> None:
    for account in store.organisation(DOMAIN).accounts.values():
        account.sign_ins = frozenset({kind})  # type: ignore[arg-type]

    by_name = requests.post(server.ews_url, headers={"Host": f"exchange.{DOMAIN}"}, timeout=10)

    assert offered(by_name) == {name}


@pytest.mark.parametrize("name", [SERVICE, SERVICE.upper(), "HARBOUR\\svc", "harbour\\SVC"])
def test_basic_takes_both_names_in_any_case(server: SandboxServer, name: str) -> None:
    assert post(server, ROOMS, user=name).status_code == 200


@pytest.mark.parametrize("name", [SERVICE, "HARBOUR\\svc"])
def test_ntlm_signs_a_connection_in_once(server: SandboxServer, name: str) -> None:
    with requests.Session() as session:
        session.auth = HttpNtlmAuth(name, PASSWORD)
        answers = [ask(server, session).status_code for _ in range(3)]

    assert answers == [200, 200, 200]
    assert [line.status for line in server.requests.lines()] == [401, 401, 200, 200, 200]
    assert server.sign_ins.refused == {}


def test_no_file_stays_of_a_sign_in(
    server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with requests.Session() as session:
        session.auth = HttpNtlmAuth(SERVICE, PASSWORD)
        assert ask(server, session).status_code == 200

    assert list(tmp_path.iterdir()) == []
    assert "NTLM_USER_FILE" not in os.environ


def test_another_connection_is_not_signed_in(server: SandboxServer) -> None:
    with requests.Session() as session:
        session.auth = HttpNtlmAuth(SERVICE, PASSWORD)
        ask(server, session)

    assert requests.post(server.ews_url, data=envelope(ROOMS), timeout=10).status_code == 401


@pytest.mark.parametrize("kind", ["basic", "ntlm"])
def test_wrong_password_is_refused_and_counted_once(server: SandboxServer, kind: str) -> None:
    with requests.Session() as session:
        session.auth = HttpNtlmAuth(SERVICE, "wrong") if kind == "ntlm" else (SERVICE, "wrong")
        assert ask(server, session).status_code == 401

    assert server.sign_ins.refused == {"HARBOUR\\svc": 1}


@pytest.mark.parametrize("kind", ["basic", "ntlm"])
def test_unknown_account_is_refused(server: SandboxServer, kind: str) -> None:
    with requests.Session() as session:
        session.auth = HttpNtlmAuth("nobody", PASSWORD) if kind == "ntlm" else ("nobody", PASSWORD)
        assert ask(server, session).status_code == 401

    assert server.sign_ins.refused == {"nobody": 1}


def test_a_kind_that_an_account_may_not_use_is_refused(server: SandboxServer, store: Store) -> None:
    account = store.account(SERVICE)
    assert account is not None
    account.sign_ins = frozenset({"ntlm"})

    assert post(server, ROOMS).status_code == 401
    with requests.Session() as session:
        session.auth = HttpNtlmAuth(SERVICE, PASSWORD)
        assert ask(server, session).status_code == 200


def test_account_locks_after_so_many_refusals(server: SandboxServer) -> None:
    server.sign_ins.lock_after = 2
    for _ in range(2):
        post(server, ROOMS, password="wrong")

    assert post(server, ROOMS).status_code == 401
    server.sign_ins.forget()
    assert post(server, ROOMS).status_code == 200


@pytest.mark.parametrize(
    "credentials", ["Basic ???", "Basic /w==", "NTLM ???", "NTLM AAAA", "Bearer x"]
)
def test_what_is_no_sign_in_is_none(server: SandboxServer, credentials: str) -> None:
    answer = requests.post(server.ews_url, headers={"Authorization": credentials}, timeout=10)

    assert answer.status_code == 401
    assert "Basic" in answer.headers["WWW-Authenticate"]


@pytest.mark.parametrize("kind", ["basic", "NTLM"])
def test_exchangelib_signs_in(server: SandboxServer, store: Store, kind: str) -> None:
    book(store)

    (found,) = (
        connect(server, auth_type=kind).calendar.view(start=at(1, 0), end=at(2, 0)).only("subject")
    )

    assert found.subject == "Talk"


@pytest.mark.parametrize("kind", ["basic", "NTLM"])
def test_exchangelib_is_told_of_a_wrong_password(server: SandboxServer, kind: str) -> None:
    with pytest.raises(UnauthorizedError):
        _ = connect(server, ROOM, password="wrong", auth_type=kind).calendar

    assert sum(server.sign_ins.refused.values()) == 1
