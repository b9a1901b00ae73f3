"""Two Microsoft organisations on loopback, the settings that lead there, and a person before both browsers' pages."""

from __future__ import annotations

import html as text
import re
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import requests
from django.test import Client
from django.urls import reverse
from lxml import html

from apps.exchange.models import ExchangeConnection, SignInAttempt
from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Store

CLIENT_ID, SECRET = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "made-up~value"
LANTERN, LANTERN_ID = "lantern.example", "11111111-2222-4333-8444-555555555555"
QUARRY, QUARRY_ID = "quarry.example", "66666666-7777-4888-8999-aaaaaaaaaaaa"
ADMIN, DESK, VISITOR = (f"{name}@{LANTERN}" for name in ("admin", "frontdesk", "visitor"))
TRAINEE, POLICY, SOMEONE = f"trainee@{LANTERN}", f"guard@{LANTERN}", "someone@outlook.example"
QUARRY_ADMIN, QUARRY_DESK = f"admin@{QUARRY}", f"frontdesk@{QUARRY}"
ROOM, OTHER_ROOM, QUARRY_ROOM = f"beacon@{LANTERN}", f"wick@{LANTERN}", f"ledge@{QUARRY}"
INSTALL = reverse("admin:microsoft_install")
CALLBACK = reverse("microsoft_callback")
CONSENT_CALLBACK = reverse("microsoft_consent_callback")
SCOPES = frozenset({"openid", "User.Read", "Calendars.ReadWrite", "Calendars.ReadWrite.Shared"})
ROLES = frozenset({"Calendars.ReadWrite", "Place.Read.All"})


def microsoft(public_url: str = "http://testserver") -> Store:
    """Both organisations, each with rooms, an administrator and a front desk; and one registration."""
    store = Store(seed=7)
    for domain, name, tenant_id, rooms in (
        (LANTERN, "Lantern House", LANTERN_ID, (ROOM, OTHER_ROOM)),
        (QUARRY, "Quarry Yard", QUARRY_ID, (QUARRY_ROOM,)),
    ):
        store.add_organisation(
            domain=domain, name=name, server="", time_zone="Europe/London", tenant_id=tenant_id
        )
        for room in rooms:
            store.add_mailbox(domain, address=room, name=room.split("@")[0].title())
        store.add_microsoft_account(
            domain, upn=f"admin@{domain}", name="Ada Administrator", is_admin=True
        )
        store.add_microsoft_account(
            domain, upn=f"frontdesk@{domain}", name="Front Desk", rights=dict.fromkeys(rooms, "editor")
        )  # fmt: skip
    store.add_microsoft_account(LANTERN, upn=VISITOR, name="Visitor")
    store.add_microsoft_account(LANTERN, upn=TRAINEE, name="Trainee", needs_approval=True)
    store.add_microsoft_account(LANTERN, upn=POLICY, name="Guard", refusal=53003)
    store.add_microsoft_account(None, upn=SOMEONE, name="Someone")
    registration = store.register(
        client_id=CLIENT_ID,
        secret=SECRET,
        redirect_addresses=[public_url + CALLBACK, public_url + CONSENT_CALLBACK],
    )
    registration.scopes, registration.roles = SCOPES, ROLES
    return store


def lead_to(server: SandboxServer, settings: Any, public_url: str = "http://testserver") -> None:
    """The settings of an installation whose Microsoft is this sandbox."""
    settings.PUBLIC_URL = public_url
    settings.MICROSOFT_CLIENT_ID, settings.MICROSOFT_CLIENT_SECRET = CLIENT_ID, SECRET
    settings.MICROSOFT_LOGIN_URL = server.login_url
    settings.MICROSOFT_GRAPH_URL = server.graph_url
    settings.MICROSOFT_EWS_URL = server.ews_url
    settings.EXCHANGE_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = [f"127.0.0.1:{server.port}"]


class Person:
    """Somebody with one browser, at OptixSync and at Microsoft in turns."""

    def __init__(self, client: Client) -> None:
        self.client = client
        self.microsoft = requests.Session()
        # The page of OptixSync that is shown; its answer, and its words.
        self.shown: Any = None
        self.words = ""
        # At Microsoft.
        self.address = ""
        self.asked = ""
        # Where Microsoft sent the browser back to, for those who load it again.
        self.came_back_to = ""

    def install(self, access: str = "organisation", try_email: str = ROOM) -> Person:
        return self.post(INSTALL, access=access, try_email=try_email)

    def post(self, address: str, **form: str) -> Person:
        return self._show(self.client.post(address, form, follow=True))

    def get(self, address: str) -> Person:
        return self._show(self.client.get(address, follow=True))

    def choose(self, account: str) -> Person:
        return self.press(account=account)

    def accept(self) -> Person:
        return self.press(answer="accept")

    def press(self, **pressed: str) -> Person:
        """Press a button of Microsoft's page."""
        forms = html.fromstring(self.asked).iter("form")
        form = next(
            one
            for one in forms
            if all(
                one.xpath(f'.//*[@name="{name}" and @value="{value}"]')
                for name, value in pressed.items()
            )
        )
        hidden = {
            one.get("name"): one.get("value") for one in form.xpath('.//input[@type="hidden"]')
        }
        return self._at_microsoft(
            self.microsoft.post(
                self.address, data=hidden | pressed, allow_redirects=False, timeout=10,
                headers={"Origin": "{0.scheme}://{0.netloc}".format(urlsplit(self.address))},
            )
        )  # fmt: skip

    def go_back(self) -> Person:
        """Follow the link of Microsoft's page that leads back."""
        (link,) = [
            one.get("href")
            for one in html.fromstring(self.asked).iter("a")
            if CALLBACK in (one.get("href") or "") or CONSENT_CALLBACK in (one.get("href") or "")
        ]
        return self._come_back(link)

    def open(self, address: str) -> Person:
        """Open an address of Microsoft's."""
        return self._at_microsoft(self.microsoft.get(address, allow_redirects=False, timeout=10))

    @property
    def question(self) -> dict[str, str]:
        """What the address says that leads to Microsoft."""
        return dict(parse_qsl(urlsplit(self.address).query))

    def _show(self, answer: Any) -> Person:
        self.shown, self.words = answer, text.unescape(answer.content.decode())
        leads_on = re.search(
            r'http-equiv="refresh" content="0; url=([^"]+)"', answer.content.decode()
        )
        if leads_on:
            self.open(text.unescape(leads_on.group(1)))
        return self

    def _at_microsoft(self, answer: requests.Response) -> Person:
        self.address, self.asked = answer.url, answer.text
        if answer.status_code == 302:
            self._come_back(answer.headers["Location"])
        return self

    def _come_back(self, address: str) -> Person:
        self.came_back_to = address
        where = urlsplit(address)
        return self.get(f"{where.path}?{where.query}")


def the_connection() -> ExchangeConnection:
    return ExchangeConnection.objects.get()


def the_attempt() -> SignInAttempt:
    return SignInAttempt.objects.latest("pk")
