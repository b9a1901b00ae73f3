"""What stands in the demo's calendars: words and times, nothing that acts. `seed` writes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

HARBOUR, ALSTER = "harbour.example", "alster.example"

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
    plan("lighthouse", -2, "11:00", "12:30", "Lamp inspection"),
    plan("lighthouse", -1, "09:30", "10:30", "Notices to mariners"),
    plan("lighthouse", -1, "15:00", "16:00", "Visit of the school", show_as="Free"),
    plan("anchor", -1, "13:00", "14:00", "Chain survey"),
    plan("bollard", -2, "09:00", "11:00", "Fender tests"),
    plan("long-room", -1, "10:00", "12:00", "Press conference"),
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
    plan("lighthouse", 7, "13:00", "14:00", "Foghorn test"),
    plan("lighthouse", 11, "10:00", "12:00", "Estuary survey"),
    plan("anchor", 10, "10:00", "11:00", "Rope order"),
    plan("compass", 8, "14:00", "15:00", "Grant application"),
    plan("bollard", 8, "09:00", "10:00", "Rota"),
    plan("splice", 7, "15:00", "15:45", "Appraisal", sensitivity="Private"),
    plan("splice", 10, "09:00", "10:00", "Phone interview"),
    plan("projector", 3, "13:00", "17:00", "Model boat fair"),
)
HARBOUR_ALL_DAY = (
    plan("long-room", 4, "", "", "Model boat fair", days=2),
    plan("compass", 5, "", "", "New carpet", days=1),
    plan("lighthouse", 6, "", "", "Open house", days=1, show_as="Free"),
)
ALSTER_DIARY = (
    plan("elbe", -1, "10:00", "12:00", "Begehung"),
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
