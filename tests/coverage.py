"""`make coverage`: every branch of what decides is taken by a test, or this fails."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

BASE_DIR = Path(__file__).resolve().parent.parent
# What decides, and touches nothing: each line and each branch is worth a test of its own.
MODULES = (
    "apps/exchange/recurrence.py",
    "apps/exchange/ews/mapping.py",
    "apps/sync/disputes.py",
    "apps/sync/draft.py",
    "apps/sync/fingerprint.py",
    "apps/sync/guard.py",
    "apps/sync/linked.py",
    "apps/sync/mapping.py",
    "apps/sync/overlaps.py",
    "apps/sync/pairing.py",
    "apps/sync/planner.py",
    "apps/sync/table.py",
    "apps/sync/unlinked.py",
)
# The tests that are about these modules, none of which needs a database; what others happen to pass
# through does not count.
TESTS = (
    "tests/exchange/test_recurrence.py",
    "tests/exchange/test_recurrence_laws.py",
    "tests/exchange/ews/test_mapping.py",
    "tests/exchange/ews/test_series.py",
    "tests/sync/test_guard.py",
    "tests/sync/test_mapping.py",
    "tests/sync/test_overlaps.py",
    "tests/sync/test_pairing.py",
    "tests/sync/test_planner.py",
    "tests/sync/test_planner_laws.py",
    "tests/sync/test_table.py",
)


def there(paths: tuple[str, ...]) -> list[str]:
    return [path for path in paths if (BASE_DIR / path).exists()]


def main() -> int:
    env = {**os.environ, "PYTHONPATH": str(BASE_DIR), "COVERAGE_FILE": "var/coverage"}
    (BASE_DIR / "var").mkdir(exist_ok=True)
    for command in (
        ["run", "--branch", "-m", "pytest", "-q", *there(TESTS)],
        ["report", f"--include={','.join(there(MODULES))}", "--show-missing", "--fail-under=100"],
    ):
        failed = subprocess.run(
            [sys.executable, "-m", "coverage", *command], cwd=BASE_DIR, env=env, check=False
        ).returncode
        if failed:
            return failed
    return 0


if __name__ == "__main__":
    sys.exit(main())
