"""The move from EWS to Microsoft Graph in mid-flight, as an owner does it in a browser."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.bookings import services as bookings
from apps.bookings.models import Booking
from apps.exchange.ews import session as ews_session
from apps.exchange.graph import session as graph_session
from apps.resources.models import Location, Resource
from apps.sandbox.server import SandboxServer, serve
from apps.sandbox.store import Store
from apps.sync import connecting, moving
from apps.sync.models import CalendarLink, EventLink
from apps.sync.move_models import Move
from apps.sync.services import sync_calendar
from tests.browser.conftest import SignIn, look
from tests.conftest import span_at
from tests.exchange.ews.sandbox_room import DOMAIN, OLGA
from tests.factories import ResourceFactory
from tests.scenarios.moving import be_at_microsoft, be_the_sandbox, microsoft
from tests.scenarios.world import add_room

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("demo")]
expect.set_options(timeout=20_000)
ROOM = f"room@{DOMAIN}"


@pytest.fixture
def exchange(settings: Any) -> Iterator[SandboxServer]:
    with serve(Store(seed=7)) as running:
        store = running.store
        store.add_organisation(
            domain=DOMAIN, name="Example", server="127.0.0.1", time_zone="Europe/London"
        )
        store.add_mailbox(DOMAIN, address=OLGA, name="Olga", kind="user")
        add_room(running, ROOM)
        be_at_microsoft(running)
        be_the_sandbox(settings, running)
        settings.EXCHANGE_ALLOWED_NETWORKS = ["127.0.0.0/8"]
        settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = ["127.0.0.1"]
        yield running
        ews_session.close_connections()
        graph_session.close_connections()


@pytest.fixture
def calendar(exchange: SandboxServer) -> CalendarLink:
    """A room of the demo's first tenant, in agreement with its mailbox over EWS."""
    # One of its own: which of the demo's bookings are not over depends on the time of day.
    resource = ResourceFactory.create(location=Location.objects.order_by("pk")[0], name="Jetty")
    over_ews = microsoft(exchange, resource.tenant, "ews", "Over EWS")
    microsoft(exchange, resource.tenant, "graph", "Over Graph")
    made = connecting.connect(resource=resource, email=ROOM, connection=over_ews)
    book(resource, 20, "Board meeting")
    book(resource, 21, "Stand-up")
    sync_calendar(made.pk)
    made.refresh_from_db()
    return made


def book(resource: Resource, days: int, title: str) -> Booking:
    day = (timezone.now() + dt.timedelta(days=days)).date().isoformat()
    span = span_at(f"{day} 06:00", f"{day} 06:30", resource.time_zone)
    return bookings.book(resource=resource, span=span, title=title, by=None)


def work(move: Move) -> None:
    """The worker's part, while the page waits for it."""
    while moving.carry_on(move.pk):
        pass


def there(exchange: SandboxServer) -> list[str]:
    """What the room's mailbox has."""
    return sorted(item.subject for item in exchange.store.mailbox(ROOM).calendar.items)


def test_calendar_moves_in_mid_flight_and_back(
    page: Page,
    sign_in: SignIn,
    server: LiveServer,
    exchange: SandboxServer,
    calendar: CalendarLink,
) -> None:
    sign_in(page, "owner@example.com")
    page.goto(f"/admin/apps/exchange/{calendar.connection.uuid}/")  # type: ignore[union-attr]
    expect(page.get_by_text("switches Exchange Web Services off on 1 April 2027")).to_be_visible()
    page.get_by_role("link", name="Move to Microsoft Graph").click()
    page.get_by_role("button", name="Look what would happen").click()
    expect(page.get_by_role("heading", name="Being looked at")).to_be_visible()
    move = Move.objects.get()
    work(move)
    expect(page.get_by_role("heading", name="Looked at")).to_be_visible()
    expect(page.get_by_text("pairs keep their events")).to_be_visible()
    expect(page.get_by_text("Nothing was changed yet.")).to_have_count(2)
    look(page, "move_preview", page.url)

    # Meanwhile both sides go on.
    book(calendar.resource, 22, "Late booking")
    item = next(
        one for one in exchange.store.mailbox(ROOM).calendar.items if "Stand" in one.subject
    )
    exchange.store.delete(item.id, "MoveToDeletedItems")
    page.get_by_role("button", name="Move", exact=True).click()
    expect(page.get_by_role("heading", name="Being moved")).to_be_visible()
    work(move)
    expect(page.get_by_role("heading", name="Ended")).to_be_visible()
    expect(page.get_by_text("1 of 1 calendars are done.")).to_have_count(2)
    sync_calendar(calendar.pk)

    calendar.refresh_from_db()
    assert str(calendar.connection) == "Over Graph"
    assert there(exchange) == ["Board meeting", "Late booking"]
    assert not EventLink.objects.filter(calendar=calendar, state="creating").exists()
    look(page, "move_ended", page.url)

    page.get_by_role("button", name="Undo the move").click()
    expect(page.get_by_role("heading", name="Back to Over EWS")).to_be_visible()
    work(Move.objects.latest("pk"))
    sync_calendar(calendar.pk)
    calendar.refresh_from_db()
    assert str(calendar.connection) == "Over EWS"
    assert there(exchange) == ["Board meeting", "Late booking"]
