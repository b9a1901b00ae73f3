"""The product whole, on the database of the tests: a worker, a listener and a small Exchange as processes of their own.

The web server is the live server of the tests. Nothing stands in for anything: what a page asks for is done by the
worker, and what happens in Outlook is heard by the listener.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Any

from django.core.management import call_command
from django.db import connection

from tests.conftest import ENCRYPTION_KEY

BASE_DIR = Path(__file__).resolve().parents[2]
STARTS_WITHIN_S = 40


@contextmanager
def running(folder: Path, settings: Any) -> Iterator[str]:
    """Start all three, and end them; the address of Exchange's pages. `settings`: those of the live server."""
    port = _free_port()
    exchange = f"http://127.0.0.1:{port}"
    names = {
        "EXCHANGE_ALLOWED_NETWORKS": "127.0.0.0/8",
        "EXCHANGE_ALLOW_PLAIN_HTTP_TO": f"127.0.0.1:{port}",
        "EXCHANGE_AUTODISCOVER_HOSTS": f"alster.example={exchange}",
    }
    settings.EXCHANGE_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = [f"127.0.0.1:{port}"]
    settings.EXCHANGE_AUTODISCOVER_HOSTS = {"alster.example": exchange}
    # The processes share a cache in the database, as they do where there is no Redis.
    call_command("createcachetable", "django_cache", verbosity=0)
    call_command("setup_schedules", verbosity=0)
    env = {
        **os.environ,
        **names,
        "DATABASE_URL": _database_url(),
        "FIELD_ENCRYPTION_KEYS": ENCRYPTION_KEY,
        "OPTIXSYNC_VAR_DIR": str(folder),
        "SANDBOX_PORT": str(port),
        "WORKERS": "1",
        "WORKER_STOP_S": "4",
    }
    with ExitStack() as stack:
        log = stack.enter_context((folder / "log").open("wb"))
        for command in (["-m", "apps.sandbox"], ["manage.py", "worker"], ["manage.py", "listener"]):
            stack.enter_context(_process(command, env, log))
        _wait_for(f"{exchange}/healthz")
        yield exchange


@contextmanager
def _process(command: list[str], env: dict[str, str], log: IO[bytes]) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, *command], cwd=BASE_DIR, env=env, stdout=log, stderr=log
    )
    try:
        yield
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(address: str) -> None:
    """Until it answers; what does not listen yet refuses at once."""
    for _second in range(STARTS_WITHIN_S):
        try:
            with urllib.request.urlopen(address, timeout=5):  # noqa: S310 -- ours
                return
        except OSError:
            time.sleep(1)
    raise AssertionError(f"{address} did not answer within {STARTS_WITHIN_S} s")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _database_url() -> str:
    """The address of the database that the tests are on."""
    found = connection.settings_dict
    if not found["HOST"]:
        return f"postgresql://postgres@/{found['NAME']}?host={found['OPTIONS'].get('host', '')}"
    who = f"{found['USER']}:{found['PASSWORD']}"
    return f"postgresql://{who}@{found['HOST']}:{found['PORT'] or 5432}/{found['NAME']}"
