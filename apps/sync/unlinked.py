"""What is done with bookings and events that no link names, and with second events of ours. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.sync.facts import Choice, ConflictKey, ConflictKind, RemoteState, Status
from apps.sync.operations import CreateLocal, CreateRemote, Forget, Found, RemoveTwin
from apps.sync.pairing import is_as_written

if TYPE_CHECKING:
    from apps.sync.draft import Draft
    from apps.sync.facts import Link, Local, Remote
    from apps.sync.pairing import Pair, Pairing

# A first sync sends more than this many only after a person allowed it.
MANY_FIRST_SENDS = 50


def strangers(draft: Draft, pairing: Pairing) -> None:
    """Book what blocks and is nobody's."""
    for event in pairing.strangers:
        _book(draft, event)


def _book(draft: Draft, event: Remote) -> None:
    if event.blocks and draft.window.overlaps(event.starts_at, event.ends_at):
        draft.operations.append(CreateLocal(event))


def twins(draft: Draft, pairing: Pairing) -> None:
    """Second events of ours: delete them where they are as we wrote them, else ask."""
    pairs = {pair.local.id: pair for pair in pairing.pairs} if pairing.twins else {}
    alone = {booking.id: booking for booking, _link in pairing.alone} if pairing.twins else {}
    for event, booking_id in pairing.twins:
        if booking_id in pairs:
            _second(draft, event, pairs[booking_id])
        elif booking_id in alone:
            _late(draft, event, alone[booking_id])
        # Otherwise its first event is adopted in this plan: the next one compares the two.


def _late(draft: Draft, event: Remote, booking: Local) -> None:
    """It landed when its booking was cancelled; changed since, it is an event like any other."""
    if is_as_written(booking, event):
        draft.operations.append(RemoveTwin(booking.id, event.ref))
    else:
        _book(draft, event)


def _second(draft: Draft, event: Remote, pair: Pair) -> None:
    local, first = pair.local, pair.remote
    if first is None or RemoteState.UNREADABLE in {first.state, event.state}:
        return
    if is_as_written(local, event) and first.blocks:
        draft.operations.append(RemoveTwin(local.id, event.ref))
        return
    key = ConflictKey(ConflictKind.TWIN, local.id, event.key)
    versions = f"{local.revision}:{event.fingerprint}:{first.fingerprint}"
    choice = draft.choice(key, versions)
    if choice is Choice.OURS:
        _remove(draft, local, event)
    elif choice is Choice.THIS:
        _remove(draft, local, first)
    else:
        draft.conflicts.append(Found(key, versions))


def _remove(draft: Draft, local: Local, event: Remote) -> None:
    if draft.may_mail(local, event):
        draft.operations.append(RemoveTwin(local.id, event.ref))


def creates(draft: Draft, pairing: Pairing) -> None:
    """Send what Exchange does not have; forget tries for what is no longer to be sent."""
    found = []
    for local, link in pairing.alone:
        if link is not None and _settles(draft, link):
            continue
        if local.status is not Status.CONFIRMED or not local.is_ours or local.ends_at <= draft.now:
            if link is not None:
                draft.operations.append(Forget(link.id))
            continue
        if not draft.window.overlaps(local.starts_at, local.ends_at) or local.id in draft.blocked:
            continue
        if draft.is_refused(link, local):
            continue
        found.append(
            CreateRemote(
                link.id if link else None,
                local.id,
                local.revision,
                local.content,
                draft.allowed(local.id),
            )
        )
    policy = draft.policy
    if policy.is_first_sync and not policy.are_sends_approved and len(found) > MANY_FIRST_SENDS:
        draft.sends_held = len(found)
    else:
        draft.operations += found


def _settles(draft: Draft, link: Link) -> bool:
    """Whether the create may still land: it is unknown whether it was done."""
    if link.attempted_at is None:
        return False
    return draft.waits(link.attempted_at + draft.policy.create_settles_in)
