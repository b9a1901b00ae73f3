"""A plan in plain sentences, one a step, for people who want to know before it happens."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from apps.bookings.errors import in_words
from apps.bookings.models import Booking
from apps.bookings.walltime import Span
from apps.console.conflict_words import KINDS
from apps.sync.models import EventLink
from apps.sync.operations import RemoveRemote
from apps.sync.wording import PENCIL_MARKS, would

if TYPE_CHECKING:
    import datetime as dt

    from apps.sync.models import CalendarLink
    from apps.sync.operations import Operation, Plan


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that would happen, and when the booking or event is."""

    words: str
    when: str = ""
    booking_id: int | None = None


@dataclass(frozen=True, slots=True)
class Planned:
    """What a run would do, what would wait for a person, and what is the same already."""

    steps: tuple[Step, ...]
    waiting: tuple[Step, ...]
    same: int


def planned(plan: Plan, calendar: CalendarLink) -> Planned:
    """The plan of a dry run; its new bookings and links are known to nobody else."""
    operations = [one for one in plan.operations if type(one).__name__ not in PENCIL_MARKS]
    links = _bookings_by_link(plan)
    bookings = _bookings(plan, links)
    zone = calendar.resource.time_zone
    waiting = [
        Step(
            _("Waits for a decision: %(what)s") % {"what": KINDS[found.key.kind]},
            *_of(bookings.get(found.key.booking_id)),
        )
        for found in plan.conflicts
    ]
    for held in plan.held:
        booking = bookings.get(links.get(held.link_id, 0))
        words = (
            _("Waits, as one of many: “%(title)s” is gone in Exchange")
            if held.is_loss
            else _("Waits, as one of many: “%(title)s” would be deleted in Exchange")
        )
        waiting.append(Step(words % {"title": booking or _("something")}, *_of(booking)))
    if plan.sends_held:
        words = ngettext(
            "%(n)s booking waits for “Send all”", "%(n)s bookings wait for “Send all”",
            plan.sends_held,
        )  # fmt: skip
        waiting.append(Step(words % {"n": plan.sends_held}))
    return Planned(
        tuple(_step(one, bookings, links, zone) for one in operations),
        tuple(waiting),
        len(plan.operations) - len(operations),
    )


def _step(
    operation: Operation, bookings: dict[int, Booking], links: dict[int, int], zone: str
) -> Step:
    booking_id = getattr(operation, "booking_id", None)
    if booking_id is None:
        booking_id = links.get(getattr(operation, "link_id", None) or 0)
    booking = bookings.get(booking_id or 0)
    name = type(operation).__name__
    remote = getattr(operation, "remote", None)
    if booking is None and remote is not None:
        words = would(name, remote.subject)
        return Step(words, _when(remote.starts_at, remote.ends_at, zone))
    words = would(name, str(booking or ""))
    if isinstance(operation, RemoveRemote) and operation.declines:
        words = f"{words}. {_('It is declined, and its organiser gets a mail')}"
    return Step(words, *_of(booking))


def _of(booking: Booking | None) -> tuple[str, int | None]:
    """When it is, and which."""
    return ("", None) if booking is None else (in_words(booking.span), booking.pk)


def _when(starts_at: dt.datetime, ends_at: dt.datetime, zone: str) -> str:
    return in_words(Span.between(starts_at, ends_at, zone))


def _bookings_by_link(plan: Plan) -> dict[int, int]:
    keys = {held.link_id for held in plan.held}
    keys |= {key for one in plan.operations if (key := getattr(one, "link_id", None))}
    return dict(EventLink.objects.filter(pk__in=keys).values_list("pk", "booking_id"))


def _bookings(plan: Plan, links: dict[int, int]) -> dict[int, Booking]:
    keys = {key for one in plan.operations if (key := getattr(one, "booking_id", None))}
    keys |= {found.key.booking_id for found in plan.conflicts} | set(links.values())
    return Booking.objects.in_bulk(keys)
