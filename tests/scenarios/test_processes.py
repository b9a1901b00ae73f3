"""Real workers and a real listener on a mail server: what a changed password costs, and killed workers."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.utils import timezone
from django_q.models import OrmQ
from django_q.tasks import async_task

from apps.bookings import services as bookings
from apps.bookings.models import Booking
from apps.bookings.walltime import Span
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Location, Resource
from apps.sandbox.server import SandboxServer
from apps.sync import moving, services
from apps.sync.models import CalendarLink, EventLink
from apps.sync.move_models import Move
from tests.conftest import ENCRYPTION_KEY
from tests.exchange.ews.sandbox_room import ACCOUNT
from tests.factories import ResourceFactory
from tests.running.cluster import BASE_DIR, SHORT, Cluster, database_url, until
from tests.scenarios.moving import WRITES, be_at_microsoft, be_the_sandbox, microsoft
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
    exchange = ExchangeConnection.objects.all()
    until(lambda: exchange.filter(stopped_at__isnull=False).exists(), beat=True)
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


def test_move_of_a_worker_that_is_killed_in_the_middle_of_a_calendar_is_ended_by_another(
    server: SandboxServer, cluster: Cluster, location: Location, settings: Any
) -> None:
    first, second = (settled_over_ews(server, location, settings, f"{n}@example.com") for n in "ab")
    cluster.env |= {
        "MICROSOFT_EWS_URL": settings.MICROSOFT_EWS_URL,
        "MICROSOFT_GRAPH_URL": settings.MICROSOFT_GRAPH_URL,
        "MICROSOFT_CLIENT_ID": settings.MICROSOFT_CLIENT_ID,
        "MICROSOFT_CLIENT_SECRET": "made-up~value",
    }
    over_ews, over_graph = ExchangeConnection.objects.order_by("pk")
    before = agreed(first), agreed(second)
    move = moving.preview(over_ews, over_graph, by=None)
    moving.carry_on(move.pk)
    move.refresh_from_db()
    moving.start(move, by=None)
    server.requests.forget()
    began_at = timezone.now()

    with transaction.atomic():
        # The worker comes as far as these, with all that it looked for and half of it written.
        assert list(EventLink.objects.select_for_update().filter(calendar=second))
        cluster.start()
        until(is_somebody_waiting, seconds=40)
        cluster.kill()
    connections = dict(CalendarLink.objects.values_list("pk", "connection"))
    assert connections == {first.pk: over_graph.pk, second.pk: over_ews.pk}
    cluster.start()
    # As the schedule would, once the leases of the dead are over.
    leased = CalendarLink.objects.exclude(lease_until__lte=Now())
    until(lambda: not leased.exists() and moving.dispatch())
    until(lambda: Move.objects.get().state == Move.State.ENDED)
    calendars = CalendarLink.objects.filter(connection=over_graph)
    until(lambda: calendars.filter(full_round_at__gt=began_at).count() == 2, beat=True)

    assert (agreed(first), agreed(second)) == before
    assert not {line.operation for line in server.requests.lines()} & WRITES


def settled_over_ews(
    server: SandboxServer, location: Location, settings: Any, email: str
) -> CalendarLink:
    """A calendar at Microsoft 365 with events of both sides, which can be reached over Graph too."""
    if not ExchangeConnection.objects.exists():
        be_at_microsoft(server)
        be_the_sandbox(settings, server)
        for wire in ("ews", "graph"):
            microsoft(server, location.tenant, wire, f"Over {wire}")
    now = timezone.now()
    fill(server, email, now, past=0, ahead=3)
    resource = ResourceFactory.create(location=location)
    starts_at = now.replace(minute=0, second=0, microsecond=0) + 72 * HOUR
    span = Span.between(starts_at, starts_at + HOUR, resource.time_zone)
    bookings.book(resource=resource, span=span, title="Stand-up", by=None)
    calendar = CalendarLink.objects.create(
        resource=resource,
        connection=ExchangeConnection.objects.get(wire="ews"),
        email=email,
        lease_until=now,
        due_at=now,
    )
    assert services.sync_calendar(calendar.pk).outcome == "done"
    return calendar


def agreed(calendar: CalendarLink) -> tuple[list[Any], ...]:
    """Bookings and links, but for what the wire calls an event."""
    rows = Booking.objects.filter(resource=calendar.resource).order_by("pk")
    links = EventLink.objects.filter(calendar=calendar).order_by("pk")
    return (
        list(rows.values_list("pk", "revision", "status", "starts_at")),
        list(links.values_list("pk", "booking", "state", "uid", "remote_fingerprint")),
    )


def is_somebody_waiting() -> bool:
    """Whether another process waits for rows that this one has locked."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks"
            " WHERE NOT granted AND pg_backend_pid() = ANY(pg_blocking_pids(pid))"
        )
        return bool(cursor.fetchone()[0])


def _pages(server: SandboxServer) -> int:
    return len(server.requests.lines("SyncFolderItems"))
