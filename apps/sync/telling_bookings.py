"""How bookings stand with Exchange, for people: a whole page of them at once. Reads only."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db import models
from django.db.models import OuterRef, Subquery
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from apps.bookings.models import Booking
from apps.sync.models import CalendarLink, Conflict, EventLink, RemoteEvent
from apps.sync.telling import Shown, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

HEALTHY = frozenset({Shown.IN_SYNC, Shown.CONNECTING})


class BookingShown(models.TextChoices):
    NOT_CONNECTED = "not_connected", gettext_lazy("Not connected")
    SENDING = "sending", gettext_lazy("Sending")
    IN_CALENDAR = "in_calendar", gettext_lazy("In calendar")
    CHECKING = "checking", gettext_lazy("Checking")
    LATER = "later", gettext_lazy("Will be sent later")
    REFUSED = "refused", gettext_lazy("Refused")
    CLASHES = "clashes", gettext_lazy("Clashes")
    # Another kind of conflict, or a held loss.
    ASKS = "asks", gettext_lazy("Needs a decision")
    REMOVING = "removing", gettext_lazy("Being removed")
    # Nothing to tell: over, or given up on both sides.
    NOTHING = "", "–"


@dataclass(frozen=True, slots=True)
class BookingCondition:
    """A booking's state in its calendar: a label, and one sentence where it needs one."""

    shown: BookingShown
    label: str
    words: str = ""
    conflicts: tuple[Conflict, ...] = ()
    # The link whose loss or deletion waits for a person.
    held: EventLink | None = None


@dataclass(frozen=True, slots=True)
class _Known:
    """What was read for a page of bookings."""

    calendars: Mapping[int, CalendarLink]
    states: Mapping[int, Shown]
    links: Mapping[int, EventLink]
    conflicts: Mapping[int, list[Conflict]]
    by_event: Mapping[tuple[int, str, str], list[Conflict]]
    now: dt.datetime


def conditions(
    bookings: Iterable[Booking],
    now: dt.datetime | None = None,
    *,
    is_silent: bool | None = None,
) -> dict[int, BookingCondition]:
    """By primary key. The number of queries does not depend on how many there are."""
    bookings = list(bookings)
    known = _known(bookings, now or timezone.now(), is_silent=is_silent)
    return {booking.pk: _condition(booking, known) for booking in bookings}


def condition_of(booking: Booking, now: dt.datetime | None = None) -> BookingCondition:
    return conditions([booking], now)[booking.pk]


def mails_when_cancelled(booking: Booking) -> bool:
    """Whether cancelling this booking declines a meeting, so that its organiser gets a mail."""
    link = EventLink.objects.current().filter(booking=booking).first()
    if link is None or booking.is_ours:
        return False
    rows = RemoteEvent.objects.filter(
        calendar=link.calendar_id, item_id=link.item_id, original_start=link.original_start
    )
    return rows.filter(is_invitation=True, gone_at=None).exists()


def _known(bookings: list[Booking], now: dt.datetime, *, is_silent: bool | None) -> _Known:
    rows = (
        CalendarLink.objects.filter(resource__in={booking.resource_id for booking in bookings})
        .annotate(shown=shown(now, is_silent=is_silent))
        .select_related("resource__location__tenant")
    )
    links = EventLink.objects.current().filter(booking__in=[booking.pk for booking in bookings])
    links = links.annotate(problem=Subquery(_events_of_links().values("problem")[:1]))
    # A booking that moved away still has its event in the calendar that it came from.
    conflicts: dict[int, list[Conflict]] = defaultdict(list)
    by_event: dict[tuple[int, str, str], list[Conflict]] = defaultdict(list)
    found = {link.booking_id: link for link in links}
    calendars, states = {}, {}
    for row in rows:
        calendars[row.resource_id] = row
        states[row.resource_id] = Shown(vars(row)["shown"])
    places = {calendar.pk for calendar in calendars.values()}
    places |= {link.calendar_id for link in found.values()}
    for conflict in Conflict.objects.undecided().filter(calendar__in=places):
        conflicts[conflict.booking_id].append(conflict)
        if conflict.other_id:
            conflicts[conflict.other_id].append(conflict)
        else:
            key = (conflict.calendar_id, conflict.item_id, conflict.original_start)
            by_event[key].append(conflict)
    return _Known(calendars, states, found, conflicts, by_event, now)


def _events_of_links() -> models.QuerySet[RemoteEvent]:
    """What the mirror knows of the event of the link around it."""
    return RemoteEvent.objects.filter(
        calendar=OuterRef("calendar"),
        item_id=OuterRef("item_id"),
        original_start=OuterRef("original_start"),
        gone_at=None,
    )


def _condition(  # noqa: PLR0911 -- a state a line, the strongest first
    booking: Booking, known: _Known
) -> BookingCondition:
    link = known.links.get(booking.pk)
    conflicts = list(known.conflicts.get(booking.pk, ()))
    if link is not None and not booking.is_ours:
        conflicts += known.by_event.get((link.calendar_id, link.item_id, link.original_start), ())
    if conflicts:
        return _in_conflict(tuple(conflicts), link)
    if link is not None and link.held and not link.decision:
        return _waits(link)
    if booking.clashing:
        return _said(BookingShown.CLASHES, _("It overlaps another booking of this resource."))
    if booking.ends_at <= known.now:
        return BookingCondition(BookingShown.NOTHING, "")
    calendar = known.calendars.get(booking.resource_id)
    if booking.status != Booking.Status.CONFIRMED:
        return _given_up(booking, link)
    state = known.states.get(booking.resource_id, Shown.NOT_CONNECTED)
    if calendar is None or state is Shown.NOT_CONNECTED:
        return _said(BookingShown.NOT_CONNECTED)
    if link is not None and (problem := vars(link)["problem"]):
        return _said(BookingShown.CHECKING, problem)
    if not booking.is_ours:
        return _said(BookingShown.IN_CALENDAR)
    return _ours(booking, link, calendar, state, known.now)


def _ours(  # noqa: PLR0911 -- the same
    booking: Booking, link: EventLink | None, calendar: CalendarLink, state: Shown, now: dt.datetime
) -> BookingCondition:
    if link is not None and link.not_before is not None and link.not_before > now:
        return _said(
            BookingShown.REFUSED,
            _("Exchange refused it: %(why)s Next try at %(when)s UTC.")
            % {"why": link.refusal, "when": date_format(link.not_before, "H:i, j F")},
        )
    is_live = link is not None and link.state == EventLink.State.LIVE
    if is_live and link is not None and link.pushed_revision == booking.revision:
        return _said(BookingShown.IN_CALENDAR)
    if link is not None and not is_live and link.attempted_at is not None:
        return _said(
            BookingShown.CHECKING, _("The answer was lost. It is being looked for in the mailbox.")
        )
    first_day = sent_on(booking, calendar.tenant.window_days)
    if not is_live and first_day > now.astimezone(dt.UTC).date():
        words = _("Will be sent on %(day)s") % {"day": date_format(first_day, "j F Y")}
        return BookingCondition(BookingShown.LATER, words)
    if calendar.sends_held and not calendar.are_sends_approved and not is_live:
        return _said(BookingShown.SENDING, _("It is one of many, and waits for “Send all”."))
    if state not in HEALTHY:
        return _said(BookingShown.SENDING, _("It goes out when the calendar works again."))
    return _said(BookingShown.SENDING)


def sent_on(booking: Booking, window_days: int) -> dt.date:
    """The UTC day on which the window reaches a booking."""
    return booking.starts_at.astimezone(dt.UTC).date() - dt.timedelta(days=window_days - 1)


def _in_conflict(conflicts: tuple[Conflict, ...], link: EventLink | None) -> BookingCondition:
    overlaps = all(conflict.kind == Conflict.Kind.OVERLAP for conflict in conflicts)
    state = BookingShown.CLASHES if overlaps else BookingShown.ASKS
    held = link if link is not None and link.held and not link.decision else None
    return BookingCondition(state, str(state.label), conflicts=conflicts, held=held)


def _waits(link: EventLink) -> BookingCondition:
    words = (
        _("Its event is gone in Exchange, as one of many.")
        if link.held == EventLink.Held.LOSS
        else _("Its event would be deleted in Exchange, as one of many.")
    )
    return BookingCondition(BookingShown.ASKS, str(BookingShown.ASKS.label), words, held=link)


def _given_up(booking: Booking, link: EventLink | None) -> BookingCondition:
    is_there = link is not None and bool(link.item_id)
    if booking.is_cancelled and is_there and booking.cancelled_by == Booking.CancelledBy.STAFF:
        return _said(BookingShown.REMOVING, _("Its event is being taken out of the mailbox."))
    if booking.status == Booking.Status.RELEASED and is_there:
        return _said(BookingShown.IN_CALENDAR, _("It is shown as free there."))
    return BookingCondition(BookingShown.NOTHING, "")


def _said(state: BookingShown, words: str = "") -> BookingCondition:
    return BookingCondition(state, str(state.label), words)


def booked_in_exchange(
    resource_id: int, starts_at: dt.datetime, ends_at: dt.datetime
) -> list[Booking]:
    """Bookings that Exchange holds in this time: nothing forbids to book over them, but people ask."""
    rows = Booking.objects.blocking().filter(resource=resource_id, origin=Booking.Origin.EXCHANGE)
    return list(rows.overlapping(starts_at, ends_at).order_by("starts_at", "pk")[:20])
