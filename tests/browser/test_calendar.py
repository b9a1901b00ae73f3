"""The Calendar section by keyboard and visible labels, and how the pages of the sync look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import override_settings
from django.urls import reverse
from django.utils import timezone
from playwright.sync_api import Page, expect

from apps.exchange.memory import MemoryCalendar, MemoryMailbox
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Resource
from apps.sync import services
from apps.sync.models import CalendarLink, Conflict
from apps.tenants.installation import this_installation
from apps.tenants.models import Tenant
from tests.browser.conftest import FACTORY, SignIn, check_page, eventful, look
from tests.console.calendars import LiveWorld, live_world
from tests.sync.world import CALENDARS

pytestmark = pytest.mark.usefixtures("demo", "in_memory")
EMAIL = "anchor@example.com"


@pytest.fixture
def in_memory() -> Iterator[None]:
    with override_settings(CALENDAR_FACTORY=FACTORY):
        yield
    CALENDARS.clear()


@pytest.fixture
def installed(demo: None) -> None:
    """Exchange is installed, and there is a free mailbox."""
    tenant = Tenant.objects.get(slug="harbour-works")
    ExchangeConnection.objects.create(tenant=tenant, wire="ews", name="Exchange")
    CALENDARS[EMAIL] = MemoryCalendar(MemoryMailbox(timezone.now, key="anchor"))


@pytest.fixture
def world(demo: None, in_memory: None) -> LiveWorld:
    return eventful(live_world(Resource.objects.get(name="Lighthouse")))


def sync(email: str = EMAIL) -> None:
    """What a worker does."""
    services.sync_calendar(CalendarLink.objects.get(email=email).pk)


def test_resource_is_connected_by_keyboard_and_visible_labels(
    page: Page, sign_in: SignIn, installed: None
) -> None:
    sign_in(page, "manager@example.com")
    page.get_by_role("navigation", name="Main menu").get_by_role("link", name="Resources").click()
    page.get_by_role("button", name="More actions: Anchor").focus()
    page.keyboard.press("Enter")
    page.get_by_role("menuitem", name="Edit").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Calendar")).to_be_visible()

    page.get_by_label("Calendar email").focus()
    page.keyboard.type(EMAIL)
    page.keyboard.press("Enter")
    expect(page.get_by_text("was changed successfully")).to_be_visible()
    page.get_by_role("link", name="Anchor", exact=True).first.click()
    state = page.get_by_role("region", name="State of the calendar")
    expect(state).to_contain_text("Connecting")

    # The page asks by itself: nobody reloads it.
    sync()
    expect(state).to_contain_text("In sync")
    expect(page.locator("#calendar-said")).to_contain_text("In sync")
    state.get_by_role("button", name="Pause").focus()
    page.keyboard.press("Enter")
    expect(state).to_contain_text("Paused: both sides are left alone")
    state.get_by_role("button", name="Resume").click()
    sync()
    state.get_by_role("link", name="Preview").click()
    expect(page.get_by_text("Nothing: both sides agree.")).to_be_visible()


def test_what_is_typed_survives_the_buttons_of_the_calendar(
    page: Page, sign_in: SignIn, world: LiveWorld
) -> None:
    sign_in(page, "manager@example.com")
    page.goto(reverse("admin:resources_resource_change", args=[world.resource.pk]))

    page.get_by_label("Description").fill("Half a sentence")
    page.get_by_role("button", name="Sync now").click()

    state = page.get_by_role("region", name="State of the calendar")
    expect(state).to_contain_text("A sync starts in a moment.")
    expect(page.get_by_label("Description")).to_have_value("Half a sentence")


def test_conflict_is_decided_from_the_dashboard(
    page: Page, sign_in: SignIn, world: LiveWorld
) -> None:
    sign_in(page, "manager@example.com")

    page.get_by_role("link", name="“Workshop” overlaps an event in Exchange").click()
    page.get_by_role("button", name="Keep Exchange's").click()

    expect(page.get_by_text("Decided. It is carried out in a moment.")).to_be_visible()
    world.sync()
    page.reload()
    expect(page.get_by_text("there is nothing left to decide")).to_be_visible()


def test_address_is_changed_after_the_questions(
    page: Page, sign_in: SignIn, world: LiveWorld
) -> None:
    CALENDARS[EMAIL] = MemoryCalendar(MemoryMailbox(timezone.now, key="anchor"))
    sign_in(page, "manager@example.com")
    page.goto(reverse("admin:resources_resource_change", args=[world.resource.pk]))

    page.get_by_label("Calendar email").fill(EMAIL)
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("leaves room@example.com")).to_be_visible()
    check_page(page)
    page.get_by_label("Remove them there").check()
    page.get_by_role("button", name="Change calendar").click()

    expect(page.get_by_text("is being disconnected: our events are being removed")).to_be_visible()
    sync("room@example.com")
    sync()
    expect(page.get_by_role("region", name="State of the calendar")).to_contain_text("In sync")


def test_pages_that_need_more_than_a_row(page: Page, sign_in: SignIn, world: LiveWorld) -> None:
    """Those that the walk over the addresses sees from one side alone."""
    sign_in(page, "owner@example.com")
    resource = reverse("admin:resources_resource_change", args=[world.resource.pk])
    world.mailbox.can_open = False
    CalendarLink.objects.update(
        state="needs_attention",
        cause="The account has no right to this calendar.",
        fix="Give it the right to edit, then press Try again.",
        command=f"Add-MailboxFolderPermission {world.calendar.email}:\\Calendar -User svc -AccessRights Editor",
    )
    look(page, "calendar_needs_attention", resource)
    conflict = Conflict.objects.undecided()[0]
    Conflict.objects.update(decision="both", decided_at=timezone.now())
    look(page, "conflict_decided", reverse("admin:sync_conflict_change", args=[conflict.pk]))


def test_banner_of_a_copied_database(page: Page, sign_in: SignIn, world: LiveWorld) -> None:
    sign_in(page, "admin@example.com")
    this_installation()
    with override_settings(INSTALLATION_ID="elsewhere"):
        look(page, "copy_banner", "/admin/resources/resource/")
        look(page, "copy_sends_now", reverse("admin:installation_sends_now"))
        look(page, "copy_is_a_copy", reverse("admin:installation_is_a_copy"))


def test_booking_over_exchange_is_asked_for_once(
    page: Page, sign_in: SignIn, world: LiveWorld
) -> None:
    sign_in(page, "manager@example.com")
    theirs = world.invite(24 * 40, "Board")
    page.goto(f"{reverse('admin:bookings_booking_add')}?resource={world.resource.pk}")

    page.locator("#id_starts_on").fill(theirs.starts_on.isoformat())
    page.locator("#id_starts_time").fill(theirs.starts_time.isoformat("minutes"))
    page.locator("#id_ends_time").fill(theirs.ends_time.isoformat("minutes"))
    page.locator("#id_title").fill("All the same")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("Exchange has “Board” in Lighthouse")).to_be_visible()
    check_page(page)
    page.get_by_label("Book all the same").check()
    page.get_by_role("button", name="Save", exact=True).click()

    expect(page.get_by_text("was added successfully")).to_be_visible()
