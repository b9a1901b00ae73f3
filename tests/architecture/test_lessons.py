"""docs/lessons.md names tests; each of them exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

BASE_DIR = Path(__file__).resolve().parent.parent.parent
NAMED = re.findall(r"`(tests/[\w/.]+\.py)::(\w+)`", (BASE_DIR / "docs" / "lessons.md").read_text())


def functions(path: Path) -> set[str]:
    tree = ast.parse(path.read_text())
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED)))
def test_lesson_is_shown_by_a_test_that_exists(path: str, name: str) -> None:
    assert (BASE_DIR / path).exists(), f"{path} is gone"
    assert name in functions(BASE_DIR / path)


def test_every_lesson_names_a_test() -> None:
    rows = (BASE_DIR / "docs" / "lessons.md").read_text().split("|---|---|\n")[1].splitlines()

    assert rows
    assert [row for row in rows if "::test_" not in row] == []
