"""`make check`: all that is looked at without running the product, each by name, some at once."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from optixsync import embedded_postgres

BASE_DIR = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
PRODUCTION = {
    "DJANGO_SECRET_KEY": "only-for-this-check-" + "0123456789abcdefghijklmnopqrstuvwxyz" * 2,
    "FIELD_ENCRYPTION_KEYS": "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
    "PUBLIC_URL": "https://optixsync.example",
    "ALLOWED_HOSTS": "optixsync.example",
    "EMAIL_URL": "smtp://mail.example:25",
}


def commands() -> list[tuple[str, list[str]]]:
    """Each by its name; the slow ones first, since some run at once."""
    templates = [str(path) for path in sorted((BASE_DIR / "templates").rglob("*.html"))]
    manage = [sys.executable, "manage.py"]
    return [
        ("mypy", [str(BIN / "mypy")]),
        ("import-linter", [str(BIN / "lint-imports"), "--no-cache"]),
        ("production settings", [*manage, "check", "--deploy", "--fail-level", "WARNING"]),
        ("migrations", [*manage, "makemigrations", "--check", "--dry-run"]),
        ("djlint", [str(BIN / "djlint"), "--lint", "--quiet", "templates"]),
        ("ruff check", [str(BIN / "ruff"), "check", "-q", "."]),
        ("ruff format", [str(BIN / "ruff"), "format", "--check", "-q", "."]),
        ("djade", [str(BIN / "djade"), "--check", "--target-version", "5.2", *templates]),
    ]


def main() -> int:
    data = BASE_DIR / "var" / "pg-check"
    own = not os.environ.get("DATABASE_URL")
    env = {**os.environ, **PRODUCTION}
    if own:
        os.environ["EMBEDDED_POSTGRES_FAST"] = "1"
        env["DATABASE_URL"] = embedded_postgres.ensure(data)
    try:
        with ThreadPoolExecutor(os.cpu_count()) as at_once:
            passed = list(at_once.map(partial(_passes, env=env), commands()))
    finally:
        if own:
            embedded_postgres.stop(data)
    failed = [name for (name, _), is_good in zip(commands(), passed, strict=True) if not is_good]
    if failed:
        print("Failed: " + ", ".join(failed))  # noqa: T201
    return len(failed)


def _passes(named: tuple[str, list[str]], env: dict[str, str]) -> bool:
    name, command = named
    result = subprocess.run(
        command,
        cwd=BASE_DIR,
        env=env,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    said = f"{name}: ok\n" if result.returncode == 0 else f"{name}: FAILED\n{result.stdout}\n"
    # In one piece: another thread prints, too.
    sys.stdout.write(said)
    sys.stdout.flush()
    return result.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
