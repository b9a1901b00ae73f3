"""Sync over Microsoft Graph against a bare loop over the same pages, bookings pushed, and many quiet calendars."""

from __future__ import annotations

import cProfile
import datetime as dt
import json
import pstats
import uuid
from functools import partial
from typing import TYPE_CHECKING, Any

import requests
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from apps.bookings import services as bookings
from apps.bookings.walltime import Span
from apps.exchange import services as connections
from apps.exchange.graph import mapping
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Location, Resource
from apps.sync import glancing
from apps.sync.models import CalendarLink
from apps.sync.session import window_of
from apps.tenants.models import Tenant
from benchmarks.measuring import cpu_seconds, megabytes, seconds, sync, told
from benchmarks.sandbox import Sandbox, running

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = 1_000
PUSHED = 50
QUIET = 20
DOMAIN = "bench365.example"
ORGANISATION, CLIENT = (str(uuid.UUID(int=number)) for number in (1, 2))
SECRET = "only-for-measuring"  # noqa: S105 -- nobody's
KEY = "b25seS1mb3ItdGVzdHMtb25seS1mb3ItdGVzdHMtMTI="
PAGE = 500


def run() -> None:
    call_command("migrate", verbosity=0)
    settings.FIELD_ENCRYPTION_KEYS = [KEY]
    settings.EXCHANGE_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = ["127.0.0.1"]
    settings.CALENDAR_FACTORY = "apps.exchange.services.calendar_for"
    settings.SYNC_WORKS_FOR_S = 3600
    with running() as sandbox:
        place = Place(sandbox)
        reading(place)
        parsing(place)
        pushing(place)
        looking(place)


class Place:
    """A tenant, its connection to an organisation of Microsoft 365, and rooms with a mailbox each."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        settings.MICROSOFT_CLIENT_ID, settings.MICROSOFT_CLIENT_SECRET = CLIENT, SECRET
        settings.MICROSOFT_LOGIN_URL = f"{sandbox.url}/login"
        settings.MICROSOFT_GRAPH_URL = f"{sandbox.url}/graph"
        sandbox.control("organisation", domain=DOMAIN, tenant_id=ORGANISATION)
        sandbox.control("registration", client_id=CLIENT, secret=SECRET)
        roles = ["Calendars.ReadWrite", "MailboxSettings.Read"]
        sandbox.control("consent", domain=DOMAIN, client_id=CLIENT, roles=roles)
        tenant, _made = Tenant.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
        self.location, _made = Location.objects.get_or_create(tenant=tenant, name="Bench")
        self.connection = ExchangeConnection.objects.create(
            tenant=tenant, kind="microsoft_365", wire="graph", access="organisation",
            name="Bench over Graph", organisation_id=ORGANISATION,
        )  # fmt: skip
        self.start = timezone.now().replace(minute=0, second=0, microsecond=0) + dt.timedelta(1)
        self.window = window_of(timezone.now(), tenant.window_days)

    def room(self, name: str, events: int = 0) -> CalendarLink:
        email = f"{name}@{DOMAIN}"
        self.sandbox.control("mailbox", domain=DOMAIN, address=email)
        if events:
            self.sandbox.control(
                "fill", address=email, count=events, start=self.start.isoformat(), apart=120
            )
        now = timezone.now()
        return CalendarLink.objects.create(
            resource=Resource.objects.create(
                location=self.location, name=f"{name}-365", time_zone="UTC"
            ),
            connection=self.connection,
            email=email,
            lease_until=now,
            due_at=now,
        )

    def requests(self, of: Callable[[], object]) -> list[str]:
        """What is asked of Graph meanwhile; a new token now and then is not counted."""
        self.sandbox.forget_requests()
        of()
        return [one for one in self.sandbox.requests() if one != "token"]

    def token(self) -> str:
        given = self.sandbox.control("token", domain=DOMAIN, client_id=CLIENT, resource="graph")
        return str(given["token"])


# --- Reading ---------------------------------------------------------------------------------------


def reading(place: Place) -> None:
    calendars = [place.room(f"reading{number}", EVENTS) for number in range(4)]
    bare = partial(_bare_delta, place, calendars[0].email, place.token())
    bare()
    first = min(seconds(partial(sync, one)) for one in calendars[:2])
    read, pages = (
        min(seconds(one) for _n in range(3)) for one in (partial(_read_only, place, calendars[0]), bare)
    )  # fmt: skip
    first_requests = place.requests(partial(sync, calendars[2]))
    bare_requests = place.requests(bare)
    print(
        f"Graph, first sync of {EVENTS:,} events: {len(first_requests)} requests "
        f"({told(first_requests)}); a bare loop over the delta's pages {len(bare_requests)}"
    )
    print(
        f"Graph, reading them alone: {read / pages:.2f} times the bare loop "
        f"({1e3 * read:.0f}, {1e3 * pages:.0f} ms)"
    )
    print(
        f"Graph, the whole first sync, with a booking, a link and a log row of each: "
        f"{first / pages:.2f} times the bare loop ({1e3 * first:.0f} ms)"
    )
    ours, theirs = megabytes(partial(sync, calendars[3])), megabytes(bare)
    print(f"Graph, peak memory: first sync {ours:.1f} MB, the bare loop {theirs:.1f} MB")
    sync(calendars[0])
    idle = min(seconds(partial(sync, calendars[0])) for _number in range(3))
    idle_requests = place.requests(partial(sync, calendars[0]))
    print(
        f"Graph, nothing new: {len(idle_requests)} request ({told(idle_requests)}), "
        f"{idle / pages:.3f} times the bare loop ({1e3 * idle:.0f} ms)"
    )


def _read_only(place: Place, calendar: CalendarLink) -> None:
    """Everything that a first sync asks for, without a database but for the token."""
    port = connections.calendar_for(place.connection, calendar.email)
    port.open()
    cursor, is_last = "", False
    while not is_last:
        page = port.advance(cursor, place.window)
        cursor, is_last = page.cursor, page.is_last
    count, after, is_more = 0, "", True
    while is_more:
        shown = port.view(place.window, after)
        count += len(shown.events)
        after, is_more = shown.next, bool(shown.next)
    assert count == EVENTS, count  # noqa: S101


def _bare_delta(place: Place, email: str, token: str) -> None:
    """What anybody would write who wants these pages."""
    # A delta may tell of one twice.
    ids = {row["id"] for row in _bare_rows(place, email, token)}
    assert len(ids) == EVENTS, len(ids)  # noqa: S101


def _bare_rows(place: Place, email: str, token: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    link = (
        f"{place.sandbox.url}/graph/v1.0/users/{email}/calendarView/delta"
        f"?startDateTime={place.window.starts_at:%Y-%m-%dT%H:%M:%SZ}"
        f"&endDateTime={place.window.ends_at:%Y-%m-%dT%H:%M:%SZ}"
    )
    with requests.Session() as session:
        session.headers.update({
            "Authorization": f"Bearer {token}",
            "Prefer": f'IdType="ImmutableId", odata.maxpagesize={PAGE}',
        })  # fmt: skip
        while link:
            answer = session.get(link, timeout=60)
            answer.raise_for_status()
            page = answer.json()
            found += page["value"]
            link = page.get("@odata.nextLink", "")
    return found


# --- Parsing ---------------------------------------------------------------------------------------


def parsing(place: Place) -> None:
    rows = _bare_rows(place, f"reading0@{DOMAIN}", place.token())
    content = json.dumps(rows)
    ours = min(cpu_seconds(lambda: [mapping.event(row) for row in rows]) for _number in range(9))
    theirs = min(cpu_seconds(lambda: json.loads(content)) for _number in range(9))
    print(
        f"Graph, from JSON to an event: {1e3 * ours / len(rows):.3f} ms each, json.loads "
        f"{1e3 * theirs / len(rows):.3f} ms: {ours / theirs:.2f} times as long"
    )


# --- Pushing ---------------------------------------------------------------------------------------


def pushing(place: Place) -> None:
    calendar = place.room("pushing")
    sync(calendar)
    for number in range(PUSHED):
        starts_at = place.start + number * dt.timedelta(hours=3)
        span = Span.between(starts_at, starts_at + dt.timedelta(hours=1), "UTC")
        bookings.book(resource=calendar.resource, span=span, title=f"Booking {number}", by=None)
    CalendarLink.objects.filter(pk=calendar.pk).update(are_sends_approved=True)
    took: list[float] = []
    asked = place.requests(lambda: took.append(seconds(partial(sync, calendar))))
    print(
        f"Graph, {PUSHED} bookings pushed: {len(asked) / PUSHED:.2f} requests a booking "
        f"({told(asked)}), {1e3 * took[0] / PUSHED:.0f} ms a booking"
    )


# --- Looking ---------------------------------------------------------------------------------------


def looking(place: Place) -> None:
    """Quiet calendars, one after the other and by the batch."""
    calendars = [place.room(f"quiet{number}", 5) for number in range(QUIET)]
    for calendar in calendars:
        sync(calendar)
        sync(calendar)
    pks = [calendar.pk for calendar in calendars]
    alone = sum(seconds(partial(sync, calendar)) for calendar in calendars)
    quiet: list[int] = []
    took: list[float] = []

    def glance() -> None:
        quiet.append(glancing.glance(place.connection.pk, pks))

    asked = place.requests(lambda: took.append(seconds(glance)))
    assert quiet == [QUIET], quiet  # noqa: S101
    print(
        f"Graph, {QUIET} quiet calendars: {len(asked)} request ({told(asked)}), "
        f"{took[0] / alone:.2f} times as long as a run of each ({1e3 * took[0]:.0f} ms)"
    )


def profile(place: Place) -> None:
    """Where a first sync spends its time; not part of the run, for whoever wants to know."""
    calendar = place.room("profiled", EVENTS)
    profiler = cProfile.Profile()
    profiler.runcall(sync, calendar)
    pstats.Stats(profiler).sort_stats("cumulative").print_stats(45)
