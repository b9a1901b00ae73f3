"""A mail server as a process of its own, for benchmarks to fill and to count."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

BASE_DIR = Path(__file__).resolve().parent.parent
DOMAIN, ACCOUNT, PASSWORD = "bench.example", "svc@bench.example", "Tide: Table, 1888"


@dataclass(frozen=True)
class Sandbox:
    url: str

    @property
    def ews_url(self) -> str:
        return f"{self.url}/EWS/Exchange.asmx"

    def control(self, verb: str, **given: Any) -> Any:
        return self._ask("POST", f"/control/{verb}", given)

    def forget_requests(self) -> None:
        self._ask("DELETE", "/requests")

    def requests(self) -> list[str]:
        """The operations asked for since they were forgotten, by requests that came over the line."""
        asked = self._ask("GET", "/requests")["requests"]
        return [line["operation"] for line in asked if not line["in_batch"]]

    def _ask(self, method: str, path: str, given: Any = None) -> Any:
        body = None if given is None else json.dumps(given).encode()
        kind = {"Content-Type": "application/json"}
        request = urllib.request.Request(self.url + path, body, kind, method=method)  # noqa: S310 -- loopback
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            content = answer.read()
        return json.loads(content) if content else None


@contextmanager
def running() -> Iterator[Sandbox]:
    """Serve on a free port, with an organisation and a service account; gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "SANDBOX_PORT": "0", "OPTIXSYNC_VAR_DIR": folder}
        process = subprocess.Popen(
            [sys.executable, "-m", "apps.sandbox"], cwd=BASE_DIR, env=env, stdout=subprocess.PIPE
        )
        try:
            assert process.stdout is not None  # noqa: S101 -- a pipe was asked for
            ready = process.stdout.readline().decode()
            sandbox = Sandbox(ready.split()[1].rstrip("/"))
            sandbox.control("reset")
            sandbox.control("organisation", domain=DOMAIN, server=sandbox.url)
            sandbox.control(
                "account", domain=DOMAIN, name=ACCOUNT, password=PASSWORD, impersonates=["room"]
            )
            yield sandbox
        finally:
            process.terminate()
            process.wait(timeout=30)


def wait_for(condition: Any, seconds: float = 60) -> float:
    """Seconds until it is so.

    Raises:
        TimeoutError: it did not come to be.
    """
    began = time.perf_counter()
    while not condition():
        if time.perf_counter() - began > seconds:
            raise TimeoutError("It did not come to be in time.")
        time.sleep(0.01)
    return time.perf_counter() - began
