"""`make demo` starts whole, ends whole, keeps its data, and says what is in its way."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from optixsync import embedded_postgres

BASE_DIR = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def var(tmp_path: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder) / "var"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def environment(var: Path, **more: str) -> dict[str, str]:
    left_out = {"DATABASE_URL", "DJANGO_SETTINGS_MODULE", "EMBEDDED_POSTGRES_DIR"}
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return {
        **kept,
        "OPTIXSYNC_VAR_DIR": str(var),
        "SANDBOX_PORT": str(free_port()),
        **more,
    }


def demo(env: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "optixsync.demo", *arguments],
        cwd=BASE_DIR,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


class RunningDemo:
    """A demo in a session of its own, as in a terminal."""

    def __init__(self, var: Path, port: int, sandbox: int) -> None:
        self.log = var.parent / "demo.log"
        self.log.touch()
        with self.log.open("w") as sink:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "optixsync.demo"],
                cwd=BASE_DIR,
                env=environment(var, PORT=str(port), SANDBOX_PORT=str(sandbox)),
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )

    def wait_until_ready(self) -> list[str]:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and self.process.poll() is None:
            lines = self.log.read_text().splitlines()
            ready = [line for line in lines if line.startswith("ready: ")]
            if len(ready) > 1:
                return ready
            time.sleep(0.1)
        pytest.fail(f"not ready: {self.log.read_text()}")

    def end(self, number: int) -> int:
        os.killpg(self.process.pid, number)
        return self.process.wait(timeout=30)


@contextlib.contextmanager
def connected(var: Path) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """The demo's own database."""
    with psycopg.connect(embedded_postgres.url(var / "pg")) as connection:
        yield connection


def processes_of(var: Path) -> list[str]:
    """Whatever still runs with this demo's folder in its environment or command line."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            told = (process / "environ").read_bytes() + (process / "cmdline").read_bytes()
        except OSError:
            continue
        if os.fsencode(var) in told and int(process.name) != os.getpid():
            found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


def test_demo_starts_ends_and_keeps_its_data(var: Path) -> None:
    port, sandbox = free_port(), free_port()
    first = RunningDemo(var, port, sandbox)
    try:
        assert first.wait_until_ready() == [
            f"ready: http://127.0.0.1:{port}/admin/  sign in as admin@example.com / demo",
            f"ready: http://127.0.0.1:{sandbox}/  Outlook, and what to type when installing",
        ]
        with urllib.request.urlopen(f"http://127.0.0.1:{sandbox}/") as page:
            assert "svc-optixsync@harbour.example" in page.read().decode()
        with connected(var) as rows:
            assert rows.execute(
                "SELECT state, count(*) FROM sync_calendarlink GROUP BY 1"
            ).fetchall() == [("in_sync", 10)]
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/admin/") as page:
            assert "Sign in" in page.read().decode() or page.status == 200
        second_try = demo(environment(var, PORT=str(free_port())))
        assert "The demo runs already" in second_try.stderr
    finally:
        status = first.end(signal.SIGINT)

    assert status == 0
    assert processes_of(var) == []
    secrets = (var / "demo-secrets").read_text()
    assert (var / "demo-secrets").stat().st_mode & 0o077 == 0

    again = RunningDemo(var, port, sandbox)
    try:
        again.wait_until_ready()
        assert "Demo data filled in" not in again.log.read_text()
        assert (var / "demo-secrets").read_text() == secrets
    finally:
        again.end(signal.SIGTERM)
    assert processes_of(var) == []

    assert demo(environment(var), "reset").returncode == 0
    assert not (var / "pg").exists()
    assert not list(var.glob("sandbox*"))


def test_both_ports_must_differ(var: Path) -> None:
    result = demo(environment(var, PORT="8123", SANDBOX_PORT="8123"))

    assert result.returncode == 1
    assert "two different numbers" in result.stderr


def test_taken_port_is_told_in_words(var: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        result = demo(environment(var, PORT=str(port)))

    assert result.returncode == 1
    assert f"Port {port} cannot be used" in result.stderr
    assert f"make demo PORT={port + 1}" in result.stderr


def test_port_that_is_no_number_is_told_in_words(var: Path) -> None:
    result = demo(environment(var, PORT="eighty"))

    assert result.returncode == 1
    assert "PORT is “eighty”, which is no port" in result.stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://someone:open-sesame@127.0.0.1:1/rooms", "cannot be used"),
        ("mysql://someone:open-sesame@127.0.0.1/rooms", "names no PostgreSQL server"),
        ("open-sesame", "names no PostgreSQL server"),
        ("postgresql://someone:open-sesame@127.0.0.1:port/rooms", "cannot be used"),
    ],
)
def test_unusable_database_is_told_without_its_password(var: Path, url: str, words: str) -> None:
    result = demo(environment(var, PORT=str(free_port()), DATABASE_URL=url))

    assert result.returncode == 1
    assert words in result.stderr
    assert "open-sesame" not in result.stderr + result.stdout


def test_stop_without_a_demo_says_so(var: Path) -> None:
    assert "No demo runs" in demo(environment(var), "stop").stdout
