"""The main work by visible labels, as a person does it; and the row menu by keyboard alone."""

from __future__ import annotations

import datetime as dt

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import SignIn

pytestmark = pytest.mark.usefixtures("demo")


def menu(page: Page, entry: str) -> None:
    page.get_by_role("navigation", name="Main menu").get_by_role("link", name=entry).click()


def test_owner_adds_a_room_books_it_and_cancels(page: Page, sign_in: SignIn) -> None:
    sign_in(page, "owner@example.com")
    on = (dt.datetime.now(tz=dt.UTC).date() + dt.timedelta(days=3)).isoformat()

    menu(page, "Locations")
    page.get_by_role("link", name="Add location").first.click()
    page.get_by_label("Name").fill("Boat Shed")
    page.get_by_role("button", name="Save", exact=True).click()
    menu(page, "Resources")
    page.get_by_role("link", name="Add resource").first.click()
    page.get_by_label("Name").fill("Slipway")
    page.locator("#id_location").select_option(label="Boat Shed")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()

    for title, start, end in (("First", "10:00", "11:00"), ("Second", "10:30", "11:30")):
        menu(page, "Bookings")
        page.get_by_role("link", name="Add booking").first.click()
        page.locator("#id_resource").select_option(label="Slipway · Boat Shed")
        page.locator("#id_starts_on").fill(on)
        page.locator("#id_starts_time").fill(start)
        page.locator("#id_ends_time").fill(end)
        page.locator("#id_title").fill(title)
        if title == "Second":
            # Told already before it is tried.
            expect(page.get_by_label("Availability")).to_contain_text("First")
        page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("“First” has Slipway")).to_be_visible()
    expect(page.locator("#id_title")).to_have_value("Second")

    menu(page, "Bookings")
    page.get_by_role("link", name="First", exact=True).click()
    page.get_by_role("link", name="Cancel booking").click()
    page.get_by_label("Reason").fill("Too cold")
    page.get_by_role("button", name="Cancel booking").click()
    expect(page.get_by_text("“First” is cancelled.")).to_be_visible()
    page.get_by_role("link", name="First", exact=True).click()
    expect(page.get_by_text("Reason: Too cold")).to_be_visible()
    page.get_by_role("link", name="History").first.click()
    expect(page.get_by_role("heading", name="Cancelled by Olive Owens")).to_be_visible()


def test_row_menu_works_by_keyboard(page: Page, sign_in: SignIn) -> None:
    sign_in(page, "manager@example.com")
    menu(page, "Resources")
    dots = page.get_by_role("button", name="More actions: Anchor")

    dots.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Edit").first).to_be_focused()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(dots).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("menuitem", name="Edit").first).to_be_focused()
    page.keyboard.press("Enter")

    expect(page.locator("#id_name")).to_have_value("Anchor")


def test_menu_is_reached_on_a_phone(page: Page, sign_in: SignIn) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    sign_in(page, "viewer@example.com")

    page.get_by_role("button", name="menu").first.click()
    menu(page, "Bookings")

    expect(page.get_by_role("heading", level=1)).to_contain_text("Bookings")
