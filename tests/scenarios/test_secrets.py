"""Nothing tells a secret: whatever happens, none is in a log, on a page, in a traceback, a task, a mail or a dump.

Three connections are installed by their pages (Microsoft 365 organisation-wide, Microsoft 365 by an account, and an
Exchange Server by password), mailboxes with private events are synced, Microsoft calls, tokens are renewed, and much
goes wrong. Everything that was secret meanwhile is collected where it was made, and then looked for wherever people
and machines can look.
"""

from __future__ import annotations

import base64
import bisect
import datetime as dt
import logging
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from html import unescape
from itertools import accumulate
from typing import Any
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from django.conf import settings as configured
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import connection as database
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from django.utils.module_loading import import_string
from django_q.models import OrmQ, Task
from pytest_django.live_server_helper import LiveServer

from apps.bookings.models import Booking
from apps.exchange import identity, services
from apps.exchange.ews import session as ews
from apps.exchange.graph import session as graph
from apps.exchange.models import AccessToken, ExchangeConnection
from apps.resources.models import Location, Resource
from apps.sandbox.graph.sending import Settings as Sending
from apps.sandbox.identity import tokens
from apps.sandbox.server import SandboxServer, serve
from apps.sandbox.store import Attendee
from apps.sandbox.store import Person as Somebody
from apps.sync import connecting, dispatch, subscribing
from apps.sync.models import CalendarLink, Subscription
from apps.tenants.models import Role, Tenant, User
from tests.console import microsoft
from tests.console.microsoft import ADMIN, DESK, OTHER_ROOM, ROOM, Person, the_attempt
from tests.factories import LocationFactory, ResourceFactory

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = dt.timedelta(hours=1)
CLIENT_SECRET = "Zanzibar~value-of-the-client"
PASSWORD = "Zanzibar:password,of-the-service"
SUBJECT, ORGANISER, ADDRESS = "Merger with Quibble", "Ottoline Quibble", "ottoline@quibble.example"
GUEST, GUEST_ADDRESS = "Peregrine Guest", "peregrine@guest.example"
TALK, SPEAKER, SPEAKER_ADDRESS = "A talk for all", "Wilhelmina Speaker", "wilhelmina@talks.example"
ON_PREMISES, SERVICE, HALL = "alster.example", "svc@alster.example", "hall@alster.example"
ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+")
LINK = re.compile(r'(?:href|hx-get)="(/(?:admin|accounts)/[^"]*)"')
SHORTEST = 8
ENDS_THE_SESSION = re.compile("/logout/|/password/|/2fa/")


@dataclass
class Secrets:
    """What nobody must tell, by what it is; and everything that was told."""

    known: dict[str, str] = field(default_factory=dict)
    told: list[tuple[str, str]] = field(default_factory=list)
    # Of what was no secret before: from which telling on it is one.
    since: dict[str, int] = field(default_factory=dict)

    def keep(self, what: str, secret: str) -> None:
        assert len(secret) >= SHORTEST, what
        self.known[secret] = what

    def keep_from_now_on(self, what: str, secret: str) -> None:
        self.keep(what, secret)
        self.since[secret] = len(self.told)

    def tell(self, where: str, text: str) -> None:
        self.told.append((where, text))

    def found(self) -> dict[str, str]:
        """Which secret was told where, with an example; also in the spelling of addresses and of base64."""
        texts = [text.lower() for _where, text in self.told]
        starts = list(accumulate((len(text) + 1 for text in texts), initial=0))
        whole = "\n".join(texts)
        found: dict[str, str] = {}
        for secret, what in self.known.items():
            for spelling in {secret, quote(secret, safe=""), _in_base64(secret)}:
                for at in _places(whole, spelling.lower(), starts[self.since.get(secret, 0)]):
                    number = bisect.bisect_right(starts, at) - 1
                    around = whole[max(at - 80, starts[number]) : at + 60]
                    found[f"{what} in {self.told[number][0]}"] = around
        return found

    def of(self, *kinds: str) -> list[str]:
        """The newest of each kind."""
        return [{what: secret for secret, what in self.known.items()}[kind] for kind in kinds]

    def kinds(self) -> set[str]:
        return set(self.known.values())


def _places(whole: str, wanted: str, first: int) -> Iterator[int]:
    at = whole.find(wanted, first)
    while at >= 0:
        yield at
        at = whole.find(wanted, at + 1)


def _in_base64(secret: str) -> str:
    """What it looks like in the middle of a text in base64, where it begins with a new group."""
    return base64.b64encode(secret.encode()).decode().rstrip("=")[:-1]


class Listening(logging.Handler):
    """Every line, as the project's own handler would write it."""

    def __init__(self, secrets: Secrets) -> None:
        super().__init__(logging.DEBUG)
        self.secrets = secrets

    def emit(self, record: logging.LogRecord) -> None:
        self.secrets.tell(f"log of {record.name}", self.format(record))


@pytest.fixture
def secrets(monkeypatch: pytest.MonkeyPatch) -> Secrets:
    """What is made from here on is collected where the sandbox makes it."""
    made = Secrets()
    made.keep("the client secret", CLIENT_SECRET)
    made.keep("the password", PASSWORD)
    for words in (SUBJECT, ORGANISER, ADDRESS, GUEST, GUEST_ADDRESS):
        made.keep("the private event", words)

    def kept(what: str, make: Callable[..., str]) -> Callable[..., str]:
        def making(*args: Any, **named: Any) -> str:
            token = make(*args, **named)
            made.keep(what, token)
            return token

        return making

    monkeypatch.setattr(tokens, "sign", kept("an access token", tokens.sign))
    monkeypatch.setattr(tokens, "seal", kept("a refresh token", tokens.seal))
    return made


@pytest.fixture(autouse=True)
def _everything_is_logged(secrets: Secrets, settings: Any) -> Iterator[None]:
    """As with LOG_LEVEL=DEBUG, and every statement of SQL with its values beside that."""
    root, sql = logging.getLogger(), logging.getLogger("django.db.backends")
    before = root.level, sql.level
    listening = Listening(secrets)
    line = settings.LOGGING["formatters"]["line"]
    listening.setFormatter(logging.Formatter(line["format"], style=line["style"]))
    root.addHandler(listening)
    root.setLevel(logging.DEBUG)
    sql.setLevel(logging.DEBUG)
    database.force_debug_cursor = True
    try:
        yield
    finally:
        database.force_debug_cursor = False
        root.removeHandler(listening)
        root.setLevel(before[0])
        sql.setLevel(before[1])


@pytest.fixture
def server(settings: Any, live_server: LiveServer, secrets: Secrets) -> Iterator[SandboxServer]:
    store = microsoft.microsoft()
    registered = next(iter(store.registrations.values()))
    store.register(
        client_id=registered.client_id, secret=CLIENT_SECRET,
        redirect_addresses=registered.redirect_addresses,
        scopes=microsoft.SCOPES, roles=microsoft.ROLES,
    )  # fmt: skip
    with serve(store, sending=Sending(together=0.02, gaps=(0.1, 0.1))) as running:
        microsoft.lead_to(running, settings)
        settings.MICROSOFT_CLIENT_SECRET = CLIENT_SECRET
        settings.MICROSOFT_NOTIFICATION_URL = live_server.url.replace("localhost", "127.0.0.1")
        settings.CALENDAR_FACTORY = "apps.exchange.services.calendar_for"
        furnish_on_premises(running)
        yield running
        graph.close_connections()
        ews.close_connections()


def furnish_on_premises(server: SandboxServer) -> None:
    store = server.store
    store.add_organisation(
        domain=ON_PREMISES, name="Alster", server=server.url, time_zone="Europe/Berlin"
    )
    store.add_mailbox(ON_PREMISES, address=HALL, name="Hall", kind="room")
    store.add_account(
        ON_PREMISES, name=SERVICE, login="ALSTER\\svc", password=PASSWORD, impersonates=("room",)
    )


# --- The day ------------------------------------------------------------------------------------------


@dataclass
class Town:
    """Owners of two tenants, a superuser, and what they see."""

    server: SandboxServer
    secrets: Secrets
    tenant: Tenant
    other: Tenant
    owner: Person
    other_owner: Person

    def remember_sign_in(self, person: Person) -> None:
        """Of a sign-in that stands at Microsoft: the verifier that our session has."""
        verifiers = [
            word
            for session in Session.objects.all()
            for word in _words_under(session.get_decoded(), "pkce_code_verifier")
        ]
        for verifier in verifiers:
            self.secrets.keep("the PKCE verifier", verifier)

    def remember_code(self, person: Person) -> None:
        for code in parse_qs(urlsplit(person.came_back_to).query).get("code", []):
            self.secrets.keep("an authorization code", code)

    def install(self, person: Person, access: str, account: str) -> ExchangeConnection:
        """The whole way by the pages, as far as it takes."""
        person.install(access, ROOM)
        self.remember_sign_in(person)
        if person.choose(account).asked:
            # Nobody has consented yet.
            person.accept()
        self.remember_code(person)
        if access == "organisation":
            person.post(reverse("admin:microsoft_consent", args=[the_attempt().uuid])).accept()
        self.work()
        return ExchangeConnection.objects.latest("pk")

    def install_server(self) -> ExchangeConnection:
        typed = {
            "server": self.server.url, "email": SERVICE, "username": "", "password": PASSWORD,
            "access": "impersonation", "try_email": HALL, "ca_pem": "", "name": "",
        }  # fmt: skip
        self.owner.post(reverse("admin:exchange_install_server"), **typed)
        self.work()
        return ExchangeConnection.objects.latest("pk")

    def connect(self, location: Location, email: str, connection: ExchangeConnection) -> Resource:
        resource = ResourceFactory.create(location=location, name=email.partition("@")[0])
        connecting.connect(resource=resource, email=email, connection=connection)
        self.work()
        return resource

    def put_private(self, email: str, hours: float) -> str:
        return self.put(email, hours, SUBJECT, sensitivity="Private")

    def put(
        self,
        email: str,
        hours: float,
        subject: str,
        by: Somebody = Somebody(ORGANISER, ADDRESS),  # noqa: B008 -- nothing changes it
        **fields: Any,
    ) -> str:
        start = timezone.now().replace(minute=0, second=0, microsecond=0) + hours * HOUR
        guest = Attendee(name=GUEST, address=GUEST_ADDRESS)
        made = self.server.store.write_new(
            self.server.store.mailbox(email).calendar.id,
            {"subject": subject, "start": start, "end": start + HOUR, "attendees": (guest,), **fields},
            organizer=by,
            was_received=True,
            my_response="Accept",
        )  # fmt: skip
        return str(made.id)

    def work(self) -> None:
        """What workers would do; what each task was given is told."""
        for _number in range(200):
            row = OrmQ.objects.order_by("pk").first()
            if row is None:
                return
            task = row.task
            self.secrets.tell("a task", f"{row.payload} {task}")
            row.delete()
            import_string(task["func"])(*task["args"], **task["kwargs"])
        raise AssertionError("The tasks do not come to an end.")

    def sync(self) -> None:
        """All calendars are due, and looked at."""
        CalendarLink.objects.update(due_at=timezone.now())
        ExchangeConnection.objects.update(paused_until=None)
        dispatch.dispatch()
        self.work()


def _words_under(found: Any, name: str) -> Iterator[str]:
    """Strings by this name, however deep they lie."""
    if isinstance(found, dict):
        for key, value in found.items():
            if key == name and isinstance(value, str):
                yield value
            yield from _words_under(value, name)
    elif isinstance(found, list | tuple):
        for value in found:
            yield from _words_under(value, name)


@pytest.fixture
def town(
    server: SandboxServer,
    secrets: Secrets,
    tenant: Tenant,
    other_tenant: Tenant,
    user_with: Callable[..., User],
    client_of: Callable[[User], Client],
) -> Town:
    owner, other = (user_with(Role.OWNER, one) for one in (tenant, other_tenant))
    return Town(
        server, secrets, tenant, other_tenant, Person(client_of(owner)), Person(client_of(other))
    )


def expire_tokens() -> None:
    AccessToken.objects.update(expires_at=timezone.now())


def live(town: Town, location: Location) -> None:
    """A good day: installed, connected, synced, told, renewed; and one event that turns private."""
    far = LocationFactory.create(tenant=town.other, name="Far House")
    wide = town.install(town.owner, "organisation", ADMIN)
    on_premises = town.install_server()
    delegated = town.install(town.other_owner, "account", DESK)
    assert [one.state for one in (wide, on_premises, delegated)] == ["installed"] * 3
    flips: list[str] = []
    for place, email, connection in (
        (location, ROOM, wide), (location, HALL, on_premises), (far, OTHER_ROOM, delegated),
    ):  # fmt: skip
        town.put_private(email, 48)
        flips.append(town.put(email, 52, TALK, Somebody(SPEAKER, SPEAKER_ADDRESS)))
        town.connect(place, email, connection)
    assert Booking.objects.filter(title="Private").count() == 3
    # What turns private gets its telling words in the same moment.
    for item in flips:
        town.server.store.write(item, {"subject": SUBJECT, "sensitivity": "Confidential"})
    subscribing.look_around()
    town.work()
    assert Subscription.objects.get().state == "alive"
    for organisation in town.server.store.organisations.values():
        for one in organisation.subscriptions.values():
            town.secrets.keep("clientState", one.client_state)
    expire_tokens()
    town.sync()
    assert Booking.objects.filter(title="Private").count() == 6
    for words in (TALK, SPEAKER, SPEAKER_ADDRESS):
        town.secrets.keep_from_now_on("what turned private", words)
    notify(town)


def notify(town: Town) -> None:
    """Microsoft calls, with the secret that it knows; and a stranger does, with a wrong one."""
    subscription = Subscription.objects.get()
    (state,) = [secret for secret, what in town.secrets.known.items() if what == "clientState"]
    for told in (state, "Zanzibar-guessed"):
        note = {
            "subscriptionId": subscription.subscription_id, "clientState": told,
            "changeType": "updated", "tenantId": microsoft.LANTERN_ID, "resource": "Users/x/Events/y",
        }  # fmt: skip
        for body in ({"value": [note]}, {"value": [note, f"broken {told}"]}, [told]):
            Client().post(reverse("exchange_notifications"), body, content_type="application/json")
    town.work()


BAD_DAYS: list[dict[str, Any]] = [
    {
        "kind": "error",
        "code": "InvalidAuthenticationToken",
        "message": f"{SUBJECT} {ORGANISER} TOKEN",
    },
    {"kind": "error", "code": "ErrorAccessDenied", "message": f"{SUBJECT} for {ADDRESS}"},
    {"kind": "error", "code": "ErrorInvalidRequest", "message": f"{SUBJECT} TOKEN", "status": 400},
    {"kind": "http", "status": 500, "text": f"<p>{SUBJECT} {ADDRESS} TOKEN</p>"},
    {"kind": "http", "status": 302, "headers": {"Location": f"https://x.example/?t={SUBJECT}"}},
    {"kind": "cut-xml", "part": 0.7},
    {"kind": "cut-before"},
    {"kind": "cut-after"},
    {"kind": "odd", "element": "start", "value": SUBJECT},
    {"kind": "odd", "element": "end.dateTime", "value": f"{SUBJECT}T00:00"},
]


def have_bad_days(town: Town) -> None:
    """Everything that a server says when it is not well, with its words quoting what it should not."""
    token = next(one for one, what in town.secrets.known.items() if what == "an access token")
    for day in BAD_DAYS:
        told = {name: value.replace("TOKEN", token) if isinstance(value, str) else value
                for name, value in day.items()}  # fmt: skip
        town.server.faults.arrange({**told, "count": 6})
        for email in (ROOM, OTHER_ROOM, HALL):
            town.put_private(email, 72)
        CalendarLink.objects.update(is_full_round_wanted=True)
        town.sync()
        town.server.faults.forget()
        recover()
    town.sync()


def recover() -> None:
    """A person has looked, and everything goes on."""
    CalendarLink.objects.update(state="in_sync", barren_starts=0, failures=0)
    ExchangeConnection.objects.update(stopped_at=None, error_kind="")


def crash(town: Town, settings: Any) -> None:
    """A defect of ours, whose words hold everything."""
    settings.CALENDAR_FACTORY = "tests.scenarios.test_secrets.crashing"
    CRASHES_WITH.extend(town.secrets.known)
    try:
        town.sync()
        assert CalendarLink.objects.filter(error_kind="unexpected").count() == 3
    finally:
        CRASHES_WITH.clear()
        settings.CALENDAR_FACTORY = "apps.exchange.services.calendar_for"
    recover()


CRASHES_WITH: list[str] = []


def crashing(connection: ExchangeConnection, email: str) -> Any:
    try:
        dict[str, str]()[" ".join(CRASHES_WITH)]
    except KeyError as exc:
        raise RuntimeError(" ".join(CRASHES_WITH)) from exc


def be_refused(town: Town) -> None:
    """The token endpoint says no in many words, one connection after the other stops, and owners get mail."""
    for status, text in (
        (400, '{"error": "invalid_grant", "error_description": "AADSTS50173: %s"}'),
        (401, '{"error": "invalid_client", "error_description": "AADSTS7000222: %s"}'),
        (500, "<p>%s</p>"),
        (200, '{"access_token": 5, "refresh_token": "%s"}'),
        (200, "%s"),
    ):
        words = " ".join([CLIENT_SECRET, *town.secrets.of("a refresh token", "an access token")])
        expire_tokens()
        town.server.faults.arrange(
            {
                "kind": "http",
                "operation": "token",
                "status": status,
                "text": text % words,
                "count": 4,
            }
        )
        town.sync()
        town.server.faults.forget()
        recover()


def report_crashes(town: Town) -> None:
    """What Django would report of exceptions out of the token call and the Graph client."""
    for connection in ExchangeConnection.objects.exclude(organisation_id=""):
        for break_it in (expire_tokens, lambda: None):
            for fault in (
                {"kind": "cut-before"}, {"kind": "http", "status": 400, "text": '{"error": "odd"}'},
                {"kind": "http", "status": 401, "text": "odd"},
            ):  # fmt: skip
                recover()
                break_it()
                town.server.faults.arrange({**fault, "count": None})
                try:
                    services.calendar_for(connection, ROOM).open()
                except Exception:  # noqa: BLE001 -- whatever it is, it is reported
                    report(town)
                else:
                    raise AssertionError("It works.")
                finally:
                    town.server.faults.forget()
    recover()
    # The worst: a defect beneath all of it, while a code and its verifier are in the hands of a view.
    for what in (identity, graph):
        try:
            _fail_beside(town, what)
        except ZeroDivisionError:
            report(town)


def _fail_beside(town: Town, what: object) -> float:
    at_hand = dict(town.secrets.known)
    return len(at_hand) / 0


def report(town: Town) -> None:
    request = Client().get("/healthz/", {"code": list(town.secrets.known)[-1]}).wsgi_request
    reporter = import_string(configured.DEFAULT_EXCEPTION_REPORTER)(request, *sys.exc_info())
    town.secrets.tell("a report as text", reporter.get_traceback_text())
    town.secrets.tell("a report as html", reporter.get_traceback_html())


# --- Looking ------------------------------------------------------------------------------------------


def crawl(secrets: Secrets, who: str, client: Client, most_alike: int = 1) -> int:
    """Every page of the console that a link leads to; how many there were.

    Of those that differ by nothing but what they are about so many are looked at.
    """
    waiting, seen, alike = [reverse("admin:index")], set[str](), Counter[str]()
    while waiting:
        address = waiting.pop(0)
        path = urlsplit(address).path
        kind = ID.sub("*", path)
        if path in seen or ENDS_THE_SESSION.search(path) or alike[kind] == most_alike:
            continue
        seen.add(path)
        alike[kind] += 1
        answer = client.get(address, follow=True)
        if "text/html" not in answer.headers.get("Content-Type", ""):
            continue
        page = answer.content.decode()
        secrets.tell(f"{path}, to {who}", page)
        waiting += map(unescape, LINK.findall(page))
    return len(seen)


def dump(secrets: Secrets) -> int:
    """All columns of all tables as text, and what sessions have; how many rows."""
    count = 0
    with database.cursor() as cursor:
        for table in database.introspection.table_names(cursor):
            cursor.execute(f'SELECT t::text FROM "{table}" t')  # noqa: S608 -- the database's own names
            for (row,) in cursor.fetchall():
                secrets.tell(f"the table {table}", row)
                count += 1
    for session in Session.objects.all():
        secrets.tell("a session", str(session.get_decoded()))
    for task in Task.objects.all():
        secrets.tell("a task that ended", f"{task.args} {task.kwargs} {task.result}")
    return count


def test_secrets_are_told_nowhere(
    town: Town,
    location: Location,
    settings: Any,
    superuser: User,
    client_of: Callable[[User], Client],
) -> None:
    secrets = town.secrets
    live(town, location)
    dump(secrets)
    have_bad_days(town)
    crash(town, settings)
    be_refused(town)
    report_crashes(town)

    pages = [
        crawl(secrets, "an owner", town.owner.client, most_alike=3),
        crawl(secrets, "the owner of another tenant", town.other_owner.client),
        crawl(secrets, "a superuser", client_of(superuser)),
    ]
    rows = dump(secrets)
    for one in mail.outbox:
        secrets.tell("a mail", f"{one.subject} {one.body}")

    assert secrets.kinds() == {
        "the client secret", "the password", "an access token", "a refresh token",
        "an authorization code", "the PKCE verifier", "clientState", "the private event",
        "what turned private",
    }  # fmt: skip
    assert min(pages) > 20
    assert rows > 100
    assert len(mail.outbox) > 1
    where = {place.partition(" ")[0] for place, _text in secrets.told}
    assert {"log", "a", "the"} <= where
    found = secrets.found()
    assert not found, "\n".join(f"{place}: …{around}…" for place, around in found.items())
