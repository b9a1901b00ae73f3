"""A small organisation for tests of the store, on a clock that stands still."""

from __future__ import annotations

import datetime as dt
from typing import Any

from apps.sandbox.recurrence import Pattern, Recurrence
from apps.sandbox.store import Attendee, Item, Store

DOMAIN = "pier.example"
ROOM, PERSON, COLLEAGUE = f"room@{DOMAIN}", f"ann@{DOMAIN}", f"bob@{DOMAIN}"
ALIAS = f"big-room@{DOMAIN}"
NOW = dt.datetime(2026, 11, 25, 8, tzinfo=dt.UTC)
LONDON, BERLIN, SYDNEY = "GMT Standard Time", "W. Europe Standard Time", "AUS Eastern Standard Time"


def make(zone: str = "Europe/London") -> Store:
    store = Store(clock=lambda: NOW, seed=1)
    store.add_organisation(domain=DOMAIN, name="Pier", server="mail.pier.example", time_zone=zone)
    store.add_mailbox(DOMAIN, address=ROOM, name="Room", aliases=(ALIAS,))
    store.add_mailbox(DOMAIN, address=PERSON, name="Ann Onym", kind="user")
    store.add_mailbox(DOMAIN, address=COLLEAGUE, name="Bob Boss", kind="user")
    return store


def at(day: int, hour: int, minute: int = 0, month: int = 11) -> dt.datetime:
    return dt.datetime(2026, month, day, hour, minute, tzinfo=dt.UTC)


def book(store: Store, day: int = 26, hour: int = 9, address: str = ROOM, **fields: Any) -> Item:
    times = {"start": at(day, hour), "end": at(day, hour + 1)}
    return store.create(store.mailbox(address).calendar.id, {"subject": "Talk"} | times | fields)


def weekly(store: Store, count: int | None = 5, address: str = ROOM, **fields: Any) -> Item:
    """Thursdays at nine in London, from 26 November on."""
    rule = Recurrence(
        pattern=Pattern(kind="Weekly", days=("Thursday",)), start=dt.date(2026, 11, 26), count=count
    )
    return book(store, address=address, recurrence=rule, start_zone=LONDON, **fields)


def invite(store: Store, *addresses: str, series: bool = False, **fields: Any) -> Item:
    """Ann invites."""
    attendees = tuple(Attendee(name=one.partition("@")[0], address=one) for one in addresses)
    mailbox = store.mailbox(PERSON)
    times: dict[str, Any] = {"start": at(26, 9), "end": at(26, 10), "start_zone": LONDON}
    if series:
        pattern = Pattern(kind="Weekly", days=("Thursday",))
        times["recurrence"] = Recurrence(pattern=pattern, start=dt.date(2026, 11, 26), count=4)
    rest = {"subject": "Budget", "body": "Bring figures.", "attendees": attendees}
    return store.create(mailbox.calendar.id, rest | times | fields, send=True)


def view(store: Store, address: str = ROOM, first: int = 1, days: int = 90) -> list[Item]:
    start = at(first, 0)
    return list(
        store.view(store.mailbox(address).calendar.id, start, start + dt.timedelta(days=days)).items
    )


def mails(store: Store) -> list[tuple[str, str]]:
    return [(mail.kind, mail.to.partition("@")[0]) for mail in store.organisation(DOMAIN).outbox]
