"""`make check`: all that is looked at without running the product, each by name."""

from __future__ import annotations

import os
import subprocess
import sys
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
    templates = [str(path) for path in sorted((BASE_DIR / "templates").rglob("*.html"))]
    manage = [sys.executable, "manage.py"]
    return [
        ("ruff check", [str(BIN / "ruff"), "check", "-q", "."]),
        ("ruff format", [str(BIN / "ruff"), "format", "--check", "-q", "."]),
        ("mypy", [str(BIN / "mypy")]),
        ("import-linter", [str(BIN / "lint-imports"), "--no-cache"]),
        ("production settings", [*manage, "check", "--deploy", "--fail-level", "WARNING"]),
        ("migrations", [*manage, "makemigrations", "--check", "--dry-run"]),
        ("djlint", [str(BIN / "djlint"), "--lint", "--quiet", "templates"]),
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
        failed = [name for name, command in commands() if not _passes(name, command, env)]
    finally:
        if own:
            embedded_postgres.stop(data)
    if failed:
        print("Failed: " + ", ".join(failed))  # noqa: T201
    return len(failed)


def _passes(name: str, command: list[str], env: dict[str, str]) -> bool:
    result = subprocess.run(
        command,
        cwd=BASE_DIR,
        env=env,
        check=False,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    print(f"{name}: {'ok' if result.returncode == 0 else 'FAILED'}", flush=True)  # noqa: T201
    if result.returncode:
        print(result.stdout)  # noqa: T201
    return result.returncode == 0


if __name__ == "__main__":
    sys.exit(main())
