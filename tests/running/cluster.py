"""A real cluster on the tests' database, with calendars that outlive it."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.db import connection
from django.utils import timezone
from django_q.tasks import async_task

from apps.bookings import services as bookings
from apps.bookings.models import Booking
from apps.bookings.walltime import Span
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Resource
from apps.sync.lease import FREE
from apps.sync.models import CalendarLink, EventLink
from tests.conftest import ENCRYPTION_KEY
from tests.sync.calendar_server import CALLER

BASE_DIR = Path(__file__).resolve().parent.parent.parent
HOUR = dt.timedelta(hours=1)
# Everything is short, so that nobody waits; only the schedule leaves the calendars alone.
SHORT = {
    "DJANGO_SETTINGS_MODULE": "tests.cluster_settings",
    "WORKER_STOP_S": "8",
    "SYNC_EVERY_S": "3600",
    "SYNC_STALE_AFTER_S": "5000",
    "SYNC_LEASE_S": "4",
    "SYNC_WORKS_FOR_S": "2",
    "SYNC_CREATE_SETTLES_S": "4",
    "SYNC_WRITE_MARGIN_S": "1",
    "EXCHANGE_CONNECT_TIMEOUT_S": "1",
    "EXCHANGE_READ_TIMEOUT_S": "1",
    "LOG_LEVEL": "WARNING",
    "FIELD_ENCRYPTION_KEYS": ENCRYPTION_KEY,
}


def database_url() -> str:
    """The address of the database that this test stands on."""
    settings = connection.settings_dict
    if settings["HOST"]:
        return (
            f"postgresql://{settings['USER']}:{settings['PASSWORD']}@{settings['HOST']}"
            f":{settings['PORT'] or 5432}/{settings['NAME']}"
        )
    return f"postgresql://postgres@/{settings['NAME']}?host={settings['OPTIONS'].get('host', '')}"


def descendants(pid: int) -> list[int]:
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [int(one) for one in children] + [d for one in children for d in descendants(int(one))]


@dataclass
class Cluster:
    """`manage.py worker`, with all its children."""

    env: dict[str, str]
    worker: subprocess.Popen[bytes] | None = field(default=None)

    def start(self) -> None:
        self.worker = subprocess.Popen(
            [sys.executable, "manage.py", "worker"],
            cwd=BASE_DIR,
            env={**os.environ, "DATABASE_URL": database_url(), **SHORT, **self.env},
            start_new_session=True,
        )

    def terminate(self) -> int:
        """SIGTERM, as a process manager sends it; the exit status."""
        assert self.worker is not None
        os.killpg(self.worker.pid, signal.SIGTERM)
        return self.worker.wait(timeout=20)

    def kill(self) -> None:
        """SIGKILL to the worker and everything below it, all at once."""
        if self.worker is None:
            return
        for pid in [self.worker.pid, *descendants(self.worker.pid)]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.worker.wait(timeout=20)


def until(condition: Callable[[], Any], *, seconds: float = 90, beat: bool = False) -> None:
    """Wait for it; with a beat the dispatcher is run each second, as its schedule does each minute.

    Raises:
        TimeoutError: it did not come to be.
    """
    deadline = time.monotonic() + seconds
    next_beat = time.monotonic()
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("It did not come to be in time.")
        if beat and time.monotonic() >= next_beat:
            async_task("apps.sync.tasks.dispatch")
            next_beat += 1
        time.sleep(0.1)


@dataclass
class Place:
    """A resource, and its mailbox in the server."""

    resource: Resource
    email: str
    calendar: CalendarLink = field(init=False)
    # A full hour of tomorrow, from which the test counts.
    start: dt.datetime = field(init=False)

    def __post_init__(self) -> None:
        now = timezone.now()
        self.start = now.replace(minute=0, second=0, microsecond=0) + 24 * HOUR
        exchange, _made = ExchangeConnection.objects.get_or_create(
            tenant=self.resource.tenant, wire="ews", name="Exchange"
        )
        self.calendar = CalendarLink.objects.create(
            resource=self.resource,
            connection=exchange,
            email=self.email,
            lease_until=now,
            due_at=now,
        )

    def at(self, hours: float) -> dt.datetime:
        return self.start + dt.timedelta(hours=hours)

    def book(self, hours: float) -> Booking:
        starts_at = self.at(hours)
        span = Span.between(starts_at, starts_at + HOUR, self.resource.time_zone)
        return bookings.book(resource=self.resource, span=span, title="Stand-up", by=None)

    def events(self) -> list[dt.datetime]:
        """When something blocks the mailbox, once for each event."""
        return sorted(event.starts_at for event in CALLER.outlook(self.email, "blocking"))

    def booked(self) -> list[dt.datetime]:
        rows = Booking.objects.blocking().filter(resource=self.resource)
        return sorted(rows.values_list("starts_at", flat=True))

    def is_synced(self) -> bool:
        self.calendar.refresh_from_db()
        return self.calendar.first_synced_at is not None

    def is_free(self) -> bool:
        """No run is on."""
        return not CalendarLink.objects.filter(pk=self.calendar.pk).exclude(**FREE).exists()

    def is_agreed(self) -> bool:
        """Both sides say the same, and each booking has its one live link."""
        links = EventLink.objects.current().filter(calendar=self.calendar)
        states = set(links.values_list("state", flat=True))
        return (
            self.events() == self.booked()
            and links.count() == len(self.booked())
            and states <= {EventLink.State.LIVE}
        )
