"""Decide how both sides come to agree. No I/O, no clock, no randomness.

`plan` pairs bookings and events, lets the table decide each pair, and then takes back what must
wait: conflicts for a person or the tenant's policy, losses that are many, creates whose end is
still unknown.
"""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from apps.exchange.calendar import EventKey, Window
from apps.sync import disputes, guard, linked, unlinked
from apps.sync.draft import Draft
from apps.sync.operations import (
    ORDER,
    Adopt,
    CreateLocal,
    CreateRemote,
    Operation,
    Plan,
    ReleaseLocal,
    Relink,
    RemoveRemote,
    RemoveTwin,
    TakeTime,
    UpdateLocal,
    UpdateRemote,
)
from apps.sync.pairing import pair_up

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apps.sync.facts import ConflictKey, Link, Local, Policy, Remote

_RANK = {kind: number for number, kind in enumerate(ORDER)}
_EARLIEST = dt.datetime.min.replace(tzinfo=dt.UTC)
_NO_EVENT = EventKey("")


def plan(
    local: Iterable[Local],
    mirror: Iterable[Remote],
    links: Iterable[Link],
    policy: Policy,
    window: Window,
    now: dt.datetime,
) -> Plan:
    """Say what must be done so that bookings and events agree within the window.

    `now` is when the pull began that the mirror comes from.
    """
    pairing = pair_up(local, mirror, links, policy.attempts)
    draft = Draft(policy, window, now, operations=list(pairing.operations))
    disputes.find(draft, pairing)
    for pair in pairing.pairs:
        linked.decide(draft, pair)
    unlinked.twins(draft, pairing)
    unlinked.strangers(draft, pairing)
    unlinked.creates(draft, pairing)
    guard.let_through(draft, pairing.pairs)
    return _finished(draft)


def _finished(draft: Draft) -> Plan:
    return Plan(
        # Two overlaps may ask for the same cancellation.
        operations=tuple(sorted(dict.fromkeys(draft.operations), key=_order)),
        conflicts=tuple(sorted(draft.conflicts, key=lambda found: _conflict_order(found.key))),
        held=tuple(sorted(draft.held, key=lambda held: held.link_id)),
        settled=frozenset(draft.settled),
        sends_held=draft.sends_held,
        look_again_at=draft.look_again_at,
        decided=frozenset(draft.decided),
        unclear=frozenset(draft.unclear),
    )


def _order(operation: Operation) -> tuple[int, dt.datetime, int, int, EventKey]:
    """Kinds in order; within a kind what comes first in time, then by what it is about.

    No two operations of one kind are about the same link, booking and event, so that the order
    does not depend on that of the input.
    """
    when, key = _EARLIEST, _NO_EVENT
    match operation:
        case CreateRemote(content=content) | UpdateRemote(content=content):
            when = content.starts_at
        case (
            CreateLocal(remote=remote)
            | TakeTime(remote=remote)
            | UpdateLocal(remote=remote)
            | ReleaseLocal(remote=remote)
            | Adopt(remote=remote)
            | Relink(remote=remote)
        ):
            when, key = remote.starts_at, remote.key
        case RemoveRemote(ref=ref) | RemoveTwin(ref=ref):
            key = ref.key
        case _:
            pass
    link_id = getattr(operation, "link_id", None)
    booking_id = getattr(operation, "booking_id", 0)
    return _RANK[type(operation)], when, link_id or 0, booking_id, key


def _conflict_order(key: ConflictKey) -> tuple[str, int, EventKey, int]:
    return key.kind, key.booking_id, key.event, key.other_id or 0
