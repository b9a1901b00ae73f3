"""From Outlook to a booking, with HTTP both ways: Microsoft is asked, calls our server, and is believed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from django_q.models import OrmQ
from pytest_django.live_server_helper import LiveServer

from apps.bookings.models import Booking
from apps.exchange.graph.session import close_connections
from apps.resources.models import Location
from apps.sandbox.graph.sending import Settings
from apps.sandbox.server import SandboxServer, serve
from apps.sandbox.store import Store
from apps.sync import subscribing
from apps.sync.models import CalendarLink, Subscription
from tests.scenarios.lantern import Lantern, furnish, point_at, work

pytestmark = pytest.mark.django_db(transaction=True)
QUICK = Settings(together=0.02, gaps=(0.1, 0.1))


@pytest.fixture
def server(settings: Any, live_server: LiveServer) -> Iterator[SandboxServer]:
    settings.MICROSOFT_NOTIFICATION_URL = live_server.url.replace("localhost", "127.0.0.1")
    with serve(Store(seed=8), sending=QUICK) as running:
        furnish(running)
        point_at(running, settings)
        yield running
        close_connections()
    assert running.errors == []


@pytest.fixture
def beacon(server: SandboxServer, location: Location) -> Iterator[CalendarLink]:
    """A room of which Microsoft tells us, and nothing waits."""
    lantern = Lantern(server, location)
    calendar = lantern.synced_room()
    subscribing.look_around()
    work()
    assert Subscription.objects.get().state == "alive", Subscription.objects.get().cause
    yield calendar
    OrmQ.objects.all().delete()


def until(condition: Callable[[], Any], seconds: float = 10) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def book_there(server: SandboxServer, calendar: CalendarLink, hours: int) -> None:
    start = calendar.claimed_at.replace(minute=0, second=0, microsecond=0)
    start = start + (hours + 24) * (hour := subscribing.LONGEST_WAIT)
    folder = server.store.mailbox(calendar.email).calendar.id
    server.store.write_new(folder, {"subject": "Talk", "start": start, "end": start + hour})


def test_booking_in_outlook_arrives_without_being_asked_for(
    server: SandboxServer, beacon: CalendarLink
) -> None:
    book_there(server, beacon, 1)
    until(OrmQ.objects.exists)
    assert work() == ["sync_calendar"]
    assert Booking.objects.count() == 1
    assert {post.status for post in server.notifications.sender.posts} == {202}

    # While the room is looked at, more is booked, and told several times.
    server.faults.arrange({"kind": "repeat", "operation": "notify", "times": 5, "count": None})
    for hours in (2, 3, 4):
        book_there(server, beacon, hours)
    until(server.notifications.sender.is_idle)
    assert OrmQ.objects.count() == 1
    work()

    assert Booking.objects.count() == 4


def test_flood_of_strangers_drowns_nobody(
    server: SandboxServer, beacon: CalendarLink, live_server: LiveServer
) -> None:
    address = subscribing.address()
    stranger = {
        "subscriptionId": "99999999-2222-4333-8444-555555555555",
        "clientState": "guessed",
        "changeType": "updated",
        "tenantId": "99999999-2222-4333-8444-555555555555",
        "resource": "Users/x/Events/y",
    }

    def knock(number: int) -> int:
        body: Any = {"value": [stranger] * 50} if number % 2 else ["no call of theirs"]
        return requests.post(address, json=body, timeout=10).status_code

    with ThreadPoolExecutor(4) as crowd:
        book_there(server, beacon, 1)
        statuses = set(crowd.map(knock, range(60)))

    assert statuses == {202, 400}
    until(OrmQ.objects.exists)
    assert work() == ["sync_calendar"]
    assert Booking.objects.count() == 1
