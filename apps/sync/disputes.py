"""Bookings of ours on events that are not ours, and on each other. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.exchange.calendar import EventKey
from apps.sync.facts import (
    Choice,
    ConflictKey,
    ConflictKind,
    ConflictPolicy,
    Local,
    Remote,
    Status,
)
from apps.sync.fingerprint import time_part
from apps.sync.operations import CancelAsStaff, CancelLocal, ClearClash, Found, Operation
from apps.sync.overlaps import overlapping
from apps.sync.table import Here, There, here, there

if TYPE_CHECKING:
    from collections.abc import Iterator

    from apps.sync.draft import Draft
    from apps.sync.pairing import Pair, Pairing

# "First come" asks a person where the two came closer together than this.
FIRST_COME_APART = dt.timedelta(minutes=2)


@dataclass(frozen=True, slots=True)
class _Ours:
    """A booking of ours, at the time that it has after this plan."""

    booking: Local
    starts_at: dt.datetime
    ends_at: dt.datetime
    # Exchange holds it, or may.
    is_sent: bool

    @property
    def span(self) -> str:
        return f"{self.starts_at:%Y%m%dT%H%M%S}-{self.ends_at:%Y%m%dT%H%M%S}"


@dataclass(frozen=True, slots=True)
class _Theirs:
    event: Remote
    booking: Local | None

    @property
    def starts_at(self) -> dt.datetime:
        return self.event.starts_at

    @property
    def ends_at(self) -> dt.datetime:
        return self.event.ends_at


def find(draft: Draft, pairing: Pairing) -> None:
    """Add what two have at the same time; what a decision settles is planned."""
    ours = list(_all_ours(draft, pairing))
    for one, other in overlapping(ours, list(_all_theirs(draft, pairing))):
        _overlap(draft, one, other)
    _clashes(draft, ours)


def _all_ours(draft: Draft, pairing: Pairing) -> Iterator[_Ours]:
    for pair in pairing.pairs:
        local, remote = pair.local, pair.remote
        if remote is None or here(pair.link, local) is not Here.SAME:
            yield from _counting(draft, local, local, is_sent=True)
            continue
        match there(pair.link, remote):
            case There.CHANGED:
                # It follows its event in this plan.
                yield from _counting(draft, local, remote, is_sent=True)
            case There.CANCELLED:
                pass
            case There.GONE if not pair.link.is_held:
                pass
            case _:
                yield from _counting(draft, local, local, is_sent=True)
    for local, _link in pairing.alone:
        yield from _counting(draft, local, local, is_sent=False)
    for local in pairing.found:
        yield from _counting(draft, local, local, is_sent=True)


def _counting(draft: Draft, local: Local, at: Local | Remote, *, is_sent: bool) -> Iterator[_Ours]:
    """The booking, if it is one of ours that blocks, is not over, and lies in the window."""
    if (
        local.is_ours
        and local.status is Status.CONFIRMED
        and at.ends_at > draft.now
        and draft.window.overlaps(at.starts_at, at.ends_at)
    ):
        yield _Ours(local, at.starts_at, at.ends_at, is_sent)


def _all_theirs(draft: Draft, pairing: Pairing) -> Iterator[_Theirs]:
    for event in pairing.strangers:
        if event.blocks and event.ends_at > draft.now:
            yield _Theirs(event, None)
    for pair in pairing.pairs:
        if pair.local.is_ours or pair.remote is None or _is_on_its_way_out(pair):
            continue
        if pair.remote.blocks and pair.remote.ends_at > draft.now:
            yield _Theirs(pair.remote, pair.local)


def _is_on_its_way_out(pair: Pair) -> bool:
    """Staff cancelled it, and nobody asked anew."""
    return pair.local.status is Status.CANCELLED and there(pair.link, pair.remote) is There.SAME


def _overlap(draft: Draft, one: _Ours, other: _Theirs) -> None:
    booking, event = one.booking, other.event
    key = ConflictKey(ConflictKind.OVERLAP, booking.id, event.key)
    versions = f"{one.span}:{time_part(event.fingerprint)}"
    choice = draft.choice(key, versions, _by_policy(draft, booking, event))
    if choice is Choice.BOTH:
        draft.beside.setdefault(booking.id, []).append(event.key)
        return
    draft.blocked.add(booking.id)
    if choice is Choice.EXCHANGE:
        draft.operations.append(_give_way(one))
    elif choice is Choice.OURS:
        # Without a booking of its own yet, the event gets one in this plan, and goes in the next.
        if other.booking is not None and other.booking.status is not Status.CANCELLED:
            draft.operations.append(CancelAsStaff(other.booking.id, other.booking.revision))
    else:
        draft.conflicts.append(Found(key, versions))


def _give_way(one: _Ours) -> Operation:
    # What Exchange holds of it must be deleted there, which a cancellation by staff brings.
    if one.is_sent:
        return CancelAsStaff(one.booking.id, one.booking.revision)
    return CancelLocal(None, one.booking.id, one.booking.revision, is_approved=True)


def _by_policy(draft: Draft, booking: Local, event: Remote) -> Choice | None:
    if draft.policy.is_first_sync:
        return None
    match draft.policy.conflicts:
        case ConflictPolicy.EXCHANGE:
            return Choice.EXCHANGE
        case ConflictPolicy.OURS:
            return Choice.OURS
        case ConflictPolicy.FIRST_COME if event.created_at is not None:
            apart = booking.created_at - event.created_at
            if abs(apart) >= FIRST_COME_APART:
                return Choice.OURS if apart < dt.timedelta(0) else Choice.EXCHANGE
    return None


def _clashes(draft: Draft, ours: list[_Ours]) -> None:
    """Two bookings of ours that Exchange put on each other."""
    clashing = [one for one in ours if one.booking.is_clashing]
    met = set()
    for one, other in overlapping(clashing, ours):
        if one.booking.id == other.booking.id:
            continue
        met.add(one.booking.id)
        # Of two that both clash the later one tells of it.
        if not (other.booking.is_clashing and other.booking.id > one.booking.id):
            _clash(draft, one, other)
    draft.operations += [
        ClearClash(one.booking.id, one.booking.revision)
        for one in clashing
        if one.booking.id not in met
    ]


def _clash(draft: Draft, one: _Ours, other: _Ours) -> None:
    key = ConflictKey(ConflictKind.OVERLAP, one.booking.id, EventKey(""), other.booking.id)
    versions = f"{one.span}:{other.span}"
    choice = draft.choice(key, versions)
    if choice is Choice.OURS:
        draft.operations.append(CancelAsStaff(other.booking.id, other.booking.revision))
    elif choice is Choice.EXCHANGE:
        draft.operations.append(CancelAsStaff(one.booking.id, one.booking.revision))
    elif choice is not Choice.BOTH:
        draft.conflicts.append(Found(key, versions))
