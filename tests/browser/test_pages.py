"""Every page looks right and reads right: found by walking the addresses, so that none is left out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from playwright.sync_api import Browser, Page
from pytest_django.live_server_helper import LiveServer

from apps.exchange.models import ExchangeConnection
from apps.tenants import services as tenants
from apps.tenants.models import Invitation, Role, Tenant, User
from apps.tenants.querysets import TenantQuerySet
from tests.browser.conftest import (
    HEIGHT,
    WIDTHS,
    SignIn,
    Watch,
    check_page,
    look,
    opened,
    screenshot,
)
from tests.exchange.world import in_state

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("connected_for_module")]

TENANT = "harbour-works"
# What has no page of its own: answers for scripts, files, forms that are only sent, and addresses
# that lead on to another one.
NO_PAGE = {
    "admin:app_list",
    "admin:autocomplete",
    "admin:jsi18n",
    "admin:login",
    "admin:logout",
    "admin:password_change",
    "admin:resource_photo",
    "admin:search",
    "admin:switch_tenant",
    "accept_invitation",  # below, with a link that works
    # In test_install_microsoft, where there is a sign-in; the others are only sent.
    "admin:microsoft_attempt",
    *(f"admin:microsoft_{name}" for name in ("again", "consent", "granted", "answer")),
    *(f"admin:microsoft_{name}" for name in ("another_account", "grant_again")),
}
CONNECTION_STATES = ("works", "checking", "failed", "lost", "stopped", "uninstalling")
SIGNED_IN_ACCOUNT_PAGES = {
    "account_change_password",
    "account_email",
    "account_logout",
    "account_reauthenticate",
    "mfa_index",
    "mfa_activate_totp",
}
SIGNED_OUT_PAGES = {
    "account_login",
    "account_signup",
    "account_inactive",
    "account_reset_password",
    "account_reset_password_done",
    "account_reset_password_from_key_done",
}


def admin_pages(
    patterns: list[URLPattern | URLResolver], namespace: str = ""
) -> Iterator[tuple[str, bool]]:
    """The name of each page of the console, and whether it is about one row."""
    for pattern in patterns:
        if isinstance(pattern, URLResolver):
            yield from admin_pages(pattern.url_patterns, pattern.namespace or namespace)
        elif namespace == "admin" and pattern.name:
            name = f"admin:{pattern.name}"
            if name not in NO_PAGE and is_ours(pattern.name):
                yield name, bool(pattern.pattern.converters)


def is_ours(name: str) -> bool:
    """Not a page that a package brings along for its own models."""
    theirs = [
        f"{model._meta.app_label}_{model._meta.model_name}_"
        for model in admin.site._registry
        if not model.__module__.startswith("apps.")
    ]
    return not name.startswith(tuple(theirs))


PAGES = dict(admin_pages(get_resolver().url_patterns))


@pytest.fixture(scope="module")
def invitation(demo_for_module: None) -> Invitation:
    tenant = Tenant.objects.get(slug=TENANT)
    by = User.objects.get(is_superuser=True)
    return tenants.invite(tenant=tenant, email="newcomer@example.com", role=Role.MANAGER, by=by)


@pytest.fixture(scope="module")
def connections(demo_for_module: None) -> dict[str, ExchangeConnection]:
    """One connection in each state; they stay for all pages, since the server sees no transaction."""
    tenant = Tenant.objects.get(slug=TENANT)
    return {state: in_state(state, tenant) for state in CONNECTION_STATES}


@dataclass
class Window:
    """One for all pages that are only looked at."""

    page: Page
    watch: Watch
    is_signed_in: bool = False


@pytest.fixture(scope="module")
def window(
    browser: Browser, server: LiveServer, invitation: Invitation, connections: object
) -> Iterator[Window]:
    watch = Watch()
    with opened(browser, server, watch) as page:
        yield Window(page, watch)


@pytest.fixture
def signed_in(window: Window, sign_in: SignIn) -> Iterator[Page]:
    if not window.is_signed_in:
        sign_in(window.page, "admin@example.com")
        stand_in(window.page, "Harbour Works")
        window.is_signed_in = True
    window.page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})
    yield window.page
    window.watch.is_silent()


def stand_in(page: Page, name: str) -> None:
    """Go to a tenant through the switcher at the top of the menu."""
    banner = page.get_by_role("banner")
    banner.get_by_label("Tenant").select_option(name)
    banner.get_by_role("button", name="Go").click()
    page.get_by_text(f"You are in {name} now.").wait_for()


def address_of(name: str) -> str:
    """Where the page is; where it is about a row, about the demo's first one of its kind."""
    if not PAGES[name]:
        return reverse(name)
    if name.startswith("admin:exchange_"):
        return reverse(name, args=[ExchangeConnection.objects.get(name__endswith="works").uuid])
    app, model_name = name.removeprefix("admin:").split("_")[:2]
    rows = apps.get_model(app, model_name)._default_manager.order_by("pk")
    tenant = Tenant.objects.get(slug=TENANT)
    if rows.model is Tenant:
        rows = rows.filter(pk=tenant.pk)
    elif isinstance(rows, TenantQuerySet):
        rows = rows.for_tenant(tenant)
    return reverse(name, args=[rows[0].pk])


def is_page(page: Page, address: str) -> bool:
    """Whether there is something to look at: no fragment, no file, no page that leads on.

    What even a superuser may not do (to delete bookings, say) has no page; a fault has one.
    """
    answer = page.request.get(address, max_redirects=0)
    if answer.status in {302, 403, 404, 405}:
        return False
    return answer.status != 200 or "<html" in answer.text()


@pytest.mark.parametrize("name", PAGES)
def test_page_of_the_console(signed_in: Page, name: str) -> None:
    address = address_of(name)
    if is_page(signed_in, address):
        look(signed_in, name.removeprefix("admin:"), address)


@pytest.mark.parametrize("name", sorted(SIGNED_IN_ACCOUNT_PAGES))
def test_page_of_ones_own_account(signed_in: Page, name: str) -> None:
    look(signed_in, name, reverse(name))


@pytest.mark.parametrize("name", sorted(SIGNED_OUT_PAGES))
def test_page_before_signing_in(page: Page, name: str) -> None:
    look(page, name, reverse(name))


def test_page_of_an_invitation(page: Page, invitation: Invitation) -> None:
    link = tenants.invitation_link(invitation)

    look(page, "accept_invitation", link[link.index("/accounts/") :])


def test_page_of_an_invitation_that_is_no_longer_good(page: Page) -> None:
    look(page, "invitation_unusable", reverse("accept_invitation", args=["torn"]), status=410)


@pytest.mark.parametrize("state", CONNECTION_STATES)
def test_page_of_a_connection(
    signed_in: Page, connections: dict[str, ExchangeConnection], state: str
) -> None:
    address = reverse("admin:exchange_connection", args=[connections[state].uuid])

    look(signed_in, f"exchange_{state}", address)


def test_pages_before_exchange_is_installed(page: Page, sign_in: SignIn) -> None:
    sign_in(page, "inhaberin@example.com")

    for name in ("apps", "exchange"):
        look(page, f"{name}_empty", reverse(f"admin:{name}"))
        assert (
            page.get_by_text("Not installed").or_(page.get_by_role("link", name="Install")).count()
        )


def test_form_that_is_refused_says_why_beside_the_fields(signed_in: Page) -> None:
    signed_in.goto(reverse("admin:exchange_install_server"))
    signed_in.get_by_label("Server address").fill("mail example")
    signed_in.get_by_label("Account email").fill("svc@example.com")
    signed_in.get_by_label("Password", exact=True).fill("x")
    signed_in.get_by_label("Mailbox to try").fill("room@example.com")
    signed_in.get_by_role("button", name="Check").click()

    field = signed_in.get_by_label("Server address")
    assert field.get_attribute("aria-invalid") == "true"
    assert signed_in.get_by_text("This is no host name.").is_visible()
    assert signed_in.get_by_label("Password", exact=True).input_value() == ""
    for width in WIDTHS:
        signed_in.set_viewport_size({"width": width, "height": HEIGHT})
        screenshot(signed_in, "exchange_form_refused", width, "light")
        check_page(signed_in)


def test_page_that_is_not_there(signed_in: Page) -> None:
    look(signed_in, "404", "/admin/nowhere/", status=404)


def test_page_that_is_not_allowed(signed_in: Page) -> None:
    look(signed_in, "403", "/admin/bookings/booking/1/delete/", status=403)


def test_every_entry_of_the_menu_leads_to_a_page_that_is_looked_at(signed_in: Page) -> None:
    signed_in.goto("/admin/")
    menu = signed_in.get_by_role("navigation", name="Main menu")

    targets = [link.get_attribute("href") for link in menu.get_by_role("link").all()]

    assert set(targets) <= {address_of(name) for name in PAGES}
    assert len(targets) > 5
