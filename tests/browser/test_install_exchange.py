"""Procedure 1 as an owner does it: by the words on the pages, from the left-hand menu on."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from apps.exchange import checking, services
from apps.exchange.models import ExchangeConnection
from tests.browser.conftest import SignIn, check_page
from tests.exchange.world import SECRET, Walk

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("demo")]
# The other half of the suite works on the same processors.
expect.set_options(timeout=20_000)
OWNER = "owner@example.com"


@pytest.fixture
def walk(monkeypatch: pytest.MonkeyPatch) -> Walk:
    standing_in = Walk()
    monkeypatch.setattr(checking, "walk", standing_in)
    return standing_in


def go_to_exchange(page: Page) -> None:
    menu = page.get_by_role("navigation", name="Main menu")
    menu.get_by_role("link", name="Apps").click()
    page.get_by_role("main").get_by_role("link", name="Exchange").click()


def install(page: Page) -> ExchangeConnection:
    """Through the form, up to the page of the connection."""
    go_to_exchange(page)
    page.get_by_role("link", name="Install", exact=True).click()
    page.get_by_role("link", name="Exchange Server").click()
    page.get_by_label("Server address").fill("mail.example.com")
    page.get_by_label("Account email").fill("svc@example.com")
    page.get_by_label("Password", exact=True).fill(SECRET)
    page.get_by_label("Mailbox to try").fill("room@example.com")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("heading", name="Exchange Server")).to_be_visible()
    return ExchangeConnection.objects.get()


def test_check_shows_each_stage_as_it_ends_and_installs(
    page: Page, sign_in: SignIn, walk: Walk
) -> None:
    sign_in(page, OWNER)
    connection = install(page)
    expect(page.get_by_text("The check starts")).to_have_count(1)
    walk.during = lambda: expect(
        page.get_by_role("heading", name="It offers a sign-in that OptixSync knows (yes)")
    ).to_be_visible()

    services.check(connection)

    expect(page.get_by_text("Works", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="The mailbox opens (yes)")).to_be_visible()
    check_page(page)
    page.reload()
    expect(page.get_by_text("Works", exact=True)).to_be_visible()
    assert SECRET not in page.content()


def test_failed_check_is_mended_and_tried_again(page: Page, sign_in: SignIn, walk: Walk) -> None:
    sign_in(page, OWNER)
    connection = install(page)
    walk.fails_at = "sign-in"
    services.check(connection)
    expect(page.get_by_text("No sign-in.")).to_be_visible()
    expect(page.get_by_role("heading", name="The account can sign in (no)")).to_be_visible()

    page.get_by_role("link", name="Change", exact=True).click()
    assert page.get_by_label("Server address").input_value() == "mail.example.com"
    assert page.get_by_label("Password", exact=True).input_value() == ""
    page.get_by_label("User name").fill("EXAMPLE\\svc")
    page.get_by_label("Password", exact=True).fill("Better-1")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_text("The check starts")).to_have_count(1)
    walk.fails_at = ""
    services.check(ExchangeConnection.objects.get())

    expect(page.get_by_text("Works", exact=True)).to_be_visible()
    assert walk.passwords == ["Better-1"]


def test_command_is_copied(page: Page, sign_in: SignIn, walk: Walk) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    sign_in(page, OWNER)
    services.check(install(page))
    expect(page.get_by_text("Works", exact=True)).to_be_visible()

    page.get_by_role("button", name="Copy").click()

    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied.endswith("-User 'svc@example.com' -CustomRecipientWriteScope 'OptixSync rooms'")


def test_uninstall_asks_once_and_exchange_is_gone(page: Page, sign_in: SignIn, walk: Walk) -> None:
    sign_in(page, OWNER)
    services.check(install(page))
    expect(page.get_by_text("Works", exact=True)).to_be_visible()

    page.get_by_role("link", name="Uninstall").click()
    page.get_by_role("button", name="Uninstall").click()

    expect(page.get_by_role("heading", name="Exchange is not installed")).to_be_visible()
    expect(page.get_by_role("link", name="Install", exact=True)).to_be_visible()
