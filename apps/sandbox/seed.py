"""The demo's two organisations, with calendars that are alive around the day on which they are made."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from apps.sandbox import zones
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
    plan,
)
from apps.sandbox.recurrence import WEEK, Pattern, Recurrence
from apps.sandbox.store import Attendee

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apps.sandbox.store import Item, Mailbox, Store

HARBOUR_ACCOUNT, ALSTER_ACCOUNT = f"svc-optixsync@{HARBOUR}", f"svc-optixsync@{ALSTER}"
PASSWORDS = {HARBOUR: "Tide-Table-1888", ALSTER: "Elbe-Ufer-1842"}
DEFAULT_SERVER = "http://127.0.0.1:8025"
LEFT_OPEN = {
    HARBOUR: ("window-desk-1", "window-desk-2", "projector"),
    ALSTER: ("elbe", "bille", "desk-a"),
}


def fill(store: Store, today: dt.date | None = None, server: str = DEFAULT_SERVER) -> None:
    """Make both organisations, afresh. The same day gives the same calendars; no mail counts as sent."""
    with store.lock:
        _harbour(store, server)
        _alster(store, server)
        for organisation in (store.organisation(HARBOUR), store.organisation(ALSTER)):
            zone = ZoneInfo(organisation.time_zone)
            _write(_Diary(store, organisation.domain, today or store.now().astimezone(zone).date()))
            organisation.outbox.clear()


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


def _write(diary: _Diary) -> None:
    if diary.domain == ALSTER:
        diary.write(ALSTER_DIARY, ALSTER_ALL_DAY, ALSTER_SERIES)
        meetings: tuple[Meeting, ...] = ALSTER_MEETINGS
    else:
        diary.write(HARBOUR_DIARY, HARBOUR_ALL_DAY, HARBOUR_SERIES)
        meetings = HARBOUR_MEETINGS
        diary.store.cancel(diary.invite(*HARBOUR_CANCELLED).id)
    for meeting in meetings:
        diary.invite(*meeting)


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


class _Diary:
    """Writes plans into calendars, days counted from one day."""

    def __init__(self, store: Store, domain: str, today: dt.date) -> None:
        self.store, self.domain, self.today = store, domain, today

    def write(
        self,
        singles: Iterable[Plan],
        all_day: Iterable[Plan],
        weekly: Iterable[tuple[Plan, int, int, int]],
    ) -> None:
        for one in singles:
            self._single(one)
        for one in all_day:
            self._all_day(one)
        for one, moved, by_minutes, deleted in weekly:
            self._weekly(one, moved, by_minutes, deleted)

    def invite(
        self,
        organiser: str,
        rooms: tuple[str, ...],
        day: int,
        start: str,
        end: str,
        subject: str,
        others: tuple[str, ...],
    ) -> Item:
        mailbox = self._mailbox(organiser)
        attendees = [self._attendee(one, "Required") for one in others]
        attendees += [self._attendee(one, "Resource") for one in rooms]
        fields = self._times(mailbox, plan(organiser, day, start, end, subject)) | {
            "subject": subject,
            "location": ", ".join(self._mailbox(one).name for one in rooms),
            "attendees": tuple(attendees),
        }
        return self.store.create(mailbox.calendar.id, fields, send=True)

    def _single(self, one: Plan) -> None:
        mailbox = self._mailbox(one.mailbox)
        fields = self._times(mailbox, one) | {"subject": one.subject} | one.rest
        self.store.create(mailbox.calendar.id, fields)

    def _all_day(self, one: Plan) -> None:
        mailbox = self._mailbox(one.mailbox)
        zone = ZoneInfo(mailbox.time_zone)
        first = self.today + dt.timedelta(days=one.day)
        last = first + dt.timedelta(days=one.rest["days"])
        fields = {
            "subject": one.subject,
            "all_day": True,
            "show_as": one.rest.get("show_as", "Busy"),
            "start": dt.datetime.combine(first, dt.time(0), tzinfo=zone).astimezone(dt.UTC),
            "end": dt.datetime.combine(last, dt.time(0), tzinfo=zone).astimezone(dt.UTC),
            "start_zone": zones.windows_name(mailbox.time_zone),
            "end_zone": zones.windows_name(mailbox.time_zone),
        }
        self.store.create(mailbox.calendar.id, fields)

    def _weekly(self, one: Plan, moved: int, by_minutes: int, deleted: int) -> None:
        """A series that began three weeks ago; `moved` and `deleted` count weeks from the plan's day on."""
        mailbox = self._mailbox(one.mailbox)
        first = self.today + dt.timedelta(days=one.day - 21)
        begun = plan(one.mailbox, one.day - 21, one.start, one.end, one.subject)
        rule = Pattern(kind="Weekly", days=(WEEK[first.weekday()],), first_day="Monday")
        fields = self._times(mailbox, begun) | {
            "subject": one.subject,
            "recurrence": Recurrence(pattern=rule, start=first, count=26),
        }
        master = self.store.create(mailbox.calendar.id, fields)
        occurrence = self.store.occurrence(master.id, 4 + moved)
        shift = dt.timedelta(minutes=by_minutes)
        self.store.change(
            occurrence.id, {"start": occurrence.start + shift, "end": occurrence.end + shift}
        )
        self.store.delete(self.store.occurrence(master.id, 4 + deleted).id)

    def _times(self, mailbox: Mailbox, one: Plan) -> dict[str, Any]:
        """Place wall times of the mailbox's zone; the event says that it was made in the plan's zone."""
        zone = ZoneInfo(mailbox.time_zone)
        day = self.today + dt.timedelta(days=one.day)
        made_in = zones.windows_name(one.zone or mailbox.time_zone)

        def at(clock: str) -> dt.datetime:
            time = dt.time.fromisoformat(clock)
            return dt.datetime.combine(day, time, tzinfo=zone).astimezone(dt.UTC)

        return {
            "start": at(one.start),
            "end": at(one.end),
            "start_zone": made_in,
            "end_zone": made_in,
        }

    def _attendee(self, local: str, role: str) -> Attendee:
        mailbox = self._mailbox(local)
        return Attendee(name=mailbox.name, address=mailbox.address, role=role)

    def _mailbox(self, local: str) -> Mailbox:
        return self.store.mailbox(_address(local, self.domain))
