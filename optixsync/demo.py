"""`make demo`: the product with demo tenants on loopback, started whole and stopped whole.

Web, worker, listener and a small Exchange run under honcho; this process prepares the database
before them, connects the demo's rooms when they answer, and stops the embedded PostgreSQL after
them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import re
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import psycopg
from cryptography.fernet import Fernet

from optixsync import embedded_postgres

if TYPE_CHECKING:
    from types import FrameType

BASE_DIR = Path(__file__).resolve().parent.parent
VAR_DIR = Path(os.environ.get("OPTIXSYNC_VAR_DIR") or BASE_DIR / "var")
PID_FILE = VAR_DIR / "demo.pid"
SECRETS = VAR_DIR / "demo-secrets"
# What the Procfile runs, and the Exchange that stands in for a real one.
PROCFILE = VAR_DIR / "Procfile"
SANDBOX = "sandbox: exec python -m apps.sandbox >/dev/null\n"
SANDBOX_PORT = 8025
# Where Microsoft's pages send the browser back to: after a sign-in, and after an admin's consent.
REDIRECT_PATHS = ("/accounts/microsoft/login/callback/", "/accounts/microsoft/consent/")
SECRET_LASTS = dt.timedelta(days=180)
READY_SECONDS = 60
LAST_PORT = 65535
ACCOUNT = "admin@example.com / demo"


def say(words: str) -> None:
    print(words, flush=True)  # noqa: T201 -- the terminal is where the demo speaks


def refuse(words: str) -> NoReturn:
    """End with a sentence on standard error."""
    sys.exit(words)


# --- Before anything is touched -------------------------------------------------------------


def port_from_environment(name: str, default: int) -> int:
    given = os.environ.get(name) or str(default)
    if not given.isdigit() or not 1 <= int(given) <= LAST_PORT:
        refuse(
            f"{name} is “{given}”, which is no port. Use a number, such as: "
            f"make demo {name}={default + 1}"
        )
    return int(given)


def refuse_taken_port(name: str, port: int) -> None:
    with socket.socket() as probe:
        # As servers do, so that a demo stopped a second ago does not look like one that runs.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            refuse(
                f"Port {port} cannot be used: {error.strerror}. Stop what uses it, or choose "
                f"another one, such as: make demo {name}={port + 1}"
            )


def running_demo() -> int | None:
    """The process of a demo from this folder, if one runs."""
    try:
        pid = int(PID_FILE.read_text())
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except (OSError, ValueError):
        return None
    return pid if b"optixsync.demo" in command else None


def refuse_second_demo() -> None:
    if pid := running_demo():
        refuse(f"The demo runs already, as process {pid}. End it first: make stop")


def refuse_unusable_database(url: str) -> None:
    """Say why the server of DATABASE_URL cannot be used, never its password."""
    if not url.startswith(("postgres://", "postgresql://")):
        kind = url.partition(":")[0] if "://" in url else url[:0]
        refuse(
            f"DATABASE_URL names no PostgreSQL server (it begins with “{kind}”). "
            "Use postgresql://USER:PASSWORD@HOST:PORT/DATABASE, or unset it to use the "
            "embedded PostgreSQL."
        )
    try:
        psycopg.connect(url, connect_timeout=5).close()
    except (psycopg.Error, ValueError) as error:
        reason = without_password(str(error).strip(), url)
        refuse(
            f"The PostgreSQL server of DATABASE_URL cannot be used: {reason}\n"
            "Mend the address or start that server, or unset DATABASE_URL to use the embedded "
            "PostgreSQL."
        )


def without_password(words: str, url: str) -> str:
    """The driver's words, without the secret part of the address."""
    found = re.search(r"://[^:/@]*:(.*)@", url)
    words = words.replace(url, "the address")
    return words.replace(found.group(1), "…") if found and found.group(1) else words


# --- Surroundings ---------------------------------------------------------------------------


def generated_secrets() -> dict[str, str]:
    """The demo's own keys, each made once, all readable by their owner alone."""
    made = {
        "DJANGO_SECRET_KEY": secrets.token_urlsafe(50),
        "INSTALLATION_ID": secrets.token_hex(16),
        "FIELD_ENCRYPTION_KEYS": Fernet.generate_key().decode(),
        "MICROSOFT_CLIENT_ID": str(uuid.uuid4()),
        "MICROSOFT_CLIENT_SECRET": secrets.token_urlsafe(30),
        "MICROSOFT_SECRET_EXPIRES_ON": f"{dt.datetime.now(dt.UTC) + SECRET_LASTS:%Y-%m-%d}",
    }
    descriptor = os.open(SECRETS, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "r+") as file:
        # A file that an earlier version made lacks what was not needed then.
        kept = dict(line.split("=", 1) for line in file.read().splitlines() if "=" in line)
        missing = {name: value for name, value in made.items() if name not in kept}
        file.writelines(f"{name}={value}\n" for name, value in missing.items())
    return {**kept, **missing}


def set_environment(port: int, sandbox: int) -> None:
    exchange = f"127.0.0.1:{sandbox}"
    defaults = {
        **generated_secrets(),
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        # A real Exchange has a public address and TLS; this one is on loopback.
        "EXCHANGE_ALLOWED_NETWORKS": "public,127.0.0.0/8",
        "EXCHANGE_ALLOW_PLAIN_HTTP_TO": exchange,
        "EXCHANGE_AUTODISCOVER_HOSTS": ",".join(
            f"{domain}=http://{exchange}" for domain in ("harbour.example", "alster.example")
        ),
        # What Microsoft has under three names, the sandbox has under one.
        "MICROSOFT_LOGIN_URL": f"http://{exchange}/login",
        "MICROSOFT_GRAPH_URL": f"http://{exchange}/graph",
        "MICROSOFT_EWS_URL": f"http://{exchange}/EWS/Exchange.asmx",
        # It calls us on this machine, so it needs no TLS.
        "MICROSOFT_NOTIFICATION_URL": f"http://127.0.0.1:{port}",
        "EMAIL_URL": f"filemail://{VAR_DIR / 'mails'}",
        "LOG_LEVEL": "WARNING",
        "WORKER_STOP_S": "4",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    os.environ.update(
        DEMO="1",
        PORT=str(port),
        SANDBOX_PORT=str(sandbox),
        # The sandbox knows the product as Microsoft would: by what was registered there.
        SANDBOX_CLIENT_ID=os.environ["MICROSOFT_CLIENT_ID"],
        SANDBOX_CLIENT_SECRET=os.environ["MICROSOFT_CLIENT_SECRET"],
        SANDBOX_SECRET_EXPIRES_ON=os.environ["MICROSOFT_SECRET_EXPIRES_ON"],
        SANDBOX_REDIRECT_URI=",".join(
            f"{os.environ['PUBLIC_URL'].rstrip('/')}{path}" for path in REDIRECT_PATHS
        ),
        OPTIXSYNC_VAR_DIR=str(VAR_DIR),
        PYTHONUNBUFFERED="1",
        DJANGO_SETTINGS_MODULE="optixsync.settings",
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}",
    )


def prepare() -> None:
    """Bring the database to the present schema, fill it once, and gather the static files."""
    import django  # noqa: PLC0415 -- the settings read the environment made above
    from django.core.management import CommandError, call_command  # noqa: PLC0415

    if not (VAR_DIR / "static" / "staticfiles.json").exists() or static_files_are_newer():
        collect_static()
    django.setup()
    try:
        call_command("demo_check")
        call_command("migrate", verbosity=0, interactive=False)
        call_command("createcachetable", verbosity=0)
        call_command("demo_data", verbosity=0, stdout=sys.stderr)
    except CommandError as error:
        refuse(str(error))
    finally:
        from django.db import connections  # noqa: PLC0415

        connections.close_all()


def static_files_are_newer() -> bool:
    gathered = (VAR_DIR / "static" / "staticfiles.json").stat().st_mtime
    sources = [BASE_DIR / "requirements.txt", *(BASE_DIR / "static").rglob("*")]
    return any(source.stat().st_mtime > gathered for source in sources)


def collect_static() -> None:
    """In a process of its own: whether the manifest exists is read once, with the settings."""
    subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        cwd=BASE_DIR,
        check=True,
    )


# --- Running --------------------------------------------------------------------------------


def start_processes() -> subprocess.Popen[bytes]:
    """All under honcho, in a group of their own: we tell honcho when to end them."""
    PROCFILE.write_text((BASE_DIR / "Procfile").read_text() + SANDBOX)
    return subprocess.Popen(  # noqa: S603 -- our own command
        [
            *(sys.executable, "-m", "honcho", "--no-colour"),
            *("-d", str(BASE_DIR), "-f", str(PROCFILE), "start", "--no-prefix"),
        ],
        cwd=BASE_DIR,
        start_new_session=True,
    )


def wait_until_ready(processes: subprocess.Popen[bytes], port: int, sandbox: int) -> None:
    """Until all answer, and the rooms that the demo connects are in sync."""
    deadline = time.monotonic() + READY_SECONDS
    addresses = (
        f"http://127.0.0.1:{port}/healthz/",
        f"http://127.0.0.1:{sandbox}/healthz",
    )
    while time.monotonic() < deadline:
        if processes.poll() is not None:
            refuse("A process ended before all were ready. The lines above say why.")
        if all(map(answers, addresses)) and worker_answers() and rooms_are_in_sync():
            return
        time.sleep(0.2)
    refuse(
        f"Not all was ready within {READY_SECONDS} s. The lines above may say why; "
        "try again when the machine has less to do."
    )


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310 -- ours
            return bool(answer.status == 200)  # noqa: PLR2004 -- OK
    except (urllib.error.URLError, OSError):
        return False


def rooms_are_in_sync() -> bool:
    """Connect the demo's rooms at the first call; whether none of them is still on its way."""
    from apps.console import demo_exchange  # noqa: PLC0415 -- needs Django up

    demo_exchange.connect(os.environ["SANDBOX_PORT"])
    return demo_exchange.is_settled()


def worker_answers() -> bool:
    """Whether a cluster has told the cache that it is idle or working."""
    from django_q.status import Stat  # noqa: PLC0415 -- needs Django up

    return any(stat.status in {"Idle", "Working"} for stat in Stat.get_all())


def end(processes: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        processes.terminate()
    try:
        processes.wait(timeout=15)
    except subprocess.TimeoutExpired:
        processes.kill()
        processes.wait()


class Stopped(Exception):
    """Somebody asked for the end."""


def stop_on_signals() -> None:
    def stop(_number: int, _frame: FrameType | None) -> None:
        # Once is enough: a second Ctrl-C must not leave things half ended.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise Stopped

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, stop)


def run() -> None:
    port = port_from_environment("PORT", 8000)
    sandbox = port_from_environment("SANDBOX_PORT", SANDBOX_PORT)
    if port == sandbox:
        refuse(f"PORT and SANDBOX_PORT are both {port}. Give them two different numbers.")
    refuse_second_demo()
    refuse_taken_port("PORT", port)
    refuse_taken_port("SANDBOX_PORT", sandbox)
    own_database = not os.environ.get("DATABASE_URL")
    if not own_database:
        refuse_unusable_database(os.environ["DATABASE_URL"])
    VAR_DIR.mkdir(parents=True, exist_ok=True)
    set_environment(port, sandbox)
    data = embedded_postgres.default_data_dir()
    processes = None
    PID_FILE.write_text(str(os.getpid()))
    stop_on_signals()
    try:
        if own_database:
            embedded_postgres.ensure(data)
        say("Preparing the database ...")
        prepare()
        processes = start_processes()
        say("Connecting rooms to their calendars ...")
        wait_until_ready(processes, port, sandbox)
        say(f"ready: http://127.0.0.1:{port}/admin/  sign in as {ACCOUNT}")
        say(f"ready: http://127.0.0.1:{sandbox}/  Outlook, and what to type when installing")
        processes.wait()
        refuse("A process ended by itself, so the demo ends. The lines above say why.")
    except Stopped:
        say("Stopping ...")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        if processes is not None:
            end(processes)
        if own_database:
            embedded_postgres.stop(data)
        PID_FILE.unlink(missing_ok=True)


def stop() -> None:
    """End a demo that runs elsewhere, and wait for its end."""
    pid = running_demo()
    if pid is None:
        say("No demo runs.")
        return
    os.kill(pid, signal.SIGTERM)
    while running_demo() == pid:
        time.sleep(0.1)
    say("The demo has ended.")


def manage(command: list[str]) -> NoReturn:
    """A command of manage.py about the demo that runs: with its keys, and its Microsoft."""
    if running_demo() is None:
        refuse("No demo runs, so there is nothing to look at. Start it: make demo")
    set_environment(
        port_from_environment("PORT", 8000), port_from_environment("SANDBOX_PORT", SANDBOX_PORT)
    )
    os.execv(sys.executable, [sys.executable, str(BASE_DIR / "manage.py"), *command])  # noqa: S606


def reset() -> None:
    """Delete what the demo made; a database that it did not fill is refused."""
    if pid := running_demo():
        refuse(f"The demo runs, as process {pid}. End it first: make stop")
    if url := os.environ.get("DATABASE_URL"):
        refuse_unusable_database(url)
        command = [sys.executable, "manage.py", "demo_reset"]
        if subprocess.run(command, cwd=BASE_DIR, check=False).returncode:  # noqa: S603
            sys.exit(1)
    else:
        embedded_postgres.delete(embedded_postgres.default_data_dir())
    for name in ("media", "mails", "static"):
        shutil.rmtree(VAR_DIR / name, ignore_errors=True)
    for file in (SECRETS, PROCFILE, *VAR_DIR.glob("sandbox.json*")):
        file.unlink(missing_ok=True)
    say("The demo's data is deleted. Start anew: make demo")


def main(arguments: list[str]) -> None:
    match arguments:
        case []:
            run()
        case ["stop"]:
            stop()
        case ["reset"]:
            reset()
        case ["manage", *command]:
            manage(command)
        case _:
            refuse("usage: python -m optixsync.demo [stop|reset|manage COMMAND]")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except embedded_postgres.EmbeddedPostgresError as error:
        sys.exit(str(error))
