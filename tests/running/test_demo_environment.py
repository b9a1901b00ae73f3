"""What the demo tells its processes: the product and the sandbox know one registration, on the ports of this start."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from optixsync import demo


@pytest.fixture(autouse=True)
def _own_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "SECRETS", tmp_path / "demo-secrets")
    monkeypatch.setattr(os, "environ", {"PATH": os.environ["PATH"]})


def test_client_id_secret_and_redirect_addresses_follow_the_ports() -> None:
    demo.set_environment(8001, 8026)

    told = os.environ
    assert told["SANDBOX_CLIENT_ID"] == told["MICROSOFT_CLIENT_ID"]
    assert told["SANDBOX_CLIENT_SECRET"] == told["MICROSOFT_CLIENT_SECRET"]
    assert told["SANDBOX_REDIRECT_URI"].split(",") == [
        "http://127.0.0.1:8001/accounts/microsoft/login/callback/",
        "http://127.0.0.1:8001/accounts/microsoft/consent/",
    ]
    assert told["MICROSOFT_LOGIN_URL"] == "http://127.0.0.1:8026/login"
    assert told["MICROSOFT_GRAPH_URL"] == "http://127.0.0.1:8026/graph"
    assert told["MICROSOFT_EWS_URL"] == "http://127.0.0.1:8026/EWS/Exchange.asmx"


def test_another_public_address_is_registered_in_place_of_loopback() -> None:
    os.environ["PUBLIC_URL"] = "https://rooms.example/"

    demo.set_environment(8001, 8026)

    assert os.environ["SANDBOX_REDIRECT_URI"].startswith("https://rooms.example/accounts/")


def test_the_secret_ends_on_the_day_that_the_product_is_told() -> None:
    demo.set_environment(8001, 8026)

    end = dt.date.fromisoformat(os.environ["SANDBOX_SECRET_EXPIRES_ON"])
    assert end > dt.datetime.now(dt.UTC).date()
    assert os.environ["MICROSOFT_SECRET_EXPIRES_ON"] == end.isoformat()


def test_a_command_about_the_demo_has_its_keys_and_its_ports(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(os, "execv", lambda _program, arguments: ran.append(arguments))
    monkeypatch.setattr(demo, "running_demo", lambda: 1)
    os.environ["SANDBOX_PORT"] = "8026"

    demo.main(["manage", "check_exchange", "--json"])

    assert ran[0][-2:] == ["check_exchange", "--json"]
    assert os.environ["FIELD_ENCRYPTION_KEYS"]
    assert os.environ["MICROSOFT_LOGIN_URL"] == "http://127.0.0.1:8026/login"


def test_a_command_without_a_demo_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(demo, "running_demo", lambda: None)

    with pytest.raises(SystemExit, match="No demo runs"):
        demo.main(["manage", "check_exchange"])
