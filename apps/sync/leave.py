"""The one way to leave a mailbox: disconnect, another address, resource out of use, uninstall.

Links go dormant and keep what coming back needs to adopt. What shall be removed in the mailbox is
removed by the worker, one event after another; until then the calendar says *Disconnecting*.
"""

from __future__ import annotations

import datetime as dt
import secrets
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from apps.bookings import from_exchange
from apps.bookings.models import Booking
from apps.exchange import services as connections
from apps.exchange.errors import NotFound, StaleChangeKey, Transient
from apps.exchange.models import ExchangeConnection
from apps.resources import services as resources
from apps.sync import subscribing
from apps.sync.connecting import begin, forget_trouble
from apps.sync.dispatch import enqueue
from apps.sync.models import (
    CalendarLink,
    CalendarLinkQuerySet,
    Conflict,
    EventLink,
    EventLinkQuerySet,
    RemoteEvent,
    SyncRun,
)

if TYPE_CHECKING:
    from apps.exchange.calendar import EventRef
    from apps.sync.session import Session
    from apps.tenants.models import User

State = CalendarLink.State


@dataclass(frozen=True, slots=True)
class Counts:
    """What leaving is about: future events of ours there, future bookings of Exchange's here."""

    calendars: int = 0
    ours_there: int = 0
    theirs_here: int = 0


def counts(calendars: CalendarLinkQuerySet, now: dt.datetime | None = None) -> Counts:
    """What these calendars would leave behind."""
    links = _future_links(now or timezone.now()).filter(calendar__in=calendars)
    return Counts(
        calendars=calendars.count(),
        ours_there=links.filter(booking__origin=Booking.Origin.OPTIXSYNC).count(),
        theirs_here=links.filter(
            booking__origin=Booking.Origin.EXCHANGE, booking__status=Booking.Status.CONFIRMED
        ).count(),
    )


@transaction.atomic
def leave(
    calendar: CalendarLink,
    *,
    keeps_ours_there: bool,
    keeps_theirs_here: bool,
    keeps_claim: bool = False,
    next_email: str = "",
    next_connection: ExchangeConnection | None = None,
    now: dt.datetime | None = None,
) -> None:
    """Part a resource from its mailbox. The past stays as it is on both sides.

    `keeps_claim`: the address stays the resource's (Uninstall). `next_email`: go on to this one.

    Raises:
        CalendarRefused: the next address is none, or another resource has it; nothing was done.
    """
    now = now or timezone.now()
    calendar = CalendarLink.objects.select_for_update(no_key=True).get(pk=calendar.pk)
    if calendar.state == State.NOT_CONNECTED:
        return
    # Whoever works on it now loses the lease, so that nothing is committed after this.
    calendar.lease_token = secrets.randbits(62)
    calendar.lease_until = calendar.due_at = now
    calendar.next_email, calendar.next_connection = next_email, next_connection
    calendar.keeps_claim = keeps_claim
    forget_trouble(calendar)
    if next_email or not keeps_claim:
        resources.set_calendar_email(calendar.resource, next_email or None)
    if not keeps_theirs_here:
        _give_up_theirs(calendar, now)
    removes = not keeps_ours_there and calendar.mailbox_key is not None
    if removes and _ours_there(calendar, now).exists():
        calendar.state = State.LEAVING
        calendar.save()
        transaction.on_commit(partial(enqueue, calendar.pk, SyncRun.Trigger.PERSON))
    else:
        _finish(calendar)


@transaction.atomic
def leave_the_rest(calendar: CalendarLink) -> None:
    """Stop removing our events there: what is left stays in the mailbox."""
    calendar = CalendarLink.objects.select_for_update(no_key=True).get(pk=calendar.pk)
    if calendar.state != State.LEAVING:
        # The page was older: by now it is left, and perhaps connected to the next mailbox.
        return
    leave(
        calendar,
        keeps_ours_there=True,
        keeps_theirs_here=True,
        keeps_claim=calendar.keeps_claim,
        next_email=calendar.next_email,
        next_connection=calendar.next_connection,
    )


@transaction.atomic
def uninstall(
    connection: ExchangeConnection,
    *,
    keeps_ours_there: bool,
    keeps_theirs_here: bool,
    by: User | None = None,
) -> None:
    """Leave every mailbox of a connection; proved claims outlive it, so that Install adopts them.

    The connection ends with the last of them: until then its account is needed to take events out.
    """
    connections.start_uninstall(connection, by=by)
    for calendar in CalendarLink.objects.connected().filter(connection=connection):
        leave(
            calendar,
            keeps_ours_there=keeps_ours_there,
            keeps_theirs_here=keeps_theirs_here,
            keeps_claim=calendar.mailbox_key is not None,
        )
    _end_if_left(connection)


@transaction.atomic
def leave_organisation(connection: ExchangeConnection) -> int:
    """Part from every mailbox of a connection that goes over to another organisation; how many.

    Everything stays on both sides, and proved claims too: changing back adopts, as after Uninstall.
    """
    calendars = list(CalendarLink.objects.connected().filter(connection=connection))
    for calendar in calendars:
        leave(
            calendar,
            keeps_ours_there=True,
            keeps_theirs_here=True,
            keeps_claim=calendar.mailbox_key is not None,
        )
    return len(calendars)


def end_what_is_left() -> int:
    """End the connections that are being uninstalled and have nothing left to do; how many there were."""
    uninstalling = ExchangeConnection.objects.filter(state=ExchangeConnection.State.UNINSTALLING)
    for connection in uninstalling:
        _end_if_left(connection)
    return len(uninstalling)


def _end_if_left(connection: ExchangeConnection | None) -> None:
    """End a connection that is being uninstalled when neither a mailbox has to be left nor a subscription deleted."""
    if connection is not None:
        attached = CalendarLink.objects.connected().filter(connection=connection)
        if not attached.exists() and not subscribing.is_ending(connection):
            connections.finish_uninstall(connection)


def remove_ours(session: Session) -> None:
    """The worker's part: delete our future events in the mailbox, then part from it.

    Raises:
        TimeIsUp, LeaseLost, and of the Exchange family what stops more than one event.
    """
    calendar = session.calendar
    settles_at: list[dt.datetime] = []
    for link in _ours_there(calendar, session.began_at).order_by("pk"):
        session.tick()
        if not _remove(link, session):
            settles_at.append(_settles_at(link))
            continue
        with transaction.atomic():
            session.lease.commit()
            EventLink.objects.filter(pk=link.pk).update(state=EventLink.State.FORGOTTEN)
        session.run.done += 1
    if settles_at:
        raise Transient(
            _("An event that was sent a moment ago may still arrive in the mailbox."),
            fix=_("Nothing: it is looked for again, and removed."),
            retry_after=max(settles_at) - session.began_at,
        )
    with transaction.atomic():
        session.lease.commit()
        calendar = CalendarLink.objects.select_for_update(no_key=True).get(pk=calendar.pk)
        _finish(calendar)


def _remove(link: EventLink, session: Session) -> bool:
    """Delete one event of ours as it is now, whatever was changed in it; it may be gone already.

    Returns:
        False where it was sent without an answer, is not there, and may still arrive.
    """
    for _try in range(2):
        try:
            ref = _ref(link, session)
            if ref is not None:
                session.port.delete(ref)
        except NotFound:
            return True
        except StaleChangeKey:
            continue
        return ref is not None or bool(link.item_id) or _settles_at(link) <= session.began_at
    return True


def _settles_at(link: EventLink) -> dt.datetime:
    sent_at = link.attempted_at or link.created_at
    return sent_at + dt.timedelta(seconds=settings.SYNC_CREATE_SETTLES_S)


def _ref(link: EventLink, session: Session) -> EventRef | None:
    if link.item_id:
        events = session.port.read(link.item_id, session.window).events
        mine = [event for event in events if event.key == link.key]
    else:
        found = session.port.find(session.window, uid=link.attempt_id)
        mine = [event for item in found for event in item.events]
    for event in mine:
        # Changing what has guests would mail them: it stays.
        if not (event.has_attendees and session.port.mails_attendees):
            return event.ref
    return None


def _finish(calendar: CalendarLink) -> None:
    """Put the pairs to sleep and forget the mirror; then go on to the next address, if there is one."""
    left, calendar.connection = calendar.connection, None
    current = EventLink.objects.filter(calendar=calendar).current()
    current.update(
        state=EventLink.State.DORMANT,
        mailbox_key=calendar.mailbox_key or "",
        id_wire=left.wire if left is not None else "",
        held="",
        held_at=None,
        decision="",
    )
    Conflict.objects.open().filter(calendar=calendar).update(closed_at=timezone.now())
    RemoteEvent.objects.filter(calendar=calendar).delete()
    calendar.state = State.NOT_CONNECTED
    if not calendar.keeps_claim:
        calendar.mailbox_key = None
    calendar.folder_id = calendar.cursor = calendar.draft_cursor = calendar.rests_with = ""
    calendar.draft_until = None
    calendar.is_full_round_wanted = True
    calendar.first_synced_at = calendar.full_round_at = calendar.last_good_at = None
    calendar.are_sends_approved = False
    calendar.sends_held = 0
    subscribing.end(calendar)
    calendar.left_organisation = left.organisation_id if left is not None else ""
    following = calendar.next_connection
    next_email, calendar.next_email, calendar.next_connection = calendar.next_email, "", None
    calendar.save()
    _end_if_left(left)
    if next_email and following is not None:
        calendar.resource.refresh_from_db(fields=["calendar_email"])
        begin(calendar.resource, following, calendar)


def _future_links(now: dt.datetime) -> EventLinkQuerySet:
    return EventLink.objects.current().filter(booking__ends_at__gt=now)


def _ours_there(calendar: CalendarLink, now: dt.datetime) -> EventLinkQuerySet:
    """Those that have an event, or were sent without an answer so far."""
    return (
        _future_links(now)
        .filter(calendar=calendar, booking__origin=Booking.Origin.OPTIXSYNC)
        .exclude(item_id="", attempted_at=None)
    )


def _give_up_theirs(calendar: CalendarLink, now: dt.datetime) -> None:
    theirs = _future_links(now).filter(calendar=calendar, booking__origin=Booking.Origin.EXCHANGE)
    links = theirs.select_related("booking")
    for link in links:
        if link.booking.status != Booking.Status.CANCELLED:
            from_exchange.cancel(
                booking=link.booking,
                revision=link.booking.revision,
                reason=_("The calendar was disconnected"),
            )
        # Forgotten, not asleep: coming back books it anew, and declines nothing.
        EventLink.objects.filter(pk=link.pk).update(state=EventLink.State.FORGOTTEN)
