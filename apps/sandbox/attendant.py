"""A mailbox's booking attendant: what it answers to a meeting request, and what it leaves of it.

Settings are those of Set-CalendarProcessing. It acts on requests that are delivered, never on what is written
straight into a calendar. Pure: it gets what is booked already, and answers.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Sequence

    from apps.sandbox.store.model import Item

Interval = tuple[dt.datetime, dt.datetime]
Processing = Literal["None", "AutoUpdate", "AutoAccept"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendant:
    """Set-CalendarProcessing's parameters, with the defaults of a room that was made in the admin centre."""

    automate_processing: Processing = "AutoAccept"
    delete_subject: bool = True
    add_organizer_to_subject: bool = True
    delete_comments: bool = True
    remove_private_property: bool = True
    allow_conflicts: bool = False
    allow_recurring_meetings: bool = True
    conflict_percentage_allowed: int = 0
    maximum_conflict_instances: int = 0
    booking_window_in_days: int = 180
    enforce_scheduling_horizon: bool = True
    maximum_duration_in_minutes: int = 1440
    process_external_meeting_messages: bool = False
    remove_canceled_meetings: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the attendant does: its response, why, and the numbers of occurrences that it declines alone."""

    response: Literal["Accept", "Decline", "Tentative", "NoResponseReceived"]
    reason: str = ""
    declined: frozenset[int] = frozenset()


def answer(
    settings: Attendant,
    request: Item,
    wanted: Sequence[tuple[int, Interval]],
    busy: Sequence[Interval],
    now: dt.datetime,
) -> Answer:
    """Decide on a request. `wanted`: (number, interval) of each occurrence; number 0 for a single event."""
    if settings.automate_processing != "AutoAccept":
        return Answer(response="NoResponseReceived")
    reason = _refusal(settings, request, wanted, now)
    if reason:
        return Answer(response="Decline", reason=reason)
    clashes = frozenset(number for number, interval in wanted if _meets(interval, busy))
    if not clashes or settings.allow_conflicts:
        return Answer(response="Accept")
    if request.recurrence is None or _too_many(settings, len(clashes), len(wanted)):
        return Answer(response="Decline", reason="The room is booked at that time.")
    return Answer(response="Accept", declined=clashes)


def stripped(settings: Attendant, item: Item) -> Item:
    """Take from an accepted request what the settings tell the attendant to take."""
    if settings.automate_processing != "AutoAccept":
        return item
    subject = "" if settings.delete_subject else item.subject
    if settings.add_organizer_to_subject:
        subject = f"{item.organizer.name} {subject}".strip()
    body = "" if settings.delete_comments else item.body
    private = item.sensitivity == "Private" and settings.remove_private_property
    sensitivity = "Normal" if private else item.sensitivity
    return replace(item, subject=subject, body=body, sensitivity=sensitivity)


def _refusal(
    settings: Attendant,
    request: Item,
    wanted: Sequence[tuple[int, Interval]],
    now: dt.datetime,
) -> str:
    if request.recurrence is not None and not settings.allow_recurring_meetings:
        return "The room takes no recurring meetings."
    longest = dt.timedelta(minutes=settings.maximum_duration_in_minutes)
    if longest and any(end - start > longest for _, (start, end) in wanted):
        return "The meeting is longer than the room allows."
    horizon = now + dt.timedelta(days=settings.booking_window_in_days)
    starts = [start for _, (start, _) in wanted]
    if starts and starts[0] > horizon:
        return "The meeting is too far ahead."
    if settings.enforce_scheduling_horizon and _outlasts(request, starts, horizon):
        return "The series goes on past the room's booking window."
    return ""


def _outlasts(request: Item, starts: Sequence[dt.datetime], horizon: dt.datetime) -> bool:
    if request.recurrence is None:
        return False
    endless = request.recurrence.end is None and request.recurrence.count is None
    return endless or any(start > horizon for start in starts)


def _meets(interval: Interval, busy: Sequence[Interval]) -> bool:
    start, end = interval
    return any(other_start < end and start < other_end for other_start, other_end in busy)


def _too_many(settings: Attendant, clashes: int, wanted: int) -> bool:
    """Both limits hold: one more clash than either allows declines the whole series."""
    share = 100 * clashes > settings.conflict_percentage_allowed * wanted
    return share or clashes > settings.maximum_conflict_instances
