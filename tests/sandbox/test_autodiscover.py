"""Autodiscover: an address in, the address of its EWS out; redirects and errors."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from lxml import etree

from apps.sandbox.server import SandboxServer
from tests.sandbox.wire import PASSWORD, ROOM, SERVICE, STRANGER

REQUEST = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
ANSWER = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"


def discover(
    server: SandboxServer, address: str = ROOM, schema: str = ANSWER, **options: Any
) -> requests.Response:
    body = (
        f'<Autodiscover xmlns="{REQUEST}"><Request><EMailAddress>{address}</EMailAddress>'
        f"<AcceptableResponseSchema>{schema}</AcceptableResponseSchema></Request></Autodiscover>"
    )
    options.setdefault("auth", (SERVICE, PASSWORD))
    return requests.post(
        f"{server.url}/autodiscover/autodiscover.xml", data=body, timeout=10, **options
    )


def read(answer: requests.Response, name: str) -> list[str]:
    return [one.text for one in etree.fromstring(answer.content).iter(f"{{*}}{name}")]


@pytest.mark.parametrize("address", [ROOM, "anker@harbour.example", f" {ROOM.upper()} "])
def test_addresses_and_aliases_lead_to_ews(server: SandboxServer, address: str) -> None:
    answer = discover(server, address)

    assert answer.status_code == 200
    assert read(answer, "Action") == ["settings"]
    assert read(answer, "Type") == ["EXCH", "EXPR", "EXHTTP"]
    assert set(read(answer, "EwsUrl")) == {server.ews_url}
    assert read(answer, "AutoDiscoverSMTPAddress") == [ROOM]
    assert etree.fromstring(answer.content)[0].tag == f"{{{ANSWER}}}Response"


def test_path_may_be_written_in_any_case(server: SandboxServer) -> None:
    asked = requests.post(f"{server.url}/Autodiscover/Autodiscover.xml", timeout=10)

    assert asked.status_code == 401


@pytest.mark.parametrize("address", ["nobody@harbour.example", STRANGER])
def test_unknown_address_is_error_500(server: SandboxServer, address: str) -> None:
    assert read(discover(server, address), "ErrorCode") == ["500"]


def test_what_is_no_request_is_error_600(server: SandboxServer) -> None:
    assert read(discover(server, schema="urn:other"), "ErrorCode") == ["600"]
    broken = requests.post(
        f"{server.url}/autodiscover/autodiscover.xml",
        data="<",
        auth=(SERVICE, PASSWORD),
        timeout=10,
    )
    assert read(broken, "ErrorCode") == ["600"]


def test_sign_in_is_needed_and_refusals_count(server: SandboxServer) -> None:
    assert discover(server, auth=None).status_code == 401
    assert discover(server, auth=(SERVICE, "wrong")).status_code == 401

    assert sum(server.sign_ins.refused.values()) == 1
    assert [line.operation for line in server.requests.lines()] == ["Autodiscover", "Autodiscover"]


def test_redirects_to_an_address_then_to_a_url(server: SandboxServer) -> None:
    arrange = {"operation": "Autodiscover"}
    server.faults.arrange({"kind": "redirect-address", "address": "b@b.example", **arrange})
    server.faults.arrange(
        {"kind": "redirect-url", "url": "http://127.0.0.1:1/a?b&c", "nth": 2, **arrange}
    )
    server.faults.arrange({"kind": "error", "code": "603", "message": "Busy", "nth": 3, **arrange})
    server.faults.arrange(
        {"kind": "http", "status": 302, "headers": {"Location": "/x"}, "nth": 4, **arrange}
    )

    first, second, third, fourth = (discover(server, allow_redirects=False) for _ in range(4))

    assert (read(first, "Action"), read(first, "RedirectAddr")) == (
        ["redirectAddr"],
        ["b@b.example"],
    )
    assert (read(second, "Action"), read(second, "RedirectUrl")) == (
        ["redirectUrl"],
        ["http://127.0.0.1:1/a?b&c"],
    )
    assert (read(third, "ErrorCode"), read(third, "Message")) == (["603"], ["Busy"])
    assert (fourth.status_code, fourth.headers["Location"]) == (302, "/x")


def test_plain_get_redirects_if_arranged(server: SandboxServer) -> None:
    url = f"{server.url}/autodiscover/autodiscover.xml"
    assert requests.get(url, timeout=10).status_code == 401
    target = {"Location": "https://elsewhere.example/autodiscover/autodiscover.xml"}
    server.faults.arrange(
        {"kind": "http", "operation": "AutodiscoverRedirect", "status": 302, "headers": target}
    )

    answer = requests.get(url, timeout=10, allow_redirects=False)

    assert (answer.status_code, answer.headers["Location"]) == (302, target["Location"])


def test_slow_and_cut(server: SandboxServer) -> None:
    server.faults.arrange({"kind": "slow", "seconds": 0.1, "operation": "Autodiscover"})
    server.faults.arrange({"kind": "cut-before", "operation": "Autodiscover"})

    with pytest.raises(requests.ConnectionError):
        discover(server)
