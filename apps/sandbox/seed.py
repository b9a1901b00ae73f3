"""The demo's four organisations, with calendars that are alive around the day on which they are made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from apps.sandbox import diary_microsoft as microsoft
from apps.sandbox import seed_microsoft
from apps.sandbox.diary import (
    ALSTER,
    ALSTER_ALL_DAY,
    ALSTER_DIARY,
    ALSTER_MAILBOXES,
    ALSTER_MEETINGS,
    ALSTER_SERIES,
    HARBOUR,
    HARBOUR_ALL_DAY,
    HARBOUR_CANCELLED,
    HARBOUR_DIARY,
    HARBOUR_MAILBOXES,
    HARBOUR_MEETINGS,
    HARBOUR_SERIES,
    Meeting,
    Plan,
)
from apps.sandbox.diary_microsoft import LANTERN, QUARRY
from apps.sandbox.writing import Diary

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable

    from apps.sandbox.store import Store

HARBOUR_ACCOUNT, ALSTER_ACCOUNT = f"svc-optixsync@{HARBOUR}", f"svc-optixsync@{ALSTER}"
PASSWORDS = {HARBOUR: "Tide-Table-1888", ALSTER: "Elbe-Ufer-1842"}
DEFAULT_SERVER = "http://127.0.0.1:8025"
LEFT_OPEN = {
    HARBOUR: ("window-desk-1", "window-desk-2", "projector"),
    ALSTER: ("elbe", "bille", "desk-a"),
    LANTERN: ("slide-viewer",),
    QUARRY: ("granite", "slate", "marble", "theodolite", "weighbridge"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendars:
    """What is written into an organisation's calendars. `cancelled`: meetings that are sent, then called off."""

    singles: tuple[Plan, ...]
    all_day: tuple[Plan, ...]
    series: tuple[tuple[Plan, int, int, int], ...]
    meetings: tuple[Meeting, ...]
    cancelled: tuple[Meeting, ...] = ()


CALENDARS = {
    HARBOUR: Calendars(
        singles=HARBOUR_DIARY,
        all_day=HARBOUR_ALL_DAY,
        series=HARBOUR_SERIES,
        meetings=HARBOUR_MEETINGS,
        cancelled=(HARBOUR_CANCELLED,),
    ),
    ALSTER: Calendars(
        singles=ALSTER_DIARY,
        all_day=ALSTER_ALL_DAY,
        series=ALSTER_SERIES,
        meetings=ALSTER_MEETINGS,
    ),
    LANTERN: Calendars(
        singles=microsoft.LANTERN_DIARY,
        all_day=microsoft.LANTERN_ALL_DAY,
        series=microsoft.LANTERN_SERIES,
        meetings=microsoft.LANTERN_MEETINGS,
    ),
    QUARRY: Calendars(
        singles=microsoft.QUARRY_DIARY,
        all_day=microsoft.QUARRY_ALL_DAY,
        series=microsoft.QUARRY_SERIES,
        meetings=microsoft.QUARRY_MEETINGS,
    ),
}


def fill(store: Store, today: dt.date | None = None, server: str = DEFAULT_SERVER) -> None:
    """Make all organisations, afresh. The same day gives the same calendars; no mail counts as sent."""
    with store.lock:
        _harbour(store, server)
        _alster(store, server)
        for domain in (HARBOUR, ALSTER):
            _write(store, domain, today)
        fill_microsoft(store, today, server)


def fill_microsoft(
    store: Store, today: dt.date | None = None, server: str = DEFAULT_SERVER
) -> None:
    """Make the organisations that are at Microsoft 365, afresh."""
    with store.lock:
        _at_microsoft(store, LANTERN, "Lantern House", "Europe/London", server)
        _at_microsoft(store, QUARRY, "Quarry Yard", "Europe/Dublin", server)
        seed_microsoft.personal_account(store)
        seed_microsoft.grant(store)
        for domain in (LANTERN, QUARRY):
            _write(store, domain, today)


def is_empty(store: Store) -> bool:
    """Tell whether nothing was made or loaded yet."""
    return not store.organisations


def _harbour(store: Store, server: str) -> None:
    domain = HARBOUR
    store.add_organisation(
        domain=domain, name="Harbour Works", server=server, time_zone="Europe/London"
    )
    _mailboxes(store, domain, HARBOUR_MAILBOXES)
    store.add_account(
        domain,
        name=HARBOUR_ACCOUNT,
        login=r"HARBOUR\svc-optixsync",
        password=PASSWORDS[domain],
        impersonates=("room", "equipment"),
        rights={
            _address(local, domain): "editor"
            for _, local, kind, _ in HARBOUR_MAILBOXES
            if kind != "user"
        },
    )
    rooms = [_address(local, domain) for _, local, kind, _ in HARBOUR_MAILBOXES if kind != "user"]
    store.add_room_list(domain, name="Harbour Works", address=f"rooms@{domain}", members=rooms)


def _alster(store: Store, server: str) -> None:
    domain = ALSTER
    store.add_organisation(
        domain=domain, name="Alster Offices", server=server, time_zone="Europe/Berlin"
    )
    _mailboxes(store, domain, ALSTER_MAILBOXES)
    open_to_us = ("elbe", "bille", "desk-a", "empfang", "katrin.voss")
    store.add_account(
        domain,
        name=ALSTER_ACCOUNT,
        login=r"ALSTER\svc-optixsync",
        password=PASSWORDS[domain],
        impersonates=("room", "equipment", "shared", "user"),
        rights={
            **{_address(local, domain): "editor" for local in open_to_us},
            _address("vorstand", domain): "none",
        },
    )
    rooms = [_address(local, domain) for local in ("elbe", "bille", "desk-a")]
    store.add_room_list(domain, name="Speicherstadt", address=f"raeume@{domain}", members=rooms)


def _at_microsoft(store: Store, domain: str, name: str, time_zone: str, server: str) -> None:
    listed = {LANTERN: microsoft.LANTERN_MAILBOXES, QUARRY: microsoft.QUARRY_MAILBOXES}[domain]
    store.add_organisation(
        domain=domain,
        name=name,
        server=server,
        time_zone=time_zone,
        tenant_id=microsoft.TENANTS[domain],
    )
    _mailboxes(store, domain, listed)
    seed_microsoft.accounts(store, domain)
    rooms = [_address(local, domain) for _, local, kind, _ in listed if kind != "user"]
    store.add_room_list(domain, name=name, address=f"rooms@{domain}", members=rooms)


def _write(store: Store, domain: str, today: dt.date | None) -> None:
    organisation, calendars = store.organisation(domain), CALENDARS[domain]
    zone = ZoneInfo(organisation.time_zone)
    diary = Diary(store, domain, today or store.now().astimezone(zone).date())
    diary.write(calendars.singles, calendars.all_day, calendars.series)
    for meeting in calendars.cancelled:
        store.cancel(diary.invite(*meeting).id)
    for meeting in calendars.meetings:
        diary.invite(*meeting)
    organisation.outbox.clear()


def _address(local: str, domain: str) -> str:
    return f"{local}@{domain}"


def _mailboxes(
    store: Store, domain: str, listed: Iterable[tuple[str, str, Any, tuple[str, ...]]]
) -> None:
    for name, local, kind, aliases in listed:
        store.add_mailbox(
            domain,
            address=_address(local, domain),
            name=name,
            kind=kind,
            aliases=[_address(alias, domain) for alias in aliases],
        )
