"""The embedded PostgreSQL starts wherever it is asked to, survives what happens to machines."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from optixsync import embedded_postgres


@pytest.fixture
def data(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A data directory that is not there yet, in a folder that the server's user may enter."""
    # A fast server may lose what a killed one had not written yet.
    monkeypatch.delenv("EMBEDDED_POSTGRES_FAST", raising=False)
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "pg"
        yield path
        embedded_postgres.delete(path)


def write(url: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")


def read(url: str) -> object:
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT answer FROM kept").fetchone()
    return row and row[0]


def server_pid(data: Path) -> int:
    return int((data / "postmaster.pid").read_text().splitlines()[0])


def test_data_outlives_a_stop(data: Path) -> None:
    write(embedded_postgres.ensure(data))

    assert embedded_postgres.stop(data)

    assert not embedded_postgres.stop(data)
    assert read(embedded_postgres.ensure(data)) == 42


def test_address_is_known_before_the_start(data: Path) -> None:
    assert embedded_postgres.url(data) == embedded_postgres.ensure(data)


def test_killed_server_comes_up_again(data: Path) -> None:
    write(embedded_postgres.ensure(data))
    os.kill(server_pid(data), signal.SIGKILL)
    time.sleep(0.2)

    assert read(embedded_postgres.ensure(data)) == 42


def test_number_of_a_dead_server_that_is_another_programs_is_no_hindrance(data: Path) -> None:
    url = embedded_postgres.ensure(data)
    write(url)
    traces = (data / "postmaster.pid").read_text().splitlines()
    embedded_postgres.stop(data)
    (data / "postmaster.pid").write_text("\n".join([str(os.getpid()), *traces[1:]]) + "\n")

    assert read(embedded_postgres.ensure(data)) == 42


def test_six_at_once_get_one_server(data: Path) -> None:
    command = [sys.executable, "-m", "optixsync.embedded_postgres", "start", str(data)]

    def start(_: int) -> subprocess.CompletedProcess[bytes]:
        return subprocess.run(command, capture_output=True, check=False)

    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(start, range(6)))

    assert [result.returncode for result in results] == [0] * 6
    assert len({result.stdout for result in results}) == 1


def test_space_in_the_path_is_no_hindrance(data: Path) -> None:
    spaced = data.parent / "my rooms" / "pg"
    try:
        write(embedded_postgres.ensure(spaced))

        assert read(embedded_postgres.url(spaced)) == 42
    finally:
        embedded_postgres.delete(spaced)


def test_killed_initdb_leaves_nothing_in_the_way(data: Path) -> None:
    data.mkdir()

    write(embedded_postgres.ensure(data))

    assert [path.name for path in data.parent.iterdir() if path.name.startswith(".new-")] == []


def test_private_home_is_not_opened_for_the_server(data: Path) -> None:
    home = data.parent / "home"
    home.mkdir(mode=0o700)
    private = home / "var" / "pg"
    try:
        write(embedded_postgres.ensure(private))

        assert home.stat().st_mode & 0o777 == 0o700
        assert read(embedded_postgres.url(private)) == 42
    finally:
        elsewhere = embedded_postgres._home(private)
        embedded_postgres.delete(private)
    assert not (elsewhere / "pg").exists()
    assert elsewhere in private.parents or not elsewhere.exists()


def test_no_folder_stays_of_what_is_deleted(data: Path) -> None:
    long = data.parent / ("long" * 20) / "pg"
    socket = embedded_postgres._socket_folder(long)
    embedded_postgres.ensure(long)
    assert socket.exists()

    embedded_postgres.delete(long)

    assert not long.exists()
    assert not socket.exists()


def test_only_its_owner_enters_the_data(data: Path) -> None:
    embedded_postgres.ensure(data)

    assert data.stat().st_mode & 0o077 == 0
