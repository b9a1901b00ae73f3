"""The demo's two organisations, with calendars that are alive around the day on which they are made."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from apps.sandbox import zones
from apps.sandbox.recurrence import WEEK, Pattern, Recurrence
from apps.sandbox.store import Attendee, Item, Mailbox, Store

if TYPE_CHECKING:
    from collections.abc import Iterable

HARBOUR, ALSTER = "harbour.example", "alster.example"
HARBOUR_ACCOUNT, ALSTER_ACCOUNT = f"svc-optixsync@{HARBOUR}", f"svc-optixsync@{ALSTER}"
PASSWORDS = {HARBOUR: "Tide-Table-1888", ALSTER: "Elbe-Ufer-1842"}
DEFAULT_SERVER = "http://127.0.0.1:8025"

# Name, local part of the address, kind, aliases.
HARBOUR_MAILBOXES = (
    ("Lighthouse", "lighthouse", "room", ()),
    ("Anchor", "anchor", "room", ()),
    ("Compass", "compass", "room", ()),
    ("Bollard", "bollard", "room", ()),
    ("Long Room", "long-room", "room", ("longroom",)),
    ("Splice", "splice", "room", ()),
    ("Window desk 1", "window-desk-1", "room", ("desk1",)),
    ("Window desk 2", "window-desk-2", "room", ("desk2",)),
    ("Projector", "projector", "equipment", ()),
    ("Grace Darling", "grace.darling", "user", ()),
    ("Tom Pilot", "tom.pilot", "user", ()),
    ("Nora Quay", "nora.quay", "user", ()),
)
ALSTER_MAILBOXES = (
    ("Elbe", "elbe", "room", ("grosser-saal",)),
    ("Bille", "bille", "room", ()),
    ("Desk A", "desk-a", "room", ()),
    ("Empfang", "empfang", "shared", ()),
    ("Vorstand", "vorstand", "room", ()),
    ("Katrin Voss", "katrin.voss", "user", ()),
    ("Jens Petersen", "jens.petersen", "user", ()),
)
Meeting = tuple[str, tuple[str, ...], int, str, str, str, tuple[str, ...]]
LEFT_OPEN = {
    HARBOUR: ("window-desk-1", "window-desk-2", "projector"),
    ALSTER: ("elbe", "bille", "desk-a"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One event to come: days from today, wall times, and what else is said of it."""

    mailbox: str
    day: int
    start: str
    end: str
    subject: str
    zone: str = ""
    rest: dict[str, Any] = field(default_factory=dict)


def plan(
    where: str, day: int, start: str, end: str, subject: str, zone: str = "", **rest: Any
) -> Plan:
    """Write a line of a diary."""
    return Plan(mailbox=where, day=day, start=start, end=end, subject=subject, zone=zone, rest=rest)


# None of them blocks a time at which the product's demo has a booking, but for one: Bollard's "Quick catch-up",
# tomorrow at half past ten, so that there is a clash to be seen.
HARBOUR_DIARY = (
    plan("lighthouse", 0, "12:00", "13:00", "Harbour master's briefing", location="Lighthouse"),
    plan("lighthouse", 0, "16:30", "17:30", "Salary round", sensitivity="Private"),
    plan("lighthouse", 1, "14:00", "15:30", "Architects", show_as="Tentative"),
    plan("lighthouse", 3, "10:00", "11:30", "Pilotage committee"),
    plan("lighthouse", 4, "15:00", "17:00", "Boston call", zone="America/New_York"),
    plan("lighthouse", 9, "09:00", "10:00", "Auditors", show_as="Tentative"),
    plan("anchor", 0, "11:00", "12:00", "Window cleaning", show_as="Free"),
    plan("anchor", 0, "15:00", "16:00", "Interview, second round"),
    plan("anchor", 2, "09:00", "10:30", "Insurance renewal"),
    plan("anchor", 3, "08:00", "09:00", "Medical appointment", sensitivity="Personal"),
    plan("anchor", 8, "13:00", "15:00", "Charts workshop"),
    plan("compass", 0, "14:00", "15:00", "Pension advice", sensitivity="Confidential"),
    plan("compass", 1, "09:00", "09:45", "Tide gauge call", zone="Asia/Kolkata"),
    plan("compass", 2, "16:00", "17:00", "Maybe: press call", show_as="Tentative"),
    plan("bollard", 0, "09:00", "10:00", "Rota"),
    plan("bollard", 1, "10:30", "11:30", "Quick catch-up"),
    plan("bollard", 2, "13:00", "14:30", "Berth allocation"),
    plan("bollard", 6, "10:00", "12:00", "Dredging review"),
    plan("long-room", 0, "09:00", "12:00", "Safety induction"),
    plan("long-room", 3, "13:00", "17:00", "Model boat fair: set-up", show_as="OOF"),
    plan("long-room", 7, "18:00", "20:00", "Choir"),
    plan("splice", 0, "09:30", "10:00", "Knots, for beginners"),
    plan("splice", 1, "16:00", "17:00", "Budget, draft", show_as="WorkingElsewhere"),
    plan("splice", 4, "11:00", "12:00", "Supplier call", zone="Europe/Berlin"),
    plan("window-desk-1", 4, "09:00", "17:00", "Visiting auditor"),
    plan("window-desk-1", 6, "09:00", "12:30", "Visiting auditor"),
    plan("window-desk-2", 0, "10:00", "12:00", "Hot desk: Nora"),
    plan("window-desk-2", 3, "09:00", "17:00", "Hot desk: Tom"),
    plan("projector", 3, "13:00", "17:00", "Model boat fair"),
)
HARBOUR_ALL_DAY = (
    plan("long-room", 4, "", "", "Model boat fair", days=2),
    plan("compass", 5, "", "", "New carpet", days=1),
    plan("lighthouse", 6, "", "", "Open house", days=1, show_as="Free"),
)
ALSTER_DIARY = (
    plan("elbe", 0, "13:00", "14:30", "Quartalszahlen"),
    plan("elbe", 1, "10:00", "11:00", "Bewerbungsgespräch", sensitivity="Private"),
    plan("elbe", 2, "15:00", "16:00", "London call", zone="Europe/London"),
    plan("bille", 0, "09:00", "10:00", "Teamrunde"),
    plan("bille", 3, "14:00", "16:00", "Klausur", show_as="Tentative"),
    plan("desk-a", 1, "08:00", "16:00", "Gastplatz"),
    plan("empfang", 0, "08:00", "12:00", "Frühdienst"),
    plan("vorstand", 1, "09:00", "11:00", "Vorstandssitzung", sensitivity="Private"),
    plan("katrin.voss", 0, "12:00", "13:00", "Mittag"),
)
ALSTER_ALL_DAY = (plan("desk-a", 4, "", "", "Wartung", days=1),)
# The series begin some weeks ago, on the weekday of `day`; then: which occurrence, from this week's on, is moved by
# how many minutes, and which is deleted.
HARBOUR_SERIES = (
    (plan("lighthouse", 2, "09:00", "10:00", "Weekly planning"), 1, 120, 2),
    (plan("anchor", 1, "09:00", "09:30", "Morning watch"), 2, 60, 1),
    (plan("bollard", 3, "14:00", "15:00", "Crew meeting"), 0, 90, 2),
    (plan("compass", 4, "10:00", "11:00", "Navigation course"), 1, -60, 3),
    (plan("splice", 2, "10:00", "10:30", "One to one"), 0, 30, 1),
)
ALSTER_SERIES = (
    (plan("elbe", 2, "09:00", "10:00", "Wochenplanung"), 1, 60, 2),
    (plan("bille", 4, "11:00", "12:00", "Sprechstunde"), 0, 30, 1),
)
# Organiser, rooms, day, from, to, subject, others.
HARBOUR_MEETINGS = (
    (
        "grace.darling",
        ("lighthouse",),
        2,
        "13:00",
        "14:00",
        "Rescue drill",
        ("tom.pilot", "nora.quay"),
    ),
    ("tom.pilot", ("anchor",), 1, "11:00", "12:00", "Pilot rota", ("grace.darling",)),
    ("nora.quay", ("splice",), 3, "15:00", "16:00", "Mooring fees", ()),
    (
        "nora.quay",
        ("bollard",),
        0,
        "12:00",
        "13:00",
        "Lunch seminar",
        ("tom.pilot", "grace.darling"),
    ),
)
HARBOUR_CANCELLED = ("tom.pilot", ("compass",), 2, "09:00", "10:00", "Fog signal", ())
ALSTER_MEETINGS = (
    ("katrin.voss", ("elbe",), 1, "14:00", "15:30", "Mieterversammlung", ("jens.petersen",)),
)


def fill(store: Store, today: dt.date | None = None, server: str = DEFAULT_SERVER) -> None:
    """Make both organisations, afresh. The same day gives the same calendars; no mail counts as sent."""
    with store.lock:
        _harbour(store, server)
        _alster(store, server)
        for organisation in store.organisations.values():
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
