"""How HTTP leaves us."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from apps.exchange import network, transport
from apps.exchange.errors import Misconfigured
from apps.exchange.network import Policy
from apps.exchange.network_checks import check_allowed_networks
from tests.exchange.http import Answer, Server, certificate_for, serving

LOOPBACK = network.policy(["127.0.0.0/8", "::1"], ["127.0.0.1", "127.0.0.2", "mail.test"])


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as found:
        yield found


def named(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Let every name have these addresses, the next time the next one; and count the look-ups."""
    left = list(addresses)
    asked: list[str] = []

    def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return [left.pop(0) if len(left) > 1 else left[0]]

    monkeypatch.setattr(transport, "resolve", resolve)
    return asked


def test_answer_comes_from_an_allowed_address(server: Server) -> None:
    with transport.session(LOOPBACK) as http:
        assert http.get(server.url).status_code == 200

    assert server.asked[0].headers["User-Agent"] == transport.user_agent()


def test_loopback_is_refused_by_default_and_the_setting_is_named(server: Server) -> None:
    allowed = Policy(plain_http_to=frozenset({"127.0.0.1"}))

    with transport.session(allowed) as http, pytest.raises(Misconfigured) as refused:
        http.get(server.url)

    assert "127.0.0.1" in refused.value.cause
    assert "EXCHANGE_ALLOWED_NETWORKS" in refused.value.fix
    assert server.asked == []


@pytest.mark.parametrize(
    "url",
    [
        "https://10.0.0.1/", "https://169.254.169.254/latest/meta-data", "https://[::1]/",
        "https://[fe80::1]/", "https://[::ffff:10.0.0.1]/", "https://2130706433/", "https://0x7f.1/",
        "https://localhost/",
    ],
)  # fmt: skip
def test_addresses_inside_are_refused_however_they_are_written(url: str) -> None:
    with transport.session(Policy()) as http, pytest.raises(Misconfigured):
        http.get(url)


def test_name_that_leads_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, "10.0.0.7")

    with transport.session(Policy()) as http, pytest.raises(Misconfigured, match=r"10\.0\.0\.7"):
        http.get("https://mail.contoso.com/")


def test_address_that_was_checked_is_the_one_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    allowed = network.policy(["127.0.0.2/32"], ["mail.test"])
    asked = named(monkeypatch, "127.0.0.2", "127.0.0.1")

    with serving("127.0.0.2") as server, transport.session(allowed) as http:
        answer = http.get(f"http://mail.test:{server.port}/")

    assert answer.status_code == 200
    assert asked == ["mail.test"]
    assert server.asked[0].headers["Host"] == f"mail.test:{server.port}"


def test_name_that_changes_its_mind_is_refused_at_the_next_connection(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    allowed = network.policy(["127.0.0.2/32"], ["mail.test"])
    named(monkeypatch, "127.0.0.2", "127.0.0.1")

    with serving("127.0.0.2") as server, transport.session(allowed) as http:
        http.get(f"http://mail.test:{server.port}/", headers={"Connection": "close"})
        http.close()
        with pytest.raises(Misconfigured):
            http.get(f"http://mail.test:{server.port}/")


def test_next_address_is_tried_where_the_first_does_not_answer(
    monkeypatch: pytest.MonkeyPatch, server: Server
) -> None:
    monkeypatch.setattr(transport, "resolve", lambda *_: ["127.0.0.9", "10.0.0.1", "127.0.0.1"])

    with transport.session(LOOPBACK) as http:
        assert http.get(f"http://mail.test:{server.port}/").status_code == 200


def test_server_that_is_not_there_is_a_connection_error() -> None:
    with serving() as server:
        pass
    with transport.session(LOOPBACK) as http, pytest.raises(requests.ConnectionError):
        http.get(server.url)


def test_name_that_does_not_resolve_is_a_connection_error() -> None:
    with transport.session(LOOPBACK) as http, pytest.raises(requests.ConnectionError):
        http.get("https://nowhere.invalid/")


def test_plain_http_is_refused_by_default_and_the_setting_is_named(server: Server) -> None:
    allowed = network.policy(["127.0.0.0/8"], [])

    with transport.session(allowed) as http, pytest.raises(Misconfigured) as refused:
        http.get(f"{server.url}/x?password=y")

    assert "EXCHANGE_ALLOW_PLAIN_HTTP_TO" in refused.value.fix
    assert "password=y" not in refused.value.cause
    assert server.asked == []


def test_request_that_tells_nothing_may_go_plain_but_never_with_a_password(server: Server) -> None:
    allowed = network.policy(["127.0.0.0/8"], [])

    with transport.session(allowed, plain_http=True) as http:
        assert http.get(server.url).status_code == 200
        with pytest.raises(Misconfigured):
            http.get(server.url, auth=("me", "secret"))


def test_redirect_is_told_and_not_followed(server: Server) -> None:
    server.answer = lambda asked: Answer(status=302, headers={"Location": "https://evil.example/"})

    with transport.session(LOOPBACK) as http:
        answer = http.get(server.url, auth=("me", "secret"))

    assert answer.status_code == 302
    assert len(server.asked) == 1


def test_environment_names_no_proxy_and_no_password(
    monkeypatch: pytest.MonkeyPatch, server: Server, tmp_path: Path
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    with transport.session(LOOPBACK) as http:
        assert http.get(server.url).status_code == 200
        assert http.get(server.url, proxies={"http": "http://127.0.0.1:1"}).status_code == 200

    assert "Authorization" not in server.asked[0].headers


def test_server_that_is_silent_is_given_up(monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    import threading  # noqa: PLC0415 -- of this test alone

    end = threading.Event()
    server.answer = lambda asked: Answer(body=str(end.wait(5)))
    monkeypatch.setattr(transport, "timeouts", lambda: (1, 0.2))

    with transport.session(LOOPBACK) as http, pytest.raises(requests.ReadTimeout):
        http.get(server.url)
    end.set()


class TestTls:
    @pytest.fixture
    def signed(self, tmp_path: Path) -> Iterator[tuple[Server, str]]:
        file, pem = certificate_for("mail.test", tmp_path)
        with serving(certificate=file) as server:
            yield server, pem

    def test_unknown_certificate_is_refused_whatever_is_asked(
        self, monkeypatch: pytest.MonkeyPatch, signed: tuple[Server, str]
    ) -> None:
        server, _pem = signed
        named(monkeypatch, "127.0.0.1")

        with transport.session(LOOPBACK) as http:
            http.verify = False
            with pytest.raises(requests.exceptions.SSLError):
                http.get(f"https://mail.test:{server.port}/", verify=False)

    def test_certificate_of_a_given_authority_is_taken_for_its_name(
        self, monkeypatch: pytest.MonkeyPatch, signed: tuple[Server, str]
    ) -> None:
        server, pem = signed
        named(monkeypatch, "127.0.0.1")

        with transport.session(LOOPBACK, ca_pem=pem) as http:
            assert http.get(f"https://mail.test:{server.port}/").status_code == 200

    def test_certificate_of_another_name_is_refused(
        self, monkeypatch: pytest.MonkeyPatch, signed: tuple[Server, str]
    ) -> None:
        server, pem = signed
        named(monkeypatch, "127.0.0.1")

        with (
            transport.session(LOOPBACK, ca_pem=pem) as http,
            pytest.raises(requests.exceptions.SSLError, match="mail.other"),
        ):
            http.get(f"https://mail.other:{server.port}/")

    def test_authority_of_one_connection_is_none_of_another(
        self, monkeypatch: pytest.MonkeyPatch, signed: tuple[Server, str]
    ) -> None:
        server, pem = signed
        named(monkeypatch, "127.0.0.1")
        with transport.session(LOOPBACK, ca_pem=pem) as http:
            http.get(f"https://mail.test:{server.port}/")

        with (
            transport.session(LOOPBACK) as other,
            pytest.raises(requests.exceptions.SSLError),
        ):
            other.get(f"https://mail.test:{server.port}/")

    @pytest.mark.parametrize(
        "pem",
        ["nonsense", f"-----BEGIN CERTIFICATE-----\n{base64.b64encode(b'x').decode()}\n-----END CERTIFICATE-----"],
    )  # fmt: skip
    def test_certificates_that_cannot_be_read_are_refused(self, pem: str) -> None:
        with pytest.raises(Misconfigured, match="CA certificates"):
            transport.session(LOOPBACK, ca_pem=pem)


def test_policy_comes_from_the_settings(settings: Any) -> None:
    settings.EXCHANGE_ALLOWED_NETWORKS = ["10.0.0.0/8"]
    settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = ["sandbox:1"]

    assert transport.policy().allows("10.0.0.1")
    assert transport.policy().allows_plain_http("http://sandbox:1/")


def test_setting_that_cannot_be_read_is_named(settings: Any) -> None:
    settings.EXCHANGE_ALLOWED_NETWORKS = ["10.0.0.0/99"]

    with pytest.raises(Misconfigured, match="EXCHANGE_ALLOWED_NETWORKS"):
        transport.policy()
    assert [error.id for error in check_allowed_networks()] == ["optixsync.E003"]


def test_setting_that_can_be_read_passes_the_check() -> None:
    assert check_allowed_networks() == []
