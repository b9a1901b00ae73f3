"""Every command of ours is run by a test, as somebody would run it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

BASE_DIR = Path(__file__).resolve().parent.parent.parent
COMMANDS = sorted(
    path.stem
    for folder in ("apps", "optixsync")
    for path in (BASE_DIR / folder).rglob("management/commands/*.py")
    if path.stem != "__init__"
)
TESTS = "\n".join(path.read_text() for path in sorted((BASE_DIR / "tests").rglob("*.py")))


def test_commands_are_found() -> None:
    assert {"worker", "listener", "sync_calendars", "check_exchange"} <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_command_is_run_by_a_test(command: str) -> None:
    called = rf'call_command\(\s*"{command}"'
    started = rf'"manage\.py",\s*"{command}"'
    one_of_some = (
        rf'for command in \([^)]*"{command}"[^)]*\):\s*(with [^\n]*\n\s*)?call_command\(command'
    )

    assert re.search(f"{called}|{started}|{one_of_some}", TESTS), f"No test runs {command}."
