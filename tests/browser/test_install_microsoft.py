"""Install of Microsoft 365 as an owner does it in a browser, through the pages of a small Microsoft on loopback."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from apps.bookings import services as bookings
from apps.exchange import services
from apps.exchange.graph import session
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Resource
from apps.sandbox.server import SandboxServer, serve
from apps.sync import connecting
from apps.sync.models import CalendarLink
from apps.sync.services import sync_calendar
from tests.browser.conftest import SignIn, check_page, look, opened
from tests.conftest import span_at
from tests.console import microsoft
from tests.console.microsoft import ADMIN, DESK, QUARRY_ADMIN, QUARRY_ROOM, ROOM, TRAINEE, VISITOR

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("demo")]
# The other half of the suite works on the same processors.
expect.set_options(timeout=20_000)
OWNER = "owner@example.com"
BOOKED = "Early review"


@pytest.fixture
def entra(server: LiveServer, settings: Any) -> Iterator[SandboxServer]:
    with serve(microsoft.microsoft(server.url)) as running:
        microsoft.lead_to(running, settings, server.url)
        yield running
        session.close_connections()


@pytest.fixture
def owner(page: Page, sign_in: SignIn, entra: SandboxServer) -> Page:
    sign_in(page, OWNER)
    return page


def go_to_exchange(page: Page) -> None:
    menu = page.get_by_role("navigation", name="Main menu")
    menu.get_by_role("link", name="Apps").click()
    page.get_by_role("main").get_by_role("link", name="Exchange").click()


def begin(page: Page, access: str) -> None:
    """From the menu up to Microsoft's account picker."""
    go_to_exchange(page)
    page.get_by_role("link", name="Install", exact=True).click()
    page.get_by_role("link", name="Microsoft 365").click()
    page.get_by_role("radio", name=access).check()
    page.get_by_label("Mailbox to try").fill(ROOM)
    page.get_by_role("button", name="Continue to Microsoft").click()
    expect(page.get_by_role("heading", name="Pick an account")).to_be_visible()


def choose(page: Page, account: str) -> None:
    page.get_by_role("button", name=account).click()


def accept(page: Page) -> None:
    page.get_by_role("button", name="Accept").click()


def checked(page: Page) -> ExchangeConnection:
    """The worker's part, while the page waits for it."""
    expect(page.get_by_text("The check starts")).to_have_count(1)
    connection = ExchangeConnection.objects.get()
    services.check(connection)
    return connection


def organisation_wide(page: Page) -> ExchangeConnection:
    begin(page, "Organisation-wide")
    choose(page, ADMIN)
    accept(page)
    page.get_by_role("button", name="I am an administrator: continue").click()
    expect(page.get_by_role("heading", name="Review permissions")).to_be_visible()
    accept(page)
    return checked(page)


def connect(connection: ExchangeConnection, sandbox: SandboxServer) -> CalendarLink:
    """The demo's first room in agreement with a mailbox, and one of its bookings in there."""
    resource = Resource.objects.for_tenant(connection.tenant).order_by("pk")[0]
    day = (dt.datetime.now(tz=dt.UTC) + dt.timedelta(days=20)).date().isoformat()
    calendar = connecting.connect(resource=resource, email=ROOM, connection=connection)
    span = span_at(f"{day} 06:00", f"{day} 06:30", resource.time_zone)
    bookings.book(resource=resource, span=span, title=BOOKED, by=None)
    sync_calendar(calendar.pk)
    assert BOOKED in subjects(sandbox)
    return calendar


def subjects(sandbox: SandboxServer) -> set[str]:
    """What the room's mailbox has."""
    return {item.subject for item in sandbox.store.mailbox(ROOM).calendar.items}


def test_organisation_wide_from_the_menu_to_the_last_tick(owner: Page) -> None:
    begin(owner, "Organisation-wide")
    choose(owner, ADMIN)
    accept(owner)
    expect(owner.get_by_text("You are signed in as")).to_be_visible()
    look(owner, "microsoft_consent", owner.url)
    owner.get_by_role("button", name="I am an administrator: continue").click()
    accept(owner)

    checked(owner)

    expect(owner.get_by_text("Works", exact=True)).to_be_visible()
    expect(owner.get_by_role("heading", name="Access to Lantern House")).to_be_visible()
    look(owner, "microsoft_organisation", owner.url)
    look(owner, "microsoft_install_registered", microsoft.INSTALL)


def test_wrong_account_that_came_in_silence_is_replaced_on_the_spot(owner: Page) -> None:
    begin(owner, "This account only")
    choose(owner, VISITOR)
    accept(owner)
    checked(owner)
    expect(owner.get_by_role("heading", name=f"Access as {VISITOR}")).to_be_visible()
    expect(owner.get_by_text("Not installed yet")).to_be_visible()
    look(owner, "microsoft_wrong_account", owner.url)

    owner.get_by_role("button", name="Use a different account").click()
    choose(owner, DESK)
    accept(owner)
    checked(owner)

    expect(owner.get_by_role("heading", name=f"Access as {DESK}")).to_be_visible()
    expect(owner.get_by_text("Works", exact=True)).to_be_visible()
    look(owner, "microsoft_account", owner.url)


def test_cancelled_consent_and_one_that_needs_an_administrator(
    owner: Page, browser: Browser, server: LiveServer
) -> None:
    begin(owner, "This account only")
    choose(owner, DESK)
    owner.get_by_role("button", name="Cancel").click()
    expect(owner.get_by_role("heading", name="It was cancelled at Microsoft")).to_be_visible()
    look(owner, "microsoft_cancelled", owner.url)

    owner.get_by_role("button", name="Start again").click()
    choose(owner, TRAINEE)
    owner.get_by_role("button", name="Return to the application").click()
    expect(owner.get_by_text("only an administrator may agree")).to_be_visible()
    look(owner, "microsoft_needs_admin", owner.url)
    link = owner.locator("code").filter(has_text="adminconsent").inner_text()
    with opened(browser, server) as admins:
        admins.goto(link)
        choose(admins, ADMIN)
        accept(admins)
        expect(admins.get_by_role("heading", name="Thank you")).to_be_visible()
        check_page(admins)

    owner.get_by_role("button", name="Start again").click()
    choose(owner, TRAINEE)
    expect(owner.get_by_role("heading", name=f"Access as {TRAINEE}")).to_be_visible()


def test_another_organisation_asks_before_calendars_stop(owner: Page, entra: SandboxServer) -> None:
    calendar = connect(organisation_wide(owner), entra)

    owner.get_by_role("button", name="Use a different account").click()
    choose(owner, QUARRY_ADMIN)
    accept(owner)
    owner.get_by_label("Mailbox to try").fill(QUARRY_ROOM)
    owner.get_by_role("button", name="I am an administrator: continue").click()
    choose(owner, QUARRY_ADMIN)
    accept(owner)
    expect(owner.get_by_role("heading", name="Quarry Yard instead of Lantern")).to_be_visible()
    expect(owner.get_by_text(f"{calendar.resource}, ")).to_be_visible()
    look(owner, "microsoft_other_organisation", owner.url)
    owner.get_by_role("button", name="Stay with Lantern House").click()

    expect(owner.get_by_role("heading", name="Access to Lantern House")).to_be_visible()
    calendar.refresh_from_db()
    assert calendar.state == "in_sync"


@pytest.mark.parametrize("fate", ["Keep them: the mailboxes", "Remove them from the mailboxes"])
def test_uninstall_keeps_or_removes_what_is_in_the_mailboxes(
    owner: Page, entra: SandboxServer, fate: str
) -> None:
    connection = organisation_wide(owner)
    calendar = connect(connection, entra)
    owner.reload()

    owner.get_by_role("link", name="Uninstall").click()
    owner.get_by_label(fate).check()
    owner.get_by_label("Keep them: the resources stay booked").check()
    owner.get_by_role("button", name="Uninstall").click()
    told = "is uninstalled" if fate.startswith("Keep") else "is being uninstalled"
    expect(owner.get_by_text(told, exact=False)).to_be_visible()
    sync_calendar(calendar.pk)

    connection.refresh_from_db()
    assert connection.state == "uninstalled"
    assert (BOOKED in subjects(entra)) is fate.startswith("Keep")
