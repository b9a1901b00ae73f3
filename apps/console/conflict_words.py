"""Conflicts in words: what differs, both versions side by side, and what each button does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.bookings.errors import in_words
from apps.bookings.models import Booking
from apps.bookings.walltime import Span
from apps.sync.deciding import CHOICES
from apps.sync.models import Conflict, RemoteEvent

if TYPE_CHECKING:
    import datetime as dt

    from django_stubs_ext import StrOrPromise

Kind = Conflict.Kind
Decision = Conflict.Decision
KINDS: dict[str, StrOrPromise] = {
    Kind.BOTH_CHANGED: gettext_lazy("both sides changed it"),
    Kind.OVERLAP: gettext_lazy("two overlap"),
    Kind.TWIN: gettext_lazy("it is there twice, and the two differ"),
    Kind.WOULD_MAIL: gettext_lazy("changing it would mail its guests"),
}
STATUS: dict[str, StrOrPromise] = {
    **dict(Booking.Status.choices),
    "gone": gettext_lazy("Gone"),
    "busy": gettext_lazy("Busy"),
    "tentative": gettext_lazy("Tentative"),
    "oof": gettext_lazy("Out of office"),
    "elsewhere": gettext_lazy("Working elsewhere"),
    "free": gettext_lazy("Free"),
    "unknown": gettext_lazy("Unknown"),
}


@dataclass(frozen=True, slots=True)
class Side:
    """One version: rows of label and value, and the booking that it is, if it is one."""

    heading: str
    rows: tuple[tuple[str, str], ...]
    booking_id: int | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """A button, what pressing it does, and whether somebody gets a mail."""

    value: str
    label: str
    words: str
    mails: bool = False


def headline(conflict: Conflict) -> str:
    """One line that says what it is about."""
    title = conflict.booking.title
    match conflict.kind:
        case Kind.OVERLAP if conflict.other is not None:
            return _("“%(title)s” and “%(other)s” overlap") % {
                "title": title,
                "other": conflict.other.title,
            }
        case Kind.OVERLAP:
            return _("“%(title)s” overlaps an event in Exchange") % {"title": title}
        case Kind.TWIN:
            return _("“%(title)s” is in Exchange twice") % {"title": title}
        case Kind.WOULD_MAIL:
            return _("Changing “%(title)s” in Exchange would mail its guests") % {"title": title}
        case _:
            return _("“%(title)s” was changed here and in Exchange") % {"title": title}


def sides(conflict: Conflict) -> tuple[Side, Side]:
    """Both versions, as they were when the conflict was seen last."""
    zone = conflict.booking.resource.time_zone
    ours = Side(_("Ours"), _rows(conflict.ours, zone), conflict.booking_id)
    if conflict.other_id is not None:
        return ours, Side(_("The other booking"), _rows(conflict.exchange, zone), conflict.other_id)
    return ours, Side(_("In Exchange"), _rows(conflict.exchange, zone))


def choices(conflict: Conflict) -> list[Choice]:
    """The buttons, with what they do to this very conflict."""
    event = _event(conflict)
    return [
        Choice(value, str(Decision(value).label), *_does(conflict, value, event))
        for value in CHOICES[conflict.kind]
    ]


def _event(conflict: Conflict) -> RemoteEvent | None:
    return RemoteEvent.objects.filter(
        calendar=conflict.calendar_id,
        item_id=conflict.item_id,
        original_start=conflict.original_start,
    ).first()


def _does(  # noqa: PLR0911 -- a choice a line
    conflict: Conflict, choice: Conflict.Decision, event: RemoteEvent | None
) -> tuple[str, bool]:
    """What the choice does, and whether it mails."""
    match conflict.kind:
        case Kind.BOTH_CHANGED:
            return _both_changed(choice, event), False
        case Kind.OVERLAP if conflict.other is not None:
            return _two_of_ours(conflict, choice), False
        case Kind.OVERLAP:
            return _overlap(choice, event)
        case Kind.TWIN if choice == Decision.OURS:
            return _("The event that was linked first stays; the second one is deleted."), False
        case Kind.TWIN:
            return _(
                "The second event stays and is the booking’s; the first one is deleted."
            ), False
        case _ if choice == Decision.SEND:
            return _("The change is written, and everybody who is invited gets a mail."), True
        case _:
            words = _("Nothing is written, and nobody gets a mail. The two sides stay different.")
            return words, False


def _both_changed(choice: Conflict.Decision, event: RemoteEvent | None) -> str:
    is_gone = event is None or event.gone_at is not None or event.is_cancelled
    if choice == Decision.OURS:
        if is_gone:
            return _("The booking stays, and is sent to Exchange again.")
        return _("The event in Exchange is changed to what the booking says.")
    if is_gone:
        return _("The booking is cancelled.")
    if event is not None and event.show_as == "free":
        return _("The booking no longer blocks, as the event is shown as free.")
    return _("The booking is changed to what Exchange says.")


def _two_of_ours(conflict: Conflict, choice: Conflict.Decision) -> str:
    names = {"title": conflict.booking, "other": conflict.other}
    match choice:
        case Decision.OURS:
            return _("“%(title)s” stays; “%(other)s” is cancelled.") % names
        case Decision.EXCHANGE:
            return _("“%(other)s” stays; “%(title)s” is cancelled.") % names
        case _:
            return _("Both stay. You are asked again when one of them moves.")


def _overlap(choice: Conflict.Decision, event: RemoteEvent | None) -> tuple[str, bool]:
    match choice:
        case Decision.OURS if event is not None and event.is_invitation:
            words = _("The Exchange event is declined, and its organiser gets a mail.")
            return words, True
        case Decision.OURS:
            return _("The Exchange event is deleted; it goes to its Deleted Items."), False
        case Decision.EXCHANGE:
            return _("Our booking is cancelled."), False
        case _:
            words = _("Both stay, in Exchange too. You are asked again when one of them moves.")
            return words, False


def _rows(facts: dict[str, str], zone: str) -> tuple[tuple[str, str], ...]:
    rows = []
    if "title" in facts:
        rows.append((_("Title"), facts["title"] or _("(none)")))
    if when := _when(facts, zone):
        rows.append((_("When"), when))
    if "status" in facts:
        rows.append((_("Status"), str(STATUS.get(facts["status"], facts["status"]))))
    return tuple(rows)


def _when(facts: dict[str, str], zone: str) -> str:
    if text := facts.get("when", ""):
        return in_words(Span.parse(text, zone))
    instants: list[dt.datetime | None] = [
        parse_datetime(facts.get(name, "")) for name in ("starts_at", "ends_at")
    ]
    starts_at, ends_at = instants
    if starts_at is None or ends_at is None:
        return ""
    return in_words(Span.between(starts_at, ends_at, zone))
