"""What a plan consists of: each operation is one step that is carried out and committed alone. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt

    from apps.exchange.calendar import Content, EventKey, EventRef, Parts
    from apps.sync.facts import ConflictKey, Remote

# --- On our side ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CreateLocal:
    """Book what Exchange holds, and link both."""

    remote: Remote


@dataclass(frozen=True, slots=True)
class TakeTime:
    """Move our booking to where Exchange has its event. `accepts` the other fields there as well."""

    link_id: int
    booking_id: int
    revision: int
    remote: Remote
    accepts: bool = False


@dataclass(frozen=True, slots=True)
class UpdateLocal:
    """Bring a booking of Exchange's up to date; reinstate it if it is released or cancelled."""

    link_id: int
    booking_id: int
    revision: int
    remote: Remote


@dataclass(frozen=True, slots=True)
class ReleaseLocal:
    """The event blocks no longer: neither does the booking."""

    link_id: int
    booking_id: int
    revision: int
    remote: Remote


@dataclass(frozen=True, slots=True)
class CancelLocal:
    """Exchange gave the time up. `is_loss`: it was verified gone, which the guard counts."""

    link_id: int | None
    booking_id: int
    revision: int
    is_loss: bool = False
    is_approved: bool = False


@dataclass(frozen=True, slots=True)
class CancelAsStaff:
    """A decision went against this booking; if Exchange holds it, it is removed there next."""

    booking_id: int
    revision: int


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Keep a booking that Exchange lost: from now on it is ours, and is sent again."""

    link_id: int
    booking_id: int
    revision: int


@dataclass(frozen=True, slots=True)
class ClearClash:
    """Nothing is in the booking's way any more."""

    booking_id: int
    revision: int


# --- On the link between ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Adopt:
    """An event of ours was found: link it to its booking. Without a link_id a new link is made."""

    link_id: int | None
    booking_id: int
    remote: Remote


@dataclass(frozen=True, slots=True)
class Relink:
    """The event has another key now: a series was reshaped, or an item came back."""

    link_id: int
    remote: Remote


@dataclass(frozen=True, slots=True)
class Agree:
    """Both sides say the same: remember it."""

    link_id: int
    revision: int
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Retire:
    """Both sides are past the lower edge of the window: touch neither."""

    link_id: int


@dataclass(frozen=True, slots=True)
class Forget:
    """Drop a pair whose event is no more."""

    link_id: int


# --- In the mailbox -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class CreateRemote:
    """Write a new event. With a link_id its attempt is tried again."""

    link_id: int | None
    booking_id: int
    revision: int
    content: Content
    # Events that may stay in the same time, because somebody decided so.
    beside: tuple[EventKey, ...] = ()


@dataclass(frozen=True, slots=True)
class UpdateRemote:
    """Write parts of a booking over its event. `restores`: the fingerprint that we overwrite."""

    link_id: int
    booking_id: int
    revision: int
    ref: EventRef
    content: Content
    parts: Parts
    restores: str = ""
    beside: tuple[EventKey, ...] = ()
    # The fingerprint that was planned with: under another change key it is the same event.
    seen: str = ""


@dataclass(frozen=True, slots=True)
class RemoveRemote:
    """Take an event out of the mailbox: decline it if it is another's meeting, else delete it."""

    link_id: int
    booking_id: int
    revision: int
    ref: EventRef
    declines: bool
    is_approved: bool = False
    seen: str = ""


@dataclass(frozen=True, slots=True)
class RemoveTwin:
    """Delete a second event of ours that is as we wrote it."""

    booking_id: int
    ref: EventRef


LocalOperation = (
    CreateLocal
    | TakeTime
    | UpdateLocal
    | ReleaseLocal
    | CancelLocal
    | CancelAsStaff
    | TakeOver
    | ClearClash
    | Adopt
    | Relink
    | Agree
    | Retire
    | Forget
)
RemoteOperation = CreateRemote | UpdateRemote | RemoveRemote | RemoveTwin
Operation = LocalOperation | RemoteOperation

# Links first, since what follows leans on them; then what frees time here, then what takes it; then
# the same in the mailbox.
ORDER: tuple[type, ...] = (
    Relink,
    Adopt,
    Agree,
    Retire,
    Forget,
    CancelLocal,
    CancelAsStaff,
    ReleaseLocal,
    TakeTime,
    UpdateLocal,
    CreateLocal,
    ClearClash,
    TakeOver,
    RemoveTwin,
    RemoveRemote,
    UpdateRemote,
    CreateRemote,
)


@dataclass(frozen=True, slots=True)
class Found:
    """A difference that waits for a decision. `versions` says which two versions it is about."""

    key: ConflictKey
    versions: str


@dataclass(frozen=True, slots=True)
class Held:
    """A loss, or a deletion that we would send, that waits because it is one of many."""

    link_id: int
    is_loss: bool


@dataclass(frozen=True, slots=True)
class Plan:
    operations: tuple[Operation, ...] = ()
    conflicts: tuple[Found, ...] = ()
    held: tuple[Held, ...] = ()
    # Differences that a decision settles: they stay open, so that it is remembered.
    settled: frozenset[ConflictKey] = frozenset()
    # Events that a first sync would send and a person has not yet allowed.
    sends_held: int = 0
    # The earliest time at which something that waits can go on.
    look_again_at: dt.datetime | None = None
    # Links whose losses or deletions were decided, and are carried out; and those with one held of
    # whose event nothing can be said at present. What is held of all others is held no longer.
    decided: frozenset[int] = frozenset()
    unclear: frozenset[int] = frozenset()

    @property
    def rests(self) -> bool:
        """Nothing to do, and nothing that waits: for a person, for a time, or for a decision."""
        return not (
            self.operations
            or self.conflicts
            or self.held
            or self.settled
            or self.sends_held
            or self.look_again_at
        )

    def summary(self) -> dict[str, int]:
        """How many operations of each kind, and what waits."""
        counts = Counter(type(operation).__name__ for operation in self.operations)
        counts["conflicts"] = len(self.conflicts)
        counts["held"] = len(self.held) + self.sends_held
        return {name: count for name, count in sorted(counts.items()) if count}
