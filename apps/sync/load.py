"""From rows to the plain values that the planner is given."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Q

from apps.bookings.models import Booking
from apps.exchange.calendar import Content, EventKey, EventRef, ShowAs
from apps.sync import facts, mapping
from apps.sync.facts import RemoteState
from apps.sync.models import Conflict, EventLink, RemoteEvent, SyncChange

if TYPE_CHECKING:
    from apps.sync.session import Session

DAY = dt.timedelta(days=1)


def links_of(session: Session) -> list[EventLink]:
    """Those that count: current ones, and retired ones whose event is seen again."""
    seen = RemoteEvent.objects.filter(calendar=session.calendar, gone_at=None).values("item_id")
    return list(
        EventLink.objects.filter(calendar=session.calendar).filter(
            Q(state__in=(EventLink.State.CREATING, EventLink.State.LIVE))
            | Q(
                state=EventLink.State.RETIRED,
                item_id__in=seen,
                mailbox_key__in=("", session.calendar.mailbox_key or ""),
            )
        )
    )


def bookings_of(session: Session, links: list[EventLink]) -> list[Booking]:
    """Those of the window that may have to be sent, and those that are linked."""
    calendar = session.calendar
    named = RemoteEvent.objects.filter(calendar=calendar).values("stamped_booking")
    rows = Booking.objects.filter(resource=calendar.resource)
    in_window = Q(
        status=Booking.Status.CONFIRMED,
        origin=Booking.Origin.OPTIXSYNC,
        starts_at__lt=session.window.ends_at,
        ends_at__gt=session.window.starts_at,
    )
    linked = [link.booking_id for link in links]
    found = {
        booking.pk: booking for booking in rows.filter(in_window | Q(uuid__in=named)).order_by("pk")
    }
    # A booking that moved to another resource still has its event here.
    missing = [key for key in linked if key not in found]
    found |= {booking.pk: booking for booking in Booking.objects.filter(pk__in=missing)}
    return list(found.values())


def local_of(session: Session, booking: Booking) -> facts.Local:
    moved_away = booking.resource_id != session.calendar.resource_id
    return facts.Local(
        id=booking.pk,
        uuid=booking.uuid,
        revision=booking.revision,
        origin=facts.Origin(booking.origin),
        # Here it is as good as cancelled: it blocks another resource.
        status=facts.Status.CANCELLED if moved_away else facts.Status(booking.status),
        content=content_of(session, booking),
        created_at=booking.created_at,
        is_clashing=booking.clashing and not moved_away,
        is_elsewhere=moved_away,
    )


def content_of(session: Session, booking: Booking) -> Content:
    return mapping.content(
        title=booking.title,
        person=booking.person,
        starts_at=booking.starts_at,
        ends_at=booking.ends_at,
        is_all_day=booking.all_day,
        time_zone=booking.time_zone,
        sent=session.sent,
    )


def remote_of(row: RemoteEvent) -> facts.Remote:
    return facts.Remote(
        ref=EventRef(row.key, row.change_key, row.wire_id),
        uid=row.uid,
        state=_state(row),
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        is_all_day=row.is_all_day,
        subject=row.subject,
        fingerprint=row.fingerprint,
        stamped=row.stamped_booking,
        attempt_id=row.attempt_id,
        is_invitation=row.is_invitation,
        has_attendees=row.has_attendees,
        created_at=row.remote_created_at,
    )


def _state(row: RemoteEvent) -> RemoteState:
    if row.gone_at is not None:
        return RemoteState.GONE
    if row.problem or row.show_as == ShowAs.UNKNOWN:
        return RemoteState.UNREADABLE
    if row.is_cancelled or row.is_declined:
        return RemoteState.CANCELLED
    if row.show_as == ShowAs.FREE or row.ends_at <= row.starts_at:
        return RemoteState.FREE
    return RemoteState.BLOCKS


def link_of(row: EventLink) -> facts.Link:
    return facts.Link(
        id=row.pk,
        booking_id=row.booking_id,
        state=facts.LinkState(row.state),
        key=row.key,
        uid=row.uid,
        attempted_at=row.attempted_at,
        removal_at=row.removal_at,
        pushed_revision=row.pushed_revision,
        fingerprint=row.remote_fingerprint,
        restored_fingerprint=row.restored_fingerprint,
        is_held=bool(row.held),
        decision=row.decision,
        not_before=row.not_before,
        refused_revision=row.refused_revision,
    )


def policy_of(session: Session) -> facts.Policy:
    calendar = session.calendar
    conflicts = list(Conflict.objects.open().filter(calendar=calendar))
    return facts.Policy(
        conflicts=facts.ConflictPolicy(calendar.tenant.conflict_policy),
        decisions={
            key_of(row): facts.Decided(facts.Choice(row.decision), row.versions)
            for row in conflicts
            if row.decision
        },
        attempts=_attempts(session),
        asked=frozenset(key_of(row) for row in conflicts if row.asks_person),
        is_first_sync=calendar.is_first_sync,
        are_sends_approved=calendar.are_sends_approved,
        recent_losses=_recent(session, "CancelLocal"),
        recent_deletions=_recent(session, "RemoveRemote"),
        mails_attendees=session.port.mails_attendees,
        create_settles_in=dt.timedelta(seconds=settings.SYNC_CREATE_SETTLES_S),
    )


def _recent(session: Session, operation: str) -> int:
    """What was taken away within a day, and nobody approved; a series is one."""
    changes = SyncChange.objects.filter(
        calendar=session.calendar,
        operation=operation,
        outcome=SyncChange.Outcome.DONE,
        is_loss=True,
        at__gt=session.began_at - DAY,
    )
    links = EventLink.objects.filter(
        calendar=session.calendar,
        state=EventLink.State.FORGOTTEN,
        booking__in=changes.values("booking"),
    )
    return links.exclude(item_id="").values("item_id").distinct().count()


def key_of(row: Conflict) -> facts.ConflictKey:
    return facts.ConflictKey(
        facts.ConflictKind(row.kind),
        row.booking_id,
        EventKey(row.item_id, row.original_start),
        row.other_id,
    )


def _attempts(session: Session) -> dict[str, facts.Attempt]:
    """Every attempt whose event the mirror shows."""
    shown = (
        RemoteEvent.objects.filter(calendar=session.calendar, stamped_booking__isnull=False)
        .exclude(attempt_id="")
        .values("attempt_id")
    )
    links = EventLink.objects.filter(calendar=session.calendar, attempt_id__in=shown)
    return {
        link.attempt_id: facts.Attempt(link.booking_id, bool(link.item_id), link.pk)
        for link in links
    }
