"""Decide how both sides come to agree. No I/O, no clock, no randomness.

`plan` pairs bookings and events, lets the table decide each pair, and then takes back what must
wait: conflicts for a person or the tenant's policy, losses that are many, creates whose end is
still unknown.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apps.exchange.calendar import EventKey, Parts, Window
from apps.sync import guard
from apps.sync.facts import (
    Choice,
    ConflictKey,
    ConflictKind,
    ConflictPolicy,
    Link,
    Local,
    Policy,
    Remote,
    RemoteState,
    Status,
)
from apps.sync.fingerprint import normal, time_part
from apps.sync.operations import (
    ORDER,
    Adopt,
    Agree,
    CancelAsStaff,
    CancelLocal,
    ClearClash,
    CreateLocal,
    CreateRemote,
    Forget,
    Found,
    Held,
    Operation,
    Plan,
    ReleaseLocal,
    Relink,
    RemoveRemote,
    RemoveTwin,
    Retire,
    TakeOver,
    TakeTime,
    UpdateLocal,
    UpdateRemote,
)
from apps.sync.overlaps import overlapping
from apps.sync.pairing import Pair, Pairing, is_as_written, pair_up, says_the_same
from apps.sync.table import Action, There, cell, there

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# "First come" asks a person where the two came closer together than this.
FIRST_COME_APART = dt.timedelta(minutes=2)
# A first sync sends more than this many only after a person allowed it.
MANY_FIRST_SENDS = 50


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
    return _Planning(policy, window, now).of(
        pair_up(local, mirror, links, dict(policy.attempts)),
    )


@dataclass(slots=True)
class _Planning:
    """The plan as it grows."""

    policy: Policy
    window: Window
    now: dt.datetime
    operations: list[Operation] = field(default_factory=list)
    conflicts: list[Found] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    # Removals on either side that the guard counts, with their pair and what is done if it lets them.
    losses: list[tuple[Pair, Operation]] = field(default_factory=list)
    deletions: list[tuple[Pair, Operation]] = field(default_factory=list)
    # Bookings that stay out of Exchange because something of Exchange's has their time.
    blocked: set[int] = field(default_factory=set)
    # Booking to events that somebody allowed in the same time.
    beside: dict[int, list[EventKey]] = field(default_factory=dict)
    settled: set[ConflictKey] = field(default_factory=set)
    sends_held: int = 0
    look_again_at: dt.datetime | None = None

    def of(self, pairing: Pairing) -> Plan:
        self.operations += pairing.operations
        self._overlaps(pairing)
        for pair in pairing.pairs:
            self._pair(pair)
        self._twins(pairing)
        for event in pairing.strangers:
            if event.blocks and self.window.overlaps(event.starts_at, event.ends_at):
                self.operations.append(CreateLocal(event))
        self._creates(pairing)
        known = guard.series_count(
            [
                pair.link.key.item_id
                for pair in pairing.pairs
                if pair.remote is not None and pair.remote.ends_at > self.now
            ]
        )
        self._guarded(self.losses, known, self.policy.recent_losses, is_loss=True)
        self._guarded(self.deletions, known, self.policy.recent_deletions, is_loss=False)
        return Plan(
            operations=tuple(sorted(self.operations, key=_order)),
            conflicts=tuple(sorted(self.conflicts, key=lambda found: _conflict_order(found.key))),
            held=tuple(sorted(self.held, key=lambda held: held.link_id)),
            settled=frozenset(self.settled),
            sends_held=self.sends_held,
            look_again_at=self.look_again_at,
        )

    # --- Linked -------------------------------------------------------------------------------

    def _pair(self, pair: Pair) -> None:
        link, local, remote = pair.link, pair.local, pair.remote
        if remote is None or remote.state is RemoteState.UNREADABLE:
            return
        if max(local.ends_at, remote.ends_at) <= self.window.starts_at:
            self.operations.append(Retire(link.id))
            return
        if not self._is_in_window(local, remote):
            return
        if self._waits(link.not_before):
            return
        action = cell(link, local, remote)
        if remote.state is RemoteState.GONE and max(local.ends_at, remote.ends_at) <= self.now:
            # What is over is no loss: mailboxes are tidied.
            action = Action.FORGET if local.status is Status.CANCELLED else Action.NOTHING
        _HANDLERS[action](self, pair, remote)

    def _is_in_window(self, local: Local, remote: Remote) -> bool:
        return self.window.overlaps(local.starts_at, local.ends_at) or self.window.overlaps(
            remote.starts_at, remote.ends_at
        )

    def _nothing(self, pair: Pair, remote: Remote) -> None:
        link, local = pair.link, pair.local
        if not local.is_ours and link.pushed_revision != local.revision and remote.blocks:
            self.operations.append(Agree(link.id, local.revision, remote.fingerprint))

    def _take(self, pair: Pair, remote: Remote) -> None:
        """Time is both sides', the rest of a booking of ours is ours alone."""
        link, local = pair.link, pair.local
        if _when(local) != _when(remote) and time_part(remote.fingerprint) != time_part(
            link.fingerprint
        ):
            self.operations.append(TakeTime(link.id, local.id, local.revision, remote))
        elif says_the_same(local, remote):
            self.operations.append(Agree(link.id, local.revision, remote.fingerprint))
        else:
            self._put_back(pair, remote)

    def _put_back(self, pair: Pair, remote: Remote) -> None:
        """Overwrite what was changed of ours; the same change a second time is a conflict."""
        if remote.fingerprint == pair.link.restored_fingerprint:
            self._both_changed(pair, remote)
        else:
            self._write(pair, remote, restores=remote.fingerprint)

    def _update_remote(self, pair: Pair, remote: Remote) -> None:
        if remote.blocks and says_the_same(pair.local, remote):
            self.operations.append(Agree(pair.link.id, pair.local.revision, remote.fingerprint))
        else:
            self._write(pair, remote)

    def _write(self, pair: Pair, remote: Remote, restores: str = "") -> None:
        local = pair.local
        moves = _when(local) != _when(remote)
        if moves and local.id in self.blocked:
            return
        if remote.has_attendees and not self._may_mail(pair, remote):
            return
        parts = Parts(
            subject=normal(local.content.subject) != normal(remote.subject),
            time=moves,
            show_as=not remote.blocks,
        )
        self.operations.append(
            UpdateRemote(
                pair.link.id,
                local.id,
                local.revision,
                remote.ref,
                local.content,
                parts,
                restores,
                self._allowed(local.id),
            )
        )

    def _update_local(self, pair: Pair, remote: Remote) -> None:
        self.operations.append(
            UpdateLocal(pair.link.id, pair.local.id, pair.local.revision, remote)
        )

    def _release_local(self, pair: Pair, remote: Remote) -> None:
        self.operations.append(
            ReleaseLocal(pair.link.id, pair.local.id, pair.local.revision, remote)
        )

    def _cancel_local(self, pair: Pair, remote: Remote) -> None:
        is_loss = remote.state is RemoteState.GONE
        operation = CancelLocal(pair.link.id, pair.local.id, pair.local.revision, is_loss)
        if is_loss:
            self.losses.append((pair, operation))
        else:
            self.operations.append(operation)

    def _remove_remote(self, pair: Pair, remote: Remote) -> None:
        if remote.has_attendees and not remote.is_invitation and not self._may_mail(pair, remote):
            return
        operation = RemoveRemote(pair.link.id, pair.local.id, remote.ref, remote.is_invitation)
        if remote.ends_at > self.now:
            self.deletions.append((pair, operation))

    def _forget(self, pair: Pair, remote: Remote) -> None:
        self.operations.append(Forget(pair.link.id))

    # --- Conflicts ------------------------------------------------------------------------------

    def _both_changed(self, pair: Pair, remote: Remote) -> None:
        local = pair.local
        if remote.blocks and says_the_same(local, remote):
            self.operations.append(Agree(pair.link.id, local.revision, remote.fingerprint))
            return
        key = ConflictKey(ConflictKind.BOTH_CHANGED, local.id, pair.link.key)
        versions = f"{local.revision}:{remote.state}:{remote.fingerprint}"
        by_policy = {
            ConflictPolicy.EXCHANGE: Choice.EXCHANGE,
            ConflictPolicy.OURS: Choice.OURS,
        }.get(self.policy.conflicts)
        choice = self._choice(key, versions, by_policy)
        if choice is Choice.OURS:
            self._enforce_ours(pair, remote)
        elif choice is Choice.EXCHANGE:
            self._accept_exchanges(pair, remote)
        else:
            self.conflicts.append(Found(key, versions))

    def _enforce_ours(self, pair: Pair, remote: Remote) -> None:
        if remote.blocks or remote.state is RemoteState.FREE:
            self._write(pair, remote)
        else:
            # Its event is no more: with the link forgotten it is sent again.
            self.operations.append(Forget(pair.link.id))

    def _accept_exchanges(self, pair: Pair, remote: Remote) -> None:
        link, local = pair.link, pair.local
        if remote.blocks:
            self.operations.append(
                TakeTime(link.id, local.id, local.revision, remote, accepts=True)
            )
        elif remote.state is RemoteState.FREE:
            self.operations.append(ReleaseLocal(link.id, local.id, local.revision, remote))
        else:
            self.operations.append(CancelLocal(link.id, local.id, local.revision, is_approved=True))

    def _may_mail(self, pair: Pair, remote: Remote) -> bool:
        if not self.policy.mails_attendees:
            return True
        key = ConflictKey(ConflictKind.WOULD_MAIL, pair.local.id, pair.link.key)
        versions = f"{pair.local.revision}:{remote.fingerprint}"
        choice = self._choice(key, versions)
        if choice is None:
            self.conflicts.append(Found(key, versions))
        return choice is Choice.SEND

    def _overlaps(self, pairing: Pairing) -> None:
        """Bookings of ours on events that are not ours, and on each other."""
        links = {pair.local.id: pair for pair in pairing.pairs}
        adopted = {
            operation.booking_id
            for operation in pairing.operations
            if hasattr(operation, "booking_id")
        }
        ours = [
            local
            for local in [*(p.local for p in pairing.pairs), *(x for x, _link in pairing.alone)]
            if local.is_ours and local.status is Status.CONFIRMED and self._counts(local)
        ]
        theirs = [
            _Theirs(event, None)
            for event in pairing.strangers
            if event.blocks and event.ends_at > self.now
        ] + [
            _Theirs(pair.remote, pair.local)
            for pair in pairing.pairs
            if not pair.local.is_ours
            and pair.remote is not None
            and pair.remote.blocks
            and pair.remote.ends_at > self.now
            # On its way out: staff cancelled it.
            and not (
                pair.local.status is Status.CANCELLED
                and there(pair.link, pair.remote) is There.SAME
            )
        ]
        for booking, other in overlapping(ours, theirs):
            self._overlap(booking, other, is_sent=booking.id in links or booking.id in adopted)
        self._clashes(ours)

    def _allowed(self, booking_id: int) -> tuple[EventKey, ...]:
        return tuple(sorted(self.beside.get(booking_id, [])))

    def _counts(self, local: Local) -> bool:
        return local.ends_at > self.now and self.window.overlaps(local.starts_at, local.ends_at)

    def _overlap(self, booking: Local, other: _Theirs, *, is_sent: bool) -> None:
        event = other.event
        key = ConflictKey(ConflictKind.OVERLAP, booking.id, event.key)
        versions = f"{_span(booking)}:{time_part(event.fingerprint)}"
        choice = self._choice(key, versions, self._first_come_or_policy(booking, event))
        if choice is Choice.BOTH:
            self.beside.setdefault(booking.id, []).append(event.key)
            return
        self.blocked.add(booking.id)
        if choice is Choice.EXCHANGE:
            self.operations.append(self._give_way(booking, is_sent=is_sent))
        elif choice is Choice.OURS:
            # Without a booking of its own yet, the event gets one in this plan, and goes in the next.
            if other.booking is not None and other.booking.status is not Status.CANCELLED:
                self.operations.append(CancelAsStaff(other.booking.id, other.booking.revision))
        else:
            self.conflicts.append(Found(key, versions))

    def _give_way(self, booking: Local, *, is_sent: bool) -> Operation:
        # What Exchange holds of it must be deleted there, which a cancellation by staff brings.
        if is_sent:
            return CancelAsStaff(booking.id, booking.revision)
        return CancelLocal(None, booking.id, booking.revision, is_approved=True)

    def _first_come_or_policy(self, booking: Local, event: Remote) -> Choice | None:
        match self.policy.conflicts:
            case _ if self.policy.is_first_sync:
                return None
            case ConflictPolicy.EXCHANGE:
                return Choice.EXCHANGE
            case ConflictPolicy.OURS:
                return Choice.OURS
            case ConflictPolicy.FIRST_COME if event.created_at is not None:
                apart = booking.created_at - event.created_at
                if abs(apart) >= FIRST_COME_APART:
                    return Choice.OURS if apart < dt.timedelta(0) else Choice.EXCHANGE
        return None

    def _clashes(self, ours: list[Local]) -> None:
        """Two bookings of ours that Exchange put on each other."""
        clashing = [local for local in ours if local.is_clashing]
        met = set()
        for booking, other in overlapping(clashing, ours):
            # Of two that both clash the later one tells of it.
            if booking.id == other.id or (other.is_clashing and other.id > booking.id):
                if booking.id != other.id:
                    met.add(booking.id)
                continue
            met.add(booking.id)
            key = ConflictKey(ConflictKind.OVERLAP, booking.id, EventKey(""), other.id)
            versions = f"{_span(booking)}:{_span(other)}"
            choice = self._choice(key, versions)
            if choice is Choice.OURS:
                self.operations.append(CancelAsStaff(other.id, other.revision))
            elif choice is Choice.EXCHANGE:
                self.operations.append(CancelAsStaff(booking.id, booking.revision))
            elif choice is not Choice.BOTH:
                self.conflicts.append(Found(key, versions))
        self.operations += [
            ClearClash(booking.id, booking.revision)
            for booking in clashing
            if booking.id not in met
        ]

    def _choice(
        self, key: ConflictKey, versions: str, by_policy: Choice | None = None
    ) -> Choice | None:
        decided = self.policy.decisions.get(key)
        if decided is not None and decided.versions == versions:
            self.settled.add(key)
            return decided.choice
        return by_policy

    # --- Not linked -------------------------------------------------------------------------------

    def _twins(self, pairing: Pairing) -> None:
        if not pairing.twins:
            return
        pairs = {pair.local.id: pair for pair in pairing.pairs}
        alone = pairing.alone_by_id()
        for event, booking_id in pairing.twins:
            self._twin(event, booking_id, pairs.get(booking_id), alone.get(booking_id))

    def _twin(self, event: Remote, booking_id: int, pair: Pair | None, alone: Local | None) -> None:
        """A second event of ours: delete it if it is as we wrote it, else ask."""
        local = pair.local if pair else alone
        if local is None:
            # Its first event is adopted in this plan: the next one compares the two.
            return
        if is_as_written(local, event):
            self.operations.append(RemoveTwin(booking_id, event.ref))
            return
        if pair is None or pair.remote is None:
            return
        key = ConflictKey(ConflictKind.TWIN, booking_id, event.key)
        versions = f"{local.revision}:{event.fingerprint}:{pair.remote.fingerprint}"
        choice = self._choice(key, versions)
        if choice is Choice.OURS:
            self.operations.append(RemoveTwin(booking_id, event.ref))
        elif choice is Choice.THIS:
            self.operations.append(RemoveTwin(booking_id, pair.remote.ref))
        else:
            self.conflicts.append(Found(key, versions))

    def _creates(self, pairing: Pairing) -> None:
        creates = []
        for local, link in pairing.alone:
            if link is not None and self._settles(link):
                continue
            if (
                local.status is not Status.CONFIRMED
                or not local.is_ours
                or local.ends_at <= self.now
            ):
                if link is not None:
                    self.operations.append(Forget(link.id))
                continue
            if not self._counts(local) or local.id in self.blocked:
                continue
            if link is not None and self._waits(link.not_before):
                continue
            creates.append(
                CreateRemote(
                    link.id if link else None,
                    local.id,
                    local.revision,
                    local.content,
                    self._allowed(local.id),
                )
            )
        is_held = (
            self.policy.is_first_sync
            and not self.policy.are_sends_approved
            and len(creates) > MANY_FIRST_SENDS
        )
        if is_held:
            self.sends_held = len(creates)
        else:
            self.operations += creates

    def _settles(self, link: Link) -> bool:
        """Whether the create may still land: it is unknown whether it was done."""
        if link.attempted_at is None:
            return False
        return self._waits(link.attempted_at + self.policy.create_settles_in)

    def _waits(self, until: dt.datetime | None) -> bool:
        if until is None or until <= self.now:
            return False
        self.look_again_at = min(until, self.look_again_at or until)
        return True

    # --- Many at once -----------------------------------------------------------------------------

    def _guarded(
        self, removals: list[tuple[Pair, Operation]], known: int, recent: int, *, is_loss: bool
    ) -> None:
        """Let removals through, unless they are many: then each waits for its own decision."""
        waiting = []
        for pair, operation in removals:
            if pair.link.decision == "apply":
                self.operations.append(_approved(operation))
            elif pair.link.decision == "keep":
                self.operations.append(_kept(pair, is_loss=is_loss))
            else:
                waiting.append((pair, operation))
        count = guard.series_count([pair.link.key.item_id for pair, _operation in waiting])
        many = guard.are_many(count, known, recent)
        for pair, operation in waiting:
            # Once held, it waits for a person, whatever the others do.
            if many or pair.link.is_held:
                self.held.append(Held(pair.link.id, is_loss))
            else:
                self.operations.append(operation)


_RANK = {kind: number for number, kind in enumerate(ORDER)}
_EARLIEST = dt.datetime.min.replace(tzinfo=dt.UTC)
_NO_EVENT = EventKey("")


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


_HANDLERS: dict[Action, Callable[[_Planning, Pair, Remote], None]] = {
    Action.NOTHING: _Planning._nothing,
    Action.TAKE: _Planning._take,
    Action.PUT_BUSY_BACK: _Planning._put_back,
    Action.UPDATE_REMOTE: _Planning._update_remote,
    Action.REMOVE_REMOTE: _Planning._remove_remote,
    Action.UPDATE_LOCAL: _Planning._update_local,
    Action.REINSTATE: _Planning._update_local,
    Action.RELEASE_LOCAL: _Planning._release_local,
    Action.CANCEL_LOCAL: _Planning._cancel_local,
    Action.CONFLICT: _Planning._both_changed,
    Action.FORGET: _Planning._forget,
}


def _approved(operation: Operation) -> Operation:
    match operation:
        case CancelLocal(link_id, booking_id, revision, is_loss):
            return CancelLocal(link_id, booking_id, revision, is_loss, is_approved=True)
        case RemoveRemote(link_id, booking_id, ref, declines):
            return RemoveRemote(link_id, booking_id, ref, declines, is_approved=True)
        case _:
            return operation


def _kept(pair: Pair, *, is_loss: bool) -> Operation:
    """A lost event's booking stays, and is sent again; a deletion is undone."""
    link, local = pair.link, pair.local
    if not is_loss:
        assert pair.remote is not None  # noqa: S101 -- a deletion has an event
        return UpdateLocal(link.id, local.id, local.revision, pair.remote)
    return Forget(link.id) if local.is_ours else TakeOver(link.id, local.id, local.revision)


def _when(of: Local | Remote) -> tuple[dt.datetime, dt.datetime]:
    return of.starts_at, of.ends_at


def _span(of: Local) -> str:
    return f"{of.starts_at:%Y%m%dT%H%M%S}-{of.ends_at:%Y%m%dT%H%M%S}"


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
