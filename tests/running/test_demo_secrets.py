"""The demo's own keys are made once, and a file of an earlier version gains what it lacks."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from optixsync import demo

NAMES = {
    "DJANGO_SECRET_KEY",
    "INSTALLATION_ID",
    "FIELD_ENCRYPTION_KEYS",
    "MICROSOFT_CLIENT_ID",
    "MICROSOFT_CLIENT_SECRET",
    "MICROSOFT_SECRET_EXPIRES_ON",
}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "demo-secrets"
    monkeypatch.setattr(demo, "SECRETS", path)
    return path


def test_keys_are_made_once_for_their_owner_alone(file: Path) -> None:
    made = demo.generated_secrets()

    assert made.keys() == NAMES
    Fernet(made["FIELD_ENCRYPTION_KEYS"])
    assert demo.generated_secrets() == made
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_file_of_an_earlier_version_gains_the_missing_key(file: Path) -> None:
    file.write_text("DJANGO_SECRET_KEY=old\nINSTALLATION_ID=older\n")

    made = demo.generated_secrets()

    assert (made["DJANGO_SECRET_KEY"], made["INSTALLATION_ID"]) == ("old", "older")
    assert made.keys() == NAMES
    assert demo.generated_secrets() == made
