"""Real workers and a real listener on a mail server: what a changed password costs, and a killed worker."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from apps.bookings.models import Booking
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Location, Resource
from apps.sandbox.server import SandboxServer
from apps.sync.models import CalendarLink
from tests.conftest import ENCRYPTION_KEY
from tests.exchange.ews.sandbox_room import ACCOUNT
from tests.factories import ResourceFactory
from tests.running.cluster import BASE_DIR, SHORT, Cluster, database_url, until
from tests.scenarios.world import add_room, connect, fill

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("real_clock")]

ENV = {
    "DJANGO_SETTINGS_MODULE": "tests.scenarios.cluster_settings",
    "EXCHANGE_ALLOWED_NETWORKS": "127.0.0.0/8",
    "EXCHANGE_ALLOW_PLAIN_HTTP_TO": "127.0.0.1",
    "FIELD_ENCRYPTION_KEYS": ENCRYPTION_KEY,
    "WORKERS": "2",
}
LOGIN = "EXAMPLE\\svc"
CALENDARS = 60
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def cluster(server: SandboxServer) -> Iterator[Cluster]:
    server.store.set_clock(None)
    cluster = Cluster(ENV)
    yield cluster
    cluster.kill()


@pytest.fixture
def listener(server: SandboxServer) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Those that a test starts."""
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for one in started:
        one.kill()
        one.wait(timeout=20)


def start_listener() -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "manage.py", "listener"],
        cwd=BASE_DIR,
        env={**os.environ, "DATABASE_URL": database_url(), **SHORT, **ENV},
        start_new_session=True,
    )


def connected(server: SandboxServer, resource: Resource, email: str, **fields: Any) -> CalendarLink:
    """A calendar that was in sync a moment ago, and is due."""
    add_room(server, email)
    now = timezone.now()
    box = server.store.mailbox(email)
    state = server.store.sync(box.calendar.id, None).state
    return CalendarLink.objects.create(
        resource=resource,
        connection=ExchangeConnection.objects.get(),
        email=email,
        mailbox_key=box.calendar.id,
        folder_id=box.calendar.id,
        lease_until=now,
        due_at=now,
        **{"state": "in_sync", "cursor": state, "first_synced_at": now, **fields},
    )


@pytest.mark.parametrize("sign_in", ["basic", "ntlm"])
def test_changed_password_costs_at_most_one_try_per_worker(
    server: SandboxServer,
    cluster: Cluster,
    listener: list[subprocess.Popen[bytes]],
    location: Location,
    sign_in: str,
) -> None:
    connect(server, location.tenant, sign_in)
    for number in range(CALENDARS):
        resource = ResourceFactory.create(location=location)
        connected(server, resource, f"room{number}@example.com")
    server.store.set_password(ACCOUNT, "changed")

    cluster.start()
    listener.append(start_listener())
    async_task("apps.sync.tasks.dispatch")
    connection = ExchangeConnection.objects.all()
    until(lambda: connection.filter(stopped_at__isnull=False).exists(), beat=True)
    until(lambda: not OrmQ.objects.exists())
    refused = server.sign_ins.refused[LOGIN]
    time.sleep(2)

    # Two workers, and the listener.
    assert 1 <= refused <= 3
    assert server.sign_ins.refused[LOGIN] == refused
    assert listener[0].poll() is None
    assert not CalendarLink.objects.due(timezone.now() + 24 * HOUR).exists()


def test_long_history_is_read_to_its_end_by_workers_that_are_killed(
    server: SandboxServer, cluster: Cluster, location: Location
) -> None:
    connect(server, location.tenant)
    pages = fill(server, "room@example.com", timezone.now(), past=20_000, ahead=20)
    resource = ResourceFactory.create(location=location)
    calendar = CalendarLink.objects.create(
        resource=resource,
        connection=ExchangeConnection.objects.get(),
        email="room@example.com",
        lease_until=timezone.now(),
        due_at=timezone.now(),
    )
    server.faults.arrange({"kind": "slow", "seconds": 0.1, "count": None})

    for number in (3, pages // 2, pages - 2):
        cluster.start()
        until(lambda: _pages(server) >= number, beat=True)  # noqa: B023 -- at once
        cluster.kill()
    server.faults.forget()
    cluster.start()
    until(lambda: CalendarLink.objects.filter(pk=calendar.pk, state="in_sync").exists(), beat=True)

    assert Booking.objects.blocking().count() == 20
    # A page whose worker was killed before it was stored is read again.
    assert pages <= _pages(server) <= pages + 2 * 3


def _pages(server: SandboxServer) -> int:
    return len(server.requests.lines("SyncFolderItems"))
