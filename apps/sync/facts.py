"""What the planner is given: plain values, read from rows by the loader. Pure."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import uuid
    from collections.abc import Mapping

    from apps.exchange.calendar import Content, EventKey, EventRef


class Origin(StrEnum):
    OURS = "optixsync"
    EXCHANGE = "exchange"


class Status(StrEnum):
    CONFIRMED = "confirmed"
    RELEASED = "released"
    CANCELLED = "cancelled"


class RemoteState(StrEnum):
    """What an event means for the resource, whatever it looks like."""

    BLOCKS = "blocks"
    FREE = "free"
    # Cancelled by its organiser, or declined by the room.
    CANCELLED = "cancelled"
    # Verified: evidence, and a read by id that says not found.
    GONE = "gone"
    UNREADABLE = "unreadable"


class LinkState(StrEnum):
    CREATING = "creating"
    LIVE = "live"
    RETIRED = "retired"


class ConflictKind(StrEnum):
    BOTH_CHANGED = "both_changed"
    OVERLAP = "overlap"
    TWIN = "twin"
    WOULD_MAIL = "would_mail"


class Choice(StrEnum):
    """What a person, or the tenant's policy, decided."""

    OURS = "ours"
    EXCHANGE = "exchange"
    BOTH = "both"
    THIS = "this"
    SEND = "send"
    LEAVE = "leave"


class ConflictPolicy(StrEnum):
    ASK = "ask"
    EXCHANGE = "exchange"
    OURS = "optixsync"
    FIRST_COME = "first_come"


@dataclass(frozen=True, slots=True)
class Local:
    """A booking, and what we would write of it."""

    id: int
    uuid: uuid.UUID
    revision: int
    origin: Origin
    status: Status
    content: Content
    created_at: dt.datetime
    is_clashing: bool = False
    # It was moved to another resource: here it is as good as cancelled.
    is_elsewhere: bool = False

    @property
    def starts_at(self) -> dt.datetime:
        return self.content.starts_at

    @property
    def ends_at(self) -> dt.datetime:
        return self.content.ends_at

    @property
    def is_ours(self) -> bool:
        return self.origin is Origin.OURS


@dataclass(frozen=True, slots=True)
class Remote:
    """A row of the mirror."""

    ref: EventRef
    uid: str
    state: RemoteState
    starts_at: dt.datetime
    ends_at: dt.datetime
    is_all_day: bool
    subject: str
    fingerprint: str
    # The booking that a stamp of ours names, and the attempt id beside it.
    stamped: uuid.UUID | None = None
    attempt_id: str = ""
    is_invitation: bool = False
    has_attendees: bool = False
    created_at: dt.datetime | None = None

    @property
    def key(self) -> EventKey:
        return self.ref.key

    @property
    def blocks(self) -> bool:
        return self.state is RemoteState.BLOCKS


@dataclass(frozen=True, slots=True)
class Link:
    """What both sides of a pair agreed on last."""

    id: int
    booking_id: int
    state: LinkState
    key: EventKey
    uid: str = ""
    attempted_at: dt.datetime | None = None
    removal_at: dt.datetime | None = None
    pushed_revision: int = 0
    fingerprint: str = ""
    restored_fingerprint: str = ""
    is_held: bool = False
    decision: str = ""
    # What was to be written was refused: as long as the booking is at this revision, no other try
    # before then.
    not_before: dt.datetime | None = None
    refused_revision: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt id that was used for a booking; `was_seen` once its event had been read."""

    booking_id: int
    was_seen: bool
    # The link that made it, which tells what was agreed on last.
    link_id: int | None = None


@dataclass(frozen=True, slots=True, order=True)
class ConflictKey:
    kind: ConflictKind
    booking_id: int
    event: EventKey
    other_id: int | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    choice: Choice
    # The decision is about these versions of both sides, and lapses with them.
    versions: str


@dataclass(frozen=True, slots=True)
class Policy:
    """What the tenant chose, what people decided, and what the connection does."""

    conflicts: ConflictPolicy = ConflictPolicy.ASK
    decisions: Mapping[ConflictKey, Decided] = field(default_factory=dict)
    attempts: Mapping[str, Attempt] = field(default_factory=dict)
    # Found in a first sync: a person decides these, whatever is chosen.
    asked: frozenset[ConflictKey] = frozenset()
    is_first_sync: bool = False
    are_sends_approved: bool = False
    # Of the last 24 hours, those that nobody approved.
    recent_losses: int = 0
    recent_deletions: int = 0
    mails_attendees: bool = False
    # After an unclear answer a second create is allowed only to a run that began so much later.
    create_settles_in: dt.timedelta = dt.timedelta(minutes=5)
