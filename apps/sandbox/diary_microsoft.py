"""What stands in the calendars of the demo's two organisations at Microsoft 365: words and times, nothing that acts."""

from __future__ import annotations

from apps.sandbox.diary import plan

LANTERN, QUARRY = "lantern.example", "quarry.example"
TENANTS = {
    LANTERN: "792e9745-c8c4-57ae-9d89-c5a9c91f6dae",
    QUARRY: "b5730cd6-c2c3-5a07-8236-ab63d20570b1",
}

# Name, local part of the address, kind, aliases.
LANTERN_MAILBOXES = (
    ("Beacon", "beacon", "room", ("big-room",)),
    ("Wick", "wick", "room", ()),
    ("Mantle", "mantle", "room", ()),
    ("Prism", "prism", "room", ("prisma",)),
    ("Slide viewer", "slide-viewer", "equipment", ()),
    ("Reception", "reception", "shared", ()),
    ("Front desk", "frontdesk", "user", ()),
    ("Visitor", "visitor", "user", ()),
    ("Keeper", "keeper", "user", ()),
)
QUARRY_MAILBOXES = (
    ("Granite", "granite", "room", ()),
    ("Slate", "slate", "room", ("blackboard",)),
    ("Marble", "marble", "room", ()),
    ("Theodolite", "theodolite", "equipment", ()),
    ("Weighbridge", "weighbridge", "shared", ()),
    ("Front desk", "frontdesk", "user", ()),
    ("Foreman", "foreman", "user", ()),
)
LANTERN_DIARY = (
    plan("beacon", -1, "10:00", "11:30", "Lens delivery"),
    plan("beacon", 0, "11:00", "12:00", "Glaziers"),
    plan("beacon", 0, "15:30", "16:30", "Wage talks", sensitivity="Private"),
    plan("beacon", 1, "09:00", "10:30", "Catalogue proofs", show_as="Tentative"),
    plan("beacon", 3, "14:00", "16:00", "Lisbon call", zone="Europe/Lisbon"),
    plan("beacon", 8, "10:00", "12:00", "Fire safety"),
    plan("wick", 0, "11:00", "12:00", "Wax suppliers"),
    plan("wick", 1, "13:00", "14:00", "Window cleaning", show_as="Free"),
    plan("wick", 2, "11:00", "12:00", "Insurance", sensitivity="Confidential"),
    plan("wick", 6, "15:00", "17:00", "Workshop: soldering"),
    plan("mantle", 0, "14:00", "15:00", "Shop window"),
    plan("mantle", 2, "09:00", "12:00", "Photographs", show_as="OOF"),
    plan("mantle", 4, "16:00", "17:00", "Night market, plans"),
    plan("prism", 1, "10:00", "11:00", "Colour test"),
    plan("prism", 5, "09:00", "17:00", "Guest from Turin"),
    plan("slide-viewer", 2, "13:00", "17:00", "School visit"),
    plan("reception", 0, "08:00", "12:00", "Early shift"),
    plan("reception", 1, "12:00", "18:00", "Late shift"),
    plan("keeper", 0, "12:30", "13:30", "Lunch"),
)
LANTERN_ALL_DAY = (
    plan("mantle", 6, "", "", "New shelves", days=2),
    plan("prism", 3, "", "", "Painters", days=1),
)
LANTERN_SERIES = (
    (plan("beacon", 2, "09:00", "09:45", "Team meeting"), 1, 60, 2),
    (plan("wick", 4, "10:00", "11:00", "Choir of the trade"), 0, 30, 1),
)
LANTERN_MEETINGS = (
    ("keeper", ("beacon",), 2, "13:00", "14:00", "Spring collection", ("frontdesk",)),
    ("keeper", ("wick",), 3, "10:00", "10:45", "Repairs, rota", ()),
    ("frontdesk", ("mantle",), 1, "15:00", "16:00", "Tour for neighbours", ("keeper",)),
)
QUARRY_DIARY = (
    plan("granite", 0, "09:00", "10:00", "Blasting plan"),
    plan("granite", 1, "14:00", "15:30", "Landowners"),
    plan("granite", 2, "11:00", "12:00", "Appraisal", sensitivity="Private"),
    plan("granite", 7, "10:00", "11:00", "Oslo call", zone="Europe/Oslo"),
    plan("slate", 0, "13:00", "14:00", "Roofers’ order"),
    plan("slate", 1, "11:30", "14:00", "Sample cutting", show_as="Tentative"),
    plan("marble", 3, "15:00", "16:00", "Sculptor’s visit"),
    plan("theodolite", 2, "08:00", "16:00", "North face survey"),
    plan("weighbridge", 0, "07:00", "11:00", "Calibration"),
    plan("foreman", 1, "12:00", "13:00", "Lunch"),
)
QUARRY_ALL_DAY = (plan("marble", 5, "", "", "Floor polishing", days=1),)
QUARRY_SERIES = ((plan("granite", 3, "08:30", "09:00", "Shift handover"), 1, 30, 2),)
QUARRY_MEETINGS = (("foreman", ("slate",), 2, "10:00", "11:00", "Safety walk", ("frontdesk",)),)
