"""Real processes that renew the same token: one asks Microsoft, and a killed one holds nobody up."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from queue import Queue

import pytest
from django.db import DatabaseError, transaction
from django.db import connection as database
from django.utils import timezone

from apps.exchange import identity, services
from apps.exchange.errors import Transient
from apps.exchange.models import AccessToken, ExchangeConnection
from apps.exchange.secrets import unseal
from tests.conftest import ENCRYPTION_KEY
from tests.exchange.microsoft.endpoint import CLIENT_ID, CLIENT_SECRET, TokenEndpoint
from tests.running.cluster import BASE_DIR, database_url

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("real_clock")]

PROGRAM = """
import sys
import django
django.setup()
from apps.exchange import identity
from apps.exchange.models import ExchangeConnection
tokens = identity.tokens_for(ExchangeConnection.objects.get(), "graph")
print("ready", flush=True)
sys.stdin.readline()
print(tokens.get(), flush=True)
"""


class Asking:
    """The endpoint holds its first answer back until it is told to go on."""

    def __init__(self, endpoint: TokenEndpoint) -> None:
        self.arrived, self.goes_on = threading.Event(), threading.Event()
        endpoint.during = self._hold

    def _hold(self) -> None:
        is_first = not self.arrived.is_set()
        self.arrived.set()
        if is_first:
            self.goes_on.wait(20)


@pytest.fixture
def asking(endpoint: TokenEndpoint) -> Iterator[Asking]:
    held = Asking(endpoint)
    yield held
    held.goes_on.set()


Start = Callable[[int], list[subprocess.Popen[str]]]


@pytest.fixture
def start(endpoint: TokenEndpoint, of_account: ExchangeConnection) -> Iterator[Start]:
    """Starts so many workers, which stand before their first token then."""
    env = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "DJANGO_SETTINGS_MODULE": "tests.cluster_settings",
        "FIELD_ENCRYPTION_KEYS": ENCRYPTION_KEY,
        "EXCHANGE_ALLOWED_NETWORKS": "127.0.0.0/8",
        "EXCHANGE_ALLOW_PLAIN_HTTP_TO": "127.0.0.1",
        "MICROSOFT_CLIENT_ID": CLIENT_ID,
        "MICROSOFT_CLIENT_SECRET": CLIENT_SECRET,
        "MICROSOFT_LOGIN_URL": f"{endpoint.server.url}/login",
        "LOG_LEVEL": "WARNING",
    }
    started: list[subprocess.Popen[str]] = []

    def some(number: int) -> list[subprocess.Popen[str]]:
        started.extend(
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM],
                cwd=BASE_DIR, env=env, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            )
            for _ in range(number)
        )  # fmt: skip
        assert [line_of(one) for one in started] == ["ready"] * number
        return started

    yield some
    for one in started:
        one.kill()
        one.communicate(timeout=20)


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def go(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()


def test_two_processes_that_renew_at_once_ask_once(
    endpoint: TokenEndpoint,
    of_account: ExchangeConnection,
    asking: Asking,
    start: Start,
) -> None:
    first, second = start(2)
    go(first)
    assert asking.arrived.wait(20)
    go(second)
    # As long as the second one looks twice whether it is its turn.
    time.sleep(0.3)
    asking.goes_on.set()

    assert [line_of(first), line_of(second)] == ["access-1", "access-1"]
    assert len(endpoint.forms) == 1
    of_account.refresh_from_db()
    assert unseal(of_account.sealed_refresh_token) == "refresh-1"


def test_process_that_is_killed_while_it_renews_leaves_nothing_locked(
    endpoint: TokenEndpoint,
    of_account: ExchangeConnection,
    asking: Asking,
    start: Start,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (killed,) = start(1)
    go(killed)
    assert asking.arrived.wait(20)
    monkeypatch.setattr(identity, "WAITS_S", 0.0)
    with pytest.raises(Transient, match="Another task is renewing"):
        identity.tokens_for(of_account, "graph").get()
    monkeypatch.setattr(identity, "WAITS_S", 10.0)

    killed.kill()

    assert identity.tokens_for(of_account, "graph").get() == "access-2"
    assert [form["refresh_token"] for form in endpoint.forms] == ["refresh-0", "refresh-0"]
    asking.goes_on.set()
    of_account.refresh_from_db()
    assert unseal(of_account.sealed_refresh_token) == "refresh-2"


def test_connection_that_is_discarded_while_its_token_is_kept_is_gone_with_it(
    of_account: ExchangeConnection,
) -> None:
    ExchangeConnection.objects.update(state="pending")
    told: Queue[BaseException | None] = Queue()

    def discard() -> None:
        try:
            services.discard(of_account, by=None)
            told.put(None)
        except DatabaseError as error:
            told.put(error)
        finally:
            database.close()

    somebody = threading.Thread(target=discard)
    with transaction.atomic():
        identity.store(
            of_account, access_token="a", refresh_token="r", audience="graph",
            expires_at=timezone.now() + dt.timedelta(hours=1),
        )  # fmt: skip
        somebody.start()
        wait_for_a_lock()
    somebody.join(10)

    assert told.get(timeout=1) is None
    assert not ExchangeConnection.objects.exists()
    assert not AccessToken.objects.exists()


def wait_for_a_lock() -> None:
    """Until another session waits for what this one has."""
    ends = time.monotonic() + 10
    with database.cursor() as cursor:
        while time.monotonic() < ends:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            if cursor.fetchone()[0]:
                return
            time.sleep(0.01)
    pytest.fail("nobody waits")
