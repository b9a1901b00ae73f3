"""Both procedures as an operator does them, by visible labels from the left-hand menu on, with nothing standing in.

Exchange is reached over the network, and seen in its own Outlook page; see tests/browser/product.py.
"""

from __future__ import annotations

import datetime as dt
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from time_machine import escape_hatch

from tests.browser import product
from tests.browser.conftest import SignIn

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("real_clock", "demo"),
]
OWNER = "inhaberin@example.com"
ORGANISATION = "Alster Offices"
WAIT_S = 40
# A Wednesday on which the demo's calendars have nothing.
TODAY = escape_hatch.datetime.datetime.now(tz=dt.UTC).date()
DAY = (TODAY + dt.timedelta(days=9 - TODAY.weekday() + 7 * (TODAY.weekday() > 1))).isoformat()
expect.set_options(timeout=WAIT_S * 1000)


@pytest.fixture
def exchange(demo: None, tmp_path: Path, settings: Any) -> Iterator[str]:
    with product.running(tmp_path, settings) as address:
        yield address


# --- Getting around --------------------------------------------------------------------------


def menu(page: Page, entry: str) -> None:
    page.get_by_role("navigation", name="Main menu").get_by_role("link", name=entry).click()


def go_to_exchange(page: Page) -> None:
    menu(page, "Apps")
    page.get_by_role("main").get_by_role("link", name="Exchange").click()


def edit(page: Page, resource: str) -> Locator:
    """Open a resource by its three dots; the box with the state of its calendar."""
    menu(page, "Resources")
    page.get_by_role("button", name=f"More actions: {resource}").click()
    page.get_by_role("menuitem", name="Edit").click()
    expect(page.get_by_role("heading", name="Calendar", exact=True)).to_be_visible()
    return page.get_by_role("region", name="State of the calendar")


def booking(page: Page, title: str) -> Locator:
    """The row of a booking in the list."""
    menu(page, "Bookings")
    return page.get_by_role("row").filter(has_text=title)


def until_shown(page: Page, shown: Locator) -> None:
    """Press reload until it is there, as people do on a page that does not move by itself."""
    deadline = time.monotonic() + WAIT_S
    while not shown.is_visible():
        assert time.monotonic() < deadline, f"not shown within {WAIT_S} s: {shown}"
        page.wait_for_timeout(500)
        page.reload()


def week(outlook: Page, exchange: str, room: str) -> None:
    outlook.goto(f"{exchange}/outlook/{room}@alster.example/?week={DAY}")


def told(outlook: Page, exchange: str, what: str) -> str:
    """What the start page of Exchange says to type."""
    outlook.goto(exchange)
    organisation = outlook.get_by_role("region", name=ORGANISATION)
    fact = organisation.locator("dl > div").filter(has=outlook.get_by_text(what, exact=True))
    return fact.locator("code").inner_text()


# --- What people do --------------------------------------------------------------------------


def install(page: Page, outlook: Page, exchange: str, *, with_address: bool) -> None:
    """Procedure 1, from the menu to the last tick."""
    go_to_exchange(page)
    page.get_by_role("link", name="Install", exact=True).click()
    page.get_by_role("link", name="Exchange Server").click()
    if with_address:
        page.get_by_label("Server address").fill(told(outlook, exchange, "Server address"))
    page.get_by_label("Account email").fill(told(outlook, exchange, "Service account"))
    page.get_by_label("Password", exact=True).fill(told(outlook, exchange, "Password"))
    room = told(outlook, exchange, "Mailbox to try, also for autodiscover")
    page.get_by_label("Mailbox to try").fill(room)
    page.get_by_role("button", name="Check").click()
    found = page.get_by_role("heading", name="The server is found from the email (yes)")
    expect(page.get_by_role("heading", name="The account can sign in (yes)")).to_be_visible()
    expect(page.get_by_role("heading", name="The mailbox opens (yes)")).to_be_visible()
    expect(page.get_by_text("Works", exact=True)).to_be_visible()
    expect(found).to_have_count(0 if with_address else 1)


def uninstall(page: Page) -> None:
    go_to_exchange(page)
    page.get_by_role("link", name="Exchange Server").click()
    page.get_by_role("link", name="Uninstall").click()
    page.get_by_label("Keep them: the mailboxes go on showing them").check()
    page.get_by_label("Keep them: the resources stay booked").check()
    page.get_by_role("button", name="Uninstall").click()
    expect(page.get_by_role("heading", name="Exchange is not installed")).to_be_visible()


def type_mailbox(page: Page, resource: str, email: str) -> None:
    edit(page, resource)
    page.get_by_label("Calendar email").fill(email)
    page.get_by_role("button", name="Save", exact=True).click()


def book(page: Page, title: str, start: str, end: str) -> None:
    menu(page, "Bookings")
    page.get_by_role("link", name="Add booking").first.click()
    page.get_by_role("combobox", name="Resource").select_option(label="Elbe · Speicherstadt")
    page.locator("#id_starts_on").fill(DAY)
    page.locator("#id_starts_time").fill(start)
    page.locator("#id_ends_time").fill(end)
    page.get_by_label("Title").fill(title)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()


def meet_in_outlook(outlook: Page, exchange: str, subject: str, start: str, end: str) -> None:
    week(outlook, exchange, "elbe")
    outlook.get_by_role("link", name="New event").click()
    outlook.get_by_label("Subject").fill(subject)
    outlook.get_by_label("Date", exact=True).fill(DAY)
    outlook.get_by_label("From").fill(start)
    outlook.get_by_label("To", exact=True).fill(end)
    outlook.get_by_role("button", name="Save").click()
    expect(outlook.get_by_text(f"Saved: {subject}")).to_be_visible()


def open_in_outlook(outlook: Page, exchange: str, subject: str) -> None:
    """Look into the week until the event is there, and open it."""
    week(outlook, exchange, "elbe")
    until_shown(outlook, outlook.get_by_role("link", name=subject))
    outlook.get_by_role("link", name=subject).click()


# --- The test --------------------------------------------------------------------------------


def test_exchange_is_installed_and_a_resource_connected(
    page: Page, sign_in: SignIn, exchange: str
) -> None:
    outlook = page.context.new_page()
    sign_in(page, OWNER)

    install(page, outlook, exchange, with_address=True)
    type_mailbox(page, "Elbe", "elbe@alster.example")
    expect(edit(page, "Elbe")).to_contain_text("In sync")

    sees_what_happens_in_outlook(page, outlook, exchange)
    tells_outlook_and_follows_it(page, outlook, exchange)
    refuses_a_mailbox_that_is_taken(page)
    changes_the_address_and_disconnects(page)
    comes_back_without_a_double(page, outlook, exchange)


def sees_what_happens_in_outlook(page: Page, outlook: Page, exchange: str) -> None:
    meet_in_outlook(outlook, exchange, "Ortstermin", "09:00", "10:00")

    until_shown(page, booking(page, "Ortstermin"))
    expect(booking(page, "Ortstermin")).to_contain_text("Elbe")
    expect(booking(page, "Ortstermin")).to_contain_text("Exchange")


def tells_outlook_and_follows_it(page: Page, outlook: Page, exchange: str) -> None:
    book(page, "Hafenrunde", "11:00", "12:00")

    open_in_outlook(outlook, exchange, "Hafenrunde")
    expect(outlook.get_by_label("From")).to_have_value("11:00")
    outlook.get_by_label("From").fill("15:00")
    outlook.get_by_label("To", exact=True).fill("16:30")
    outlook.get_by_role("button", name="Save").click()
    expect(outlook.get_by_text("Saved: Hafenrunde")).to_be_visible()
    until_shown(page, booking(page, "Hafenrunde").filter(has_text="15:00"))

    open_in_outlook(outlook, exchange, "Hafenrunde")
    outlook.get_by_role("button", name="Delete").click()
    expect(outlook.get_by_text("Deleted. It can be restored")).to_be_visible()
    until_shown(page, booking(page, "Hafenrunde").filter(has_text="Cancelled"))


def refuses_a_mailbox_that_is_taken(page: Page) -> None:
    """By another letter case at once; by an alias, which only Exchange knows for one, when it is opened."""
    type_mailbox(page, "Bille", "ELBE@Alster.example")
    expect(page.get_by_text("“Elbe” in Speicherstadt")).to_be_visible()

    type_mailbox(page, "Bille", "grosser-saal@alster.example")
    state = edit(page, "Bille")
    expect(state).to_contain_text("Needs attention")
    expect(state).to_contain_text("Could not connect resource to calendar")
    expect(state).to_contain_text("opens the mailbox that “Elbe” in Speicherstadt is connected to")


def changes_the_address_and_disconnects(page: Page) -> None:
    type_mailbox(page, "Bille", "bille@alster.example")
    expect(edit(page, "Bille")).to_contain_text("In sync")

    type_mailbox(page, "Bille", "desk-a@alster.example")
    page.get_by_label("Cancel them here").check()
    page.get_by_role("button", name="Change calendar").click()
    state = page.get_by_role("region", name="State of the calendar")
    expect(state).to_contain_text("In sync")
    expect(state).to_contain_text("desk-a@alster.example")

    state.get_by_role("link", name="Disconnect").click()
    page.get_by_role("button", name="Disconnect").click()
    expect(page.get_by_text("Bille is disconnected.")).to_be_visible()
    expect(state).to_contain_text("Not connected")


def comes_back_without_a_double(page: Page, outlook: Page, exchange: str) -> None:
    book(page, "Fischmarkt", "13:00", "14:00")
    open_in_outlook(outlook, exchange, "Fischmarkt")

    uninstall(page)
    install(page, outlook, exchange, with_address=False)
    expect(page.get_by_text("1 calendar was connected before")).to_be_visible()
    page.get_by_role("button", name="Connect them again").click()
    expect(edit(page, "Elbe")).to_contain_text("In sync")

    week(outlook, exchange, "elbe")
    for title in ("Fischmarkt", "Ortstermin"):
        expect(outlook.get_by_role("link", name=re.compile(title))).to_have_count(1)
        expect(booking(page, title)).to_have_count(1)
