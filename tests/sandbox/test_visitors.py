"""What has no sign-in answers this machine alone, and takes nothing from other sites' pages."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from apps.sandbox import snapshot
from apps.sandbox.server import LOOPBACK, SandboxServer
from apps.sandbox.store import Store
from tests.sandbox.test_server import ended, free_port, ready, start
from tests.sandbox.wire import PASSWORD, ROOM, SERVICE, envelope, sync

PAGES = ("/", "/outlook/", "/control/clock", "/requests", "/faults")


def send(server: SandboxServer, method: str, path: str, **headers: str) -> requests.Response:
    body = "{}" if headers.get("Content-Type") == "application/json" else None
    return requests.request(method, f"{server.url}{path}", headers=headers, data=body, timeout=10)


@pytest.mark.parametrize("path", PAGES)
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example", "", "[", "10.0.0.1:80"])
def test_another_name_is_refused(server: SandboxServer, path: str, host: str) -> None:
    answer = send(server, "GET", path, Host=host)

    assert answer.status_code == 403
    assert "this machine alone" in answer.json()["error"]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:{port}", "[::1]:{port}", "LOCALHOST"])
def test_loopbacks_own_names_are_answered(server: SandboxServer, host: str) -> None:
    assert send(server, "GET", "/", Host=host.format(port=server.port)).status_code == 200


@pytest.mark.parametrize(
    "told",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1:1"},
        {"Referer": "https://evil.example/page"},
        {"Referer": "http://127.0.0.1:1/"},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/control/reset"),
        ("POST", f"/outlook/{ROOM}/new"),
        ("POST", "/faults"),
        ("DELETE", "/faults"),
        ("DELETE", "/requests"),
        ("POST", "/EWS/Exchange.asmx"),
    ],
)
def test_other_sites_pages_change_nothing(
    server: SandboxServer, method: str, path: str, told: dict[str, str]
) -> None:
    answer = send(server, method, path, **told, **{"Content-Type": "application/json"})

    assert answer.status_code == 403
    assert "another site" in answer.json()["error"]
    assert server.store.organisations


def test_its_own_pages_may_post(server: SandboxServer) -> None:
    told = {"Origin": server.url, "Referer": f"{server.url}/", "Content-Type": "application/json"}

    assert send(server, "POST", "/control/clock", **told).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded"])
def test_control_takes_json_alone(server: SandboxServer, kind: str) -> None:
    answer = send(server, "POST", "/control/reset", **{"Content-Type": kind})

    assert answer.status_code == 415
    assert server.store.organisations


def test_ews_under_the_name_of_its_organisation_asks_for_a_password(server: SandboxServer) -> None:
    """Where a domain's name is made to lead here, as a real one's would."""
    headers = {"Host": "mail.harbour.example"}
    body = envelope(sync())

    refused = requests.post(server.ews_url, body, headers=headers, timeout=10)
    answer = requests.post(
        server.ews_url, body, headers=headers, auth=(SERVICE, PASSWORD), timeout=10
    )

    assert (refused.status_code, answer.status_code) == (401, 200)


def test_it_listens_on_loopback_alone(server: SandboxServer) -> None:
    assert server.url == f"http://{LOOPBACK}:{server.port}"


def test_the_address_to_type_is_that_of_this_start(tmp_path: Path) -> None:
    store = Store()
    store.add_organisation(domain="x.example", name="X", server="http://127.0.0.1:1", time_zone="UTC")  # fmt: skip
    snapshot.save(store, tmp_path / "sandbox.json")
    port = free_port()
    process = start(tmp_path, port)
    try:
        ready(process)
        process.terminate()
        assert ended(process) == (0, "")
    finally:
        process.kill()

    again = Store()
    snapshot.load(tmp_path / "sandbox.json", again)

    assert again.organisation("x.example").server == f"http://127.0.0.1:{port}"
