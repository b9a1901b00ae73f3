"""Sync over Microsoft Graph against a bare loop over the same pages, bookings pushed, and a glance at many rooms."""

from __future__ import annotations

import datetime as dt
import json
from functools import partial
from typing import TYPE_CHECKING

import requests
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from apps.bookings import services as bookings
from apps.bookings.walltime import Span
from apps.exchange import identity
from apps.exchange.graph import mapping
from apps.exchange.graph.calendar import GraphCalendar, calendar_for
from apps.exchange.graph.client import PREFER
from apps.exchange.graph.glancing import glance
from apps.exchange.models import ExchangeConnection
from apps.resources.models import Location
from apps.sync import glancing as engine
from apps.sync.models import CalendarLink
from apps.sync.session import window_of
from apps.tenants.models import Tenant
from benchmarks.bench_ews import KEY, Place
from benchmarks.measuring import cpu_seconds, megabytes, seconds, sync, told
from benchmarks.sandbox import Sandbox, running

if TYPE_CHECKING:
    from collections.abc import Iterator

EVENTS = 1_000
PUSHED = 50
ROOMS = 60
QUIET = 20
DOMAIN, TENANT = "lantern-bench.example", "5a1e0f5e-1111-4222-8333-444455556666"
# Longer than any run.
LIFE = dt.timedelta(days=2)


def run() -> None:
    call_command("migrate", verbosity=0)
    settings.FIELD_ENCRYPTION_KEYS = [KEY]
    settings.EXCHANGE_ALLOWED_NETWORKS = ["127.0.0.0/8"]
    settings.EXCHANGE_ALLOW_PLAIN_HTTP_TO = ["127.0.0.1"]
    settings.CALENDAR_FACTORY = "apps.exchange.services.calendar_for"
    settings.SYNC_WORKS_FOR_S = 3600
    with running() as sandbox:
        settings.MICROSOFT_GRAPH_URL = f"{sandbox.url}/graph"
        sandbox.control("organisation", domain=DOMAIN, tenant_id=TENANT)
        place = Tower(sandbox)
        reading(place)
        mapping_rows(place)
        pushing(place)
        glancing(place)
        looking(place)


class Tower(Place):
    """A tenant at Microsoft 365, with access of the organisation, and rooms with a mailbox each."""

    domain = DOMAIN

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        tenant, _made = Tenant.objects.get_or_create(slug="bench", defaults={"name": "Bench"})
        self.location, _made = Location.objects.get_or_create(tenant=tenant, name="Tower")
        self.connection = ExchangeConnection.objects.create(
            tenant=tenant, kind="microsoft_365", wire="graph", name="Bench over Graph",
            access="organisation", organisation_id=TENANT,
        )  # fmt: skip
        self.token = sandbox.control("token", domain=DOMAIN, seconds=int(LIFE.total_seconds()))[
            "token"
        ]
        identity.store(
            self.connection, access_token=self.token, refresh_token="",
            expires_at=timezone.now() + LIFE, audience="graph",
        )  # fmt: skip
        self.start = timezone.now().replace(minute=0, second=0, microsecond=0) + dt.timedelta(1)
        self.window = window_of(timezone.now(), tenant.window_days)


def reading(place: Tower) -> None:
    calendars = [place.room(f"reading{number}", EVENTS) for number in range(4)]
    email = calendars[0].email
    pages = _pages(place, email)
    bare = partial(_bare, place, pages)
    bare()
    first = min(seconds(partial(sync, one)) for one in calendars[:2])
    read = min(seconds(partial(_read_only, place, email)) for _number in range(3))
    loop = min(seconds(bare) for _number in range(3))
    first_requests = place.requests(partial(sync, calendars[2]))
    print(
        f"Graph, first sync of {EVENTS:,} events: {len(first_requests)} requests "
        f"({told(first_requests)})"
    )
    print(
        f"Graph, reading them alone: {read / loop:.2f} times a bare loop over the same {len(pages)} "
        f"pages ({1e3 * read:.0f}, {1e3 * loop:.0f} ms)"
    )
    print(
        f"Graph, the whole first sync, with a booking, a link and a log row of each: "
        f"{first / loop:.2f} times the bare loop ({1e3 * first:.0f} ms)"
    )
    print(
        f"Graph, peak memory: first sync {megabytes(partial(sync, calendars[3])):.1f} MB, "
        f"the bare loop {megabytes(bare):.1f} MB"
    )
    sync(calendars[0])
    idle = min(seconds(partial(sync, calendars[0])) for _number in range(3))
    idle_requests = place.requests(partial(sync, calendars[0]))
    print(
        f"Graph, nothing new: {len(idle_requests)} request ({told(idle_requests)}), "
        f"{1e3 * idle:.0f} ms"
    )


def _port(place: Tower, email: str) -> GraphCalendar:
    return calendar_for(place.connection.graph_settings, email)


def _read_only(place: Tower, email: str) -> None:
    """Everything that a first sync asks for, without a database."""
    port = _port(place, email)
    port.open()
    cursor, is_last = "", False
    while not is_last:
        page = port.advance(cursor, place.window)
        cursor, is_last = page.cursor, page.is_last
    after, count, is_first = "", 0, True
    while after or is_first:
        shown = port.view(place.window, after)
        count, after, is_first = count + len(shown.events), shown.next, False
    assert count == EVENTS, count  # noqa: S101 -- else nothing was measured


def _pages(place: Tower, email: str) -> list[tuple[str, str, bytes | None, dict[str, str]]]:
    """The requests of reading as they leave: method, address, body, and the headers that matter."""
    sent: list[tuple[str, str, bytes | None, dict[str, str]]] = []
    send = requests.Session.send

    def noting(
        session: requests.Session, request: requests.PreparedRequest, **more: object
    ) -> requests.Response:
        kept = {
            "Prefer": str(request.headers.get("Prefer", PREFER)),
            "Content-Type": "application/json",
        }
        body = request.body if isinstance(request.body, bytes) else None
        sent.append((str(request.method), str(request.url), body, kept))
        return send(session, request, **more)

    requests.Session.send = noting  # type: ignore[assignment, method-assign]
    try:
        _read_only(place, email)
    finally:
        requests.Session.send = send  # type: ignore[method-assign]
    return sent


def _bare(place: Tower, pages: list[tuple[str, str, bytes | None, dict[str, str]]]) -> None:
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {place.token}"
        for method, url, body, headers in pages:
            session.request(method, url, data=body, headers=headers, timeout=30).json()


def mapping_rows(place: Tower) -> None:
    """From a row to an event, beside what anybody pays who reads JSON: in the process's own time."""
    calls = [one for one in _pages(place, f"reading0@{DOMAIN}") if "calendarView?" in one[1]]
    rows: list[mapping.Row] = []
    for _method, url, _body, headers in calls:
        signed = headers | {"Authorization": f"Bearer {place.token}"}
        rows += requests.get(url, headers=signed, timeout=30).json()["value"]
    assert len(rows) == EVENTS, len(rows)  # noqa: S101
    content = json.dumps(rows)
    ours = min(cpu_seconds(lambda: [mapping.event(row) for row in rows]) for _number in range(9))
    theirs = min(cpu_seconds(lambda: json.loads(content)) for _number in range(9))
    print(
        f"Graph, from JSON to an event: {1e3 * ours / len(rows):.3f} ms each, json.loads "
        f"{1e3 * theirs / len(rows):.3f} ms: {ours / theirs:.2f} times as long"
    )


def pushing(place: Tower) -> None:
    calendar = place.room("pushing")
    sync(calendar)
    for number in range(PUSHED):
        starts_at = place.start + number * dt.timedelta(hours=3)
        span = Span.between(starts_at, starts_at + dt.timedelta(hours=1), "UTC")
        bookings.book(resource=calendar.resource, span=span, title=f"Booking {number}", by=None)
    CalendarLink.objects.filter(pk=calendar.pk).update(are_sends_approved=True)
    took: list[float] = []
    sent = place.requests(lambda: took.append(seconds(partial(sync, calendar))))
    print(
        f"Graph, {PUSHED} bookings pushed: {len(sent) / PUSHED:.2f} requests a booking "
        f"({told(sent)}), {1e3 * took[0] / PUSHED:.0f} ms a booking"
    )


def glancing(place: Tower) -> None:
    emails = [f"glance{number}@{DOMAIN}" for number in range(ROOMS)]
    for email in emails:
        place.sandbox.control("mailbox", domain=DOMAIN, address=email)
    cursors = dict(_cursors(place, emails))
    look = partial(glance, place.connection.graph_settings, cursors)
    sent = place.requests(look)
    apart = seconds(
        lambda: [_port(place, one).changes(cursors[one], place.window) for one in emails]
    )
    together = seconds(look)
    print(
        f"Graph, a glance at {ROOMS} quiet rooms: {len(sent)} requests, {1e3 * together:.0f} ms; "
        f"one by one {1e3 * apart:.0f} ms"
    )


def _cursors(place: Tower, emails: list[str]) -> Iterator[tuple[str, str]]:
    for email in emails:
        page = _port(place, email).advance("", place.window)
        yield email, page.cursor


def looking(place: Tower) -> None:
    """What the dispatcher does with quiet calendars, database and all: a run of each, and one glance."""
    calendars = [place.room(f"quiet{number}", 5) for number in range(QUIET)]
    for calendar in calendars:
        sync(calendar)
        sync(calendar)
    apart = sum(seconds(partial(sync, calendar)) for calendar in calendars)
    quiet: list[int] = []
    took: list[float] = []

    def look() -> None:
        quiet.append(engine.glance(place.connection.pk, [calendar.pk for calendar in calendars]))

    sent = place.requests(lambda: took.append(seconds(look)))
    assert quiet == [QUIET], quiet  # noqa: S101
    print(
        f"Graph, {QUIET} quiet calendars: {len(sent)} request ({told(sent)}), {1e3 * took[0]:.0f} ms; "
        f"a run of each {1e3 * apart:.0f} ms"
    )
