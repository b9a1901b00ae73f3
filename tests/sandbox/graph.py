"""Speak Graph to a served sandbox, by hand."""

from __future__ import annotations

import datetime as dt
from typing import Any

import requests

from apps.sandbox.recurrence import Pattern, Recurrence
from apps.sandbox.server import SandboxServer
from apps.sandbox.store import Item, Store
from tests.sandbox import microsoft

ROOM, OTHER_ROOM, DESK = microsoft.ROOM, microsoft.OTHER_ROOM, microsoft.DESK
STAMP = "String {cad30ed9-bc9b-457a-91e4-50b0a91dab46} Name OptixSyncBooking"
EXPAND = f"singleValueExtendedProperties($filter=id eq '{STAMP}')"
IMMUTABLE = 'IdType="ImmutableId"'
LONDON = "GMT Standard Time"
WINDOW = {"startDateTime": "2027-03-01T00:00:00Z", "endDateTime": "2027-04-01T00:00:00Z"}


class Graph:
    """A client with one token; addresses are those below the version, or whole ones."""

    def __init__(self, server: SandboxServer, token: str, *, immutable: bool = True) -> None:
        self.server = server
        self.url = f"{server.graph_url}/v1.0"
        self.session = requests.Session()
        self.session.headers["Authorization"] = f"Bearer {token}"
        if immutable:
            self.session.headers["Prefer"] = IMMUTABLE

    def ask(self, method: str, path: str, *, prefer: str = "", **options: Any) -> requests.Response:
        if prefer:
            kept = self.session.headers.get("Prefer")
            options.setdefault("headers", {})["Prefer"] = f"{kept}, {prefer}" if kept else prefer
        address = path if path.startswith("http") else f"{self.url}/{path}"
        return self.session.request(method, address, timeout=10, **options)

    def get(self, path: str, **params: Any) -> Any:
        """Get what must be there."""
        answer = self.ask("GET", path, params=params)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, path: str, content: Any, status: int = 201, **options: Any) -> Any:
        answer = self.ask("POST", path, json=content, **options)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    def patch(self, path: str, content: Any, **options: Any) -> Any:
        answer = self.ask("PATCH", path, json=content, **options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def refused(self, method: str, path: str, **options: Any) -> tuple[int, str]:
        """Ask for what is refused: status and code."""
        answer = self.ask(method, path, **options)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["error"]["code"]

    def round(self, link: str = "", prefer: str = "") -> tuple[list[Any], str]:
        """Read a whole round of a delta: its rows, and the link for the next."""
        rows: list[Any] = []
        page = self.ask("GET", link, prefer=prefer) if link else self.delta(prefer=prefer)
        while True:
            assert page.status_code == 200, page.text
            content = page.json()
            rows += content["value"]
            if "@odata.deltaLink" in content:
                return rows, content["@odata.deltaLink"]
            page = self.ask("GET", content["@odata.nextLink"], prefer=prefer)

    def delta(self, prefer: str = "", **params: Any) -> requests.Response:
        path = f"users/{ROOM}/calendarView/delta"
        return self.ask("GET", path, params={**WINDOW, **params}, prefer=prefer)


def connect(
    server: SandboxServer, account: str | None = None, *, immutable: bool = True, **given: Any
) -> Graph:
    """Open Graph with a token that opens every mailbox, or that of an account."""
    token = server.store.issue(organisation=microsoft.LANTERN, account=account, **given)
    return Graph(server, token, immutable=immutable)


def event(subject: str = "Talk", day: int = 1, **more: Any) -> dict[str, Any]:
    """Write the body of an event of an hour in March 2027."""
    times = {"start": at(day, 9), "end": at(day, 10)}
    return {"subject": subject, **times, **more}


def at(day: int, hour: int, minute: int = 0, zone: str = "UTC") -> dict[str, str]:
    return {"dateTime": f"2027-03-{day:02}T{hour:02}:{minute:02}:00", "timeZone": zone}


def weekly(first: int = 4, count: int = 3) -> dict[str, Any]:
    """Thursdays, as a recurrence."""
    return {
        "pattern": {"type": "weekly", "interval": 1, "daysOfWeek": ["thursday"]},
        "range": {
            "type": "numbered",
            "startDate": f"2027-03-{first:02}",
            "numberOfOccurrences": count,
        },
    }


def utc(day: int, hour: int, minute: int = 0, month: int = 3) -> dt.datetime:
    return dt.datetime(2027, month, day, hour, minute, tzinfo=dt.UTC)


def book(
    store: Store, subject: str = "Talk", day: int = 1, address: str = ROOM, **more: Any
) -> Item:
    """Write an event of an hour straight into a calendar."""
    fields = {"subject": subject, "start": utc(day, 9), "end": utc(day, 10), **more}
    return store.create(store.mailbox(address).calendar.id, fields)


def series(store: Store, count: int | None = 3, first: int = 4, **more: Any) -> Item:
    """Thursdays at nine in London, from 4 March on."""
    rule = Recurrence(
        pattern=Pattern(kind="Weekly", days=("Thursday",)),
        start=dt.date(2027, 3, first),
        count=count,
    )
    return book(store, "Weekly", first, recurrence=rule, start_zone=LONDON, **more)


def attendee(address: str, kind: str = "required") -> dict[str, Any]:
    return {"emailAddress": {"address": address, "name": address.partition("@")[0]}, "type": kind}


def mails(store: Store) -> list[tuple[str, str]]:
    """List the mails that left: kind, and to whom."""
    outbox = store.organisation(microsoft.LANTERN).outbox
    return [(mail.kind, mail.to.partition("@")[0]) for mail in outbox]
