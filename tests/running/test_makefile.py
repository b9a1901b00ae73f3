"""A machine that lacks something is told what, before anything is made."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

BASE_DIR = Path(__file__).resolve().parent.parent.parent
PYTHONS = ("python3", "python3.11", "python3.12", "python3.13", "python3.14")


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("exit 1", "needs Python 3.11 or newer, and found none"),
        (
            'case "$2" in *version_info*) exit 0;; *) exit 1;; esac',
            "lacks its venv module. Install it (Debian, Ubuntu: apt install python3-venv)",
        ),
    ],
    ids=["no python", "no venv module"],
)
def test_what_is_missing_is_told_in_words(tmp_path: Path, script: str, words: str) -> None:
    shutil.copy(BASE_DIR / "Makefile", tmp_path)
    (tmp_path / "requirements.txt").touch()
    programs = tmp_path / "bin"
    programs.mkdir()
    for name in PYTHONS:
        program = programs / name
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)

    result = subprocess.run(
        ["make", "install"],
        cwd=tmp_path,
        env={"PATH": f"{programs}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode != 0
    assert words in result.stderr
    assert not (tmp_path / ".venv").exists()


def test_help_names_every_target() -> None:
    result = subprocess.run(
        ["make", "help"], cwd=BASE_DIR, capture_output=True, text=True, check=True
    )

    for target in ("install", "demo", "demo-reset", "test", "check", "bench", "stop", "stop-db"):
        assert f"make {target} " in result.stdout
