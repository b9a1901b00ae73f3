"""A real browser against a real server; every page opened is watched for what goes wrong in it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import axe_core_python
import pytest
from django.conf import settings as django_settings
from django.core.management import call_command
from django.db import connections
from django.test import override_settings
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    Request,
    Response,
    sync_playwright,
)
from pytest_django.live_server_helper import LiveServer

from apps.console import demo as demo_data
from apps.resources.models import Resource
from tests.__main__ import find_chromium
from tests.console.calendars import LiveWorld, live_world
from tests.sync.world import CALENDARS

if TYPE_CHECKING:
    from pytest_django.plugin import DjangoDbBlocker

# Playwright's synchronous calls run an event loop in this thread, where Django would refuse to
# reach the database.
os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"

FACTORY = "tests.sync.world.calendar_for"
AXE = (Path(axe_core_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
SCREENSHOTS = django_settings.BASE_DIR / "var" / "screenshots"
WIDTHS = (1280, 390)
THEMES = ("dark", "light")
HEIGHT = 860
LOOPBACK = {"127.0.0.1", "localhost"}
MINOR = {"minor", None}
EVERYTHING: dict[str, object] = {}
# All that a theme makes a difference to.
COLOURS: dict[str, object] = {
    "runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}
}
LAUNCH = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
REPORT_VIOLATIONS = """
document.addEventListener("securitypolicyviolation", (event) => console.error(
  `content security policy: ${event.violatedDirective} refused ${event.blockedURI} ${event.sample}`
));
"""
# Two frames later, since scripts of the page follow a change of the window's size.
OVERFLOW = """async () => {
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return document.documentElement.scrollWidth - window.innerWidth;
}"""


@dataclass
class Watch:
    """What went wrong in a browser's pages, in words."""

    found: list[str] = field(default_factory=list)

    def is_silent(self) -> None:
        """Complain of what was found since the last time."""
        found, self.found = self.found, []
        assert found == []

    def over(self, context: BrowserContext) -> None:
        context.on("console", self._console)
        context.on("weberror", lambda error: self.found.append(f"script: {error.error}"))
        context.on("request", self._request)
        context.on("response", self._response)

    def _console(self, message: ConsoleMessage) -> None:
        # What could not be loaded is judged by its response, below.
        if message.type == "error" and not message.text.startswith("Failed to load resource"):
            self.found.append(f"console: {message.text}")

    def _request(self, request: Request) -> None:
        address = urlsplit(request.url)
        if address.scheme in {"http", "https", "ws", "wss"} and address.hostname not in LOOPBACK:
            self.found.append(f"reached out to {request.url}")

    def _response(self, response: Response) -> None:
        part = response.request.resource_type not in {"document", "fetch", "xhr"}
        if response.status >= 500 or (part and response.status >= 400):
            self.found.append(f"{response.status} from {response.url}")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a worker."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=find_chromium(), args=LAUNCH)
        yield chromium
        chromium.close()


@pytest.fixture(scope="session")
def server(django_db_setup: None) -> Iterator[LiveServer]:
    """The product on loopback; unlike pytest-django's own, it leaves the rows to each module."""
    running = LiveServer("127.0.0.1")
    yield running
    running.stop()
    connections.close_all()


@contextmanager
def opened(
    browser: Browser, server: LiveServer, watch: Watch | None = None, **options: Any
) -> Iterator[Page]:
    """A fresh profile, and a complaint at the end about anything that went wrong in it."""
    watch = watch or Watch()
    context = browser.new_context(
        base_url=server.url,
        viewport={"width": WIDTHS[0], "height": HEIGHT},
        reduced_motion="reduce",
        locale="en-GB",
        timezone_id="Europe/London",
        **options,
    )
    # Long, because the other half of the suite works on the same processors.
    context.set_default_timeout(40_000)
    context.add_init_script(REPORT_VIOLATIONS)
    watch.over(context)
    try:
        yield context.new_page()
    finally:
        context.close()
    watch.is_silent()


@pytest.fixture
def page(browser: Browser, server: LiveServer) -> Iterator[Page]:
    with opened(browser, server) as fresh:
        yield fresh


@pytest.fixture
def demo(transactional_db: None) -> None:
    """The tenants, people, resources and bookings of the demo, in a database of the test's own."""
    demo_data.fill()


@pytest.fixture(scope="module")
def demo_for_module(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[None]:
    """The demo's rows once for a whole module, whose tests are marked django_db and only look."""
    assert connections["default"].settings_dict["NAME"].startswith("test_"), "mark it django_db"
    hashers = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    with django_db_blocker.unblock():
        with override_settings(PASSWORD_HASHERS=hashers):
            demo_data.fill()
        yield
        call_command("flush", interactive=False, verbosity=0)


@pytest.fixture(scope="module")
def connected_for_module(
    demo_for_module: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[LiveWorld]:
    """The demo's first room is connected to a mailbox in memory, with something of everything."""
    with django_db_blocker.unblock(), override_settings(CALENDAR_FACTORY=FACTORY):
        yield eventful(live_world(Resource.objects.order_by("pk")[0]))
    CALENDARS.clear()


def eventful(world: LiveWorld) -> LiveWorld:
    """Both sides agree on much; two overlap, three were lost at once, and one waits to be sent."""
    month = 24 * 30
    world.book(month, "Quarterly review")
    keys = [
        world.outlook.book(world.at(month + day * 24), world.at(month + day * 24 + 1), title)
        for day, title in enumerate(("Design crit", "Sales call", "Interview", "Retrospective"), 2)
    ]
    world.sync()
    for key in keys[:3]:
        world.outlook.delete(key)
    world.outlook.book(world.at(month + 500), world.at(month + 501), "Team lunch")
    world.sync()
    world.book(month + 500, "Workshop")
    world.sync()
    world.book(month + 600, "Not sent yet")
    return world


SignIn = Callable[[Page, str], None]


@pytest.fixture
def sign_in() -> SignIn:
    """Sign in as anybody would, through the form."""

    def through_the_form(page: Page, email: str = demo_data.ADMIN) -> None:
        page.goto("/admin/")
        page.get_by_label("Email").fill(email)
        page.get_by_label("Password", exact=True).fill(demo_data.PASSWORD)
        page.get_by_role("button", name=re.compile("^Sign in$|^Log in$")).click()
        page.wait_for_url("**/admin/**")

    return through_the_form


def check_page(page: Page, rules: dict[str, object] = EVERYTHING) -> None:
    """What must hold of every page at every width, in both themes."""
    assert page.locator("h1:visible").count() == 1, "one heading says where one is"
    overflow = page.evaluate(OVERFLOW)
    assert overflow <= 0, f"{overflow} px wider than the window"
    assert violations(page, rules) == []


def violations(page: Page, rules: dict[str, object]) -> list[str]:
    """What axe-core finds, one sentence each, leaving out what it calls minor."""
    if not page.evaluate("'axe' in window"):
        # The policy of the page keeps it from adding a script; this one comes from outside.
        page.evaluate(f"() => {{ {AXE} }}")
    found = page.evaluate(
        """async (options) => (await axe.run(document, options)).violations.map(
            ({id, impact, nodes}) => ({id, impact, where: nodes.map((n) => n.html.slice(0, 160)),
                                       why: nodes[0].failureSummary})
        )""",
        {"resultTypes": ["violations"], **rules},
    )
    return [
        f"{one['id']} ({one['impact']}): {one['where'][:3]} {one['why']}"
        for one in found
        if one["impact"] not in MINOR
    ]


def screenshot(page: Page, name: str, width: int, theme: str) -> None:
    """Keep the page as it looks, for people to look at; nobody does on CI, and git leaves the folder out."""
    if os.environ.get("CI") == "true":
        return
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{theme}.png", full_page=True)


def look(page: Page, name: str, address: str, *, status: int = 200) -> None:
    """Open a page, and see it in each theme and width; check and keep each."""
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    page.set_viewport_size({"width": WIDTHS[0], "height": HEIGHT})
    response = page.goto(address)
    assert response is not None
    assert response.status == status, f"{address} answered {response.status}"
    if page.locator("[hx-trigger*=load]").count():
        page.wait_for_load_state("networkidle")
    for theme in THEMES:
        if theme == "light":
            turn_on_the_light(page)
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": HEIGHT})
            screenshot(page, name, width, theme)
            check_page(page, EVERYTHING if theme == THEMES[0] else COLOURS)


def turn_on_the_light(page: Page) -> None:
    """What was opened in the dark as if it had been opened in the light: pages ask the system only once."""
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    page.evaluate(
        """() => {
            document.documentElement.classList.remove("dark");
            const transitions = document.getAnimations().filter((a) => a instanceof CSSTransition);
            transitions.forEach((transition) => transition.finish());
        }"""
    )
