"""The sandbox's Microsoft pages in a real browser: by keyboard, in both themes, and back at the application."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, cast
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from apps.sandbox import seed, seed_microsoft
from apps.sandbox.diary_microsoft import LANTERN, QUARRY
from apps.sandbox.server import SandboxServer, serve
from apps.sandbox.store import Store
from tests.browser.conftest import HEIGHT, WIDTHS, check_page, look, opened, screenshot


class _Application(BaseHTTPRequestHandler):
    """Where the browser is sent back to."""

    def do_GET(self) -> None:
        content = b"<!doctype html><link rel=icon href=data:,><title>Back</title><h1>Back</h1>"
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
        """Nothing is logged."""


@pytest.fixture(scope="module")
def application() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), _Application) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.03,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/back/"
        server.shutdown()
        thread.join()


@pytest.fixture
def sandbox(application: str) -> Iterator[SandboxServer]:
    store = Store(seed=7)
    with serve(store) as running:
        seed.fill(store, server=running.url)
        seed_microsoft.register(store, {"SANDBOX_REDIRECT_URI": application})
        yield running
    assert running.errors == []


@pytest.fixture
def page(browser: Browser, sandbox: SandboxServer) -> Iterator[Page]:
    with opened(browser, cast("Any", sandbox)) as fresh:
        yield fresh


def asking(sandbox: SandboxServer, application: str, **more: str) -> str:
    """The address at which the application asks for a sign-in."""
    given = {
        "client_id": next(iter(sandbox.store.registrations)),
        "response_type": "code",
        "redirect_uri": application,
        "scope": "openid offline_access User.Read Calendars.ReadWrite.Shared",
        "state": "s",
        **more,
    }
    return f"{sandbox.login_url}/organizations/oauth2/v2.0/authorize?{urlencode(given)}"


def looked_at(page: Page, name: str) -> None:
    """Check the page as it stands: what was posted cannot be opened by its address."""
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            screenshot(page, name, width, theme)
            check_page(page)


def told(page: Page, application: str) -> dict[str, list[str]]:
    """What the application got, once the browser is there."""
    page.wait_for_url(f"{application}?**")
    return parse_qs(urlsplit(page.url).query)


def pressed(page: Page, name: str) -> None:
    """Press a button by keyboard alone."""
    button = page.get_by_role("button", name=name)
    for _ in range(60):
        page.keyboard.press("Tab")
        if button.evaluate("element => element === document.activeElement"):
            page.keyboard.press("Enter")
            return
    raise AssertionError(f"{name} is not reached by Tab")


def test_a_person_signs_in_and_consents_by_keyboard(
    page: Page, sandbox: SandboxServer, application: str
) -> None:
    look(page, "sandbox-accounts", asking(sandbox, application))

    pressed(page, f"Front desk frontdesk@{QUARRY}")
    expect(page.get_by_role("heading", level=1)).to_have_text("Permissions requested")
    looked_at(page, "sandbox-consent")
    pressed(page, "Accept")

    assert told(page, application)["code"]


def test_an_admins_consent_and_what_is_kept_of_it_look_right(
    page: Page, sandbox: SandboxServer, application: str
) -> None:
    client_id = next(iter(sandbox.store.registrations))
    scope = "https://graph.microsoft.com/.default"
    given = urlencode({"client_id": client_id, "redirect_uri": application, "scope": scope})
    page.goto(f"{sandbox.login_url}/{QUARRY}/v2.0/adminconsent?{given}")
    page.get_by_role("button", name=f"Admin admin@{QUARRY}").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("for your organisation")
    looked_at(page, "sandbox-admin-consent")

    page.get_by_role("button", name="Accept").click()

    assert told(page, application)["admin_consent"] == ["True"]
    look(page, "sandbox-my-apps", f"{sandbox.login_url}/myapps?account=admin@{QUARRY}")
    look(page, "sandbox-whose-apps", f"{sandbox.login_url}/myapps")


@pytest.mark.parametrize(
    ("account", "heading", "button", "error"),
    [
        ("Trainee trainee", "Need admin approval", "Request approval", "consent_required"),
        ("Remote remote", "Sorry, but we", "Return to the application", "interaction_required"),
    ],
)
def test_who_may_not_sees_why_and_goes_back(
    page: Page,
    sandbox: SandboxServer,
    application: str,
    account: str,
    heading: str,
    button: str,
    error: str,
) -> None:
    page.goto(asking(sandbox, application))
    page.get_by_role("button", name=f"{account}@{QUARRY}").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
    looked_at(page, f"sandbox-{error}")

    page.get_by_role("button", name=button).or_(page.get_by_role("link", name=button)).click()

    assert told(page, application)["error"] == [error]


def test_the_start_page_looks_right_and_leads_to_revoking(
    page: Page, sandbox: SandboxServer
) -> None:
    look(page, "sandbox-start", f"{sandbox.url}/")

    page.get_by_role("link", name=f"My Apps of admin@{LANTERN}").click()
    page.get_by_role("button", name="Revoke for the whole organisation").click()

    expect(page.get_by_role("status")).to_contain_text("Revoked.")
