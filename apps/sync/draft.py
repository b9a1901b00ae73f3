"""A plan as it grows: what was found so far, and how a question is settled. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apps.sync.facts import Choice, ConflictKey, ConflictKind
from apps.sync.operations import CancelLocal, Found, Held, Operation, RemoveRemote

if TYPE_CHECKING:
    import datetime as dt

    from apps.exchange.calendar import EventKey, Window
    from apps.sync.facts import Link, Local, Policy, Remote
    from apps.sync.pairing import Pair

# What the guard counts, with its pair: done if the guard lets it.
Removal = tuple["Pair", CancelLocal | RemoveRemote]


@dataclass(slots=True)
class Draft:
    policy: Policy
    window: Window
    now: dt.datetime
    operations: list[Operation] = field(default_factory=list)
    conflicts: list[Found] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    losses: list[Removal] = field(default_factory=list)
    deletions: list[Removal] = field(default_factory=list)
    # Bookings that stay out of Exchange because something of Exchange's has their time.
    blocked: set[int] = field(default_factory=set)
    # Booking to events that somebody allowed in the same time.
    beside: dict[int, list[EventKey]] = field(default_factory=dict)
    settled: set[ConflictKey] = field(default_factory=set)
    decided: set[int] = field(default_factory=set)
    unclear: set[int] = field(default_factory=set)
    sends_held: int = 0
    look_again_at: dt.datetime | None = None

    def choice(
        self, key: ConflictKey, versions: str, by_policy: Choice | None = None
    ) -> Choice | None:
        """What a person decided about just these versions; else what the policy says."""
        decided = self.policy.decisions.get(key)
        if decided is not None and decided.versions == versions:
            self.settled.add(key)
            return decided.choice
        return None if key in self.policy.asked else by_policy

    def may_mail(self, local: Local, remote: Remote) -> bool:
        """Whether a write to this event mails nobody, or somebody chose that it may."""
        if not self.policy.mails_attendees or not remote.has_attendees:
            return True
        key = ConflictKey(ConflictKind.WOULD_MAIL, local.id, remote.key)
        versions = f"{local.revision}:{remote.fingerprint}"
        choice = self.choice(key, versions)
        if choice is not Choice.SEND and choice is not Choice.LEAVE:
            self.conflicts.append(Found(key, versions))
        return choice is Choice.SEND

    def waits(self, until: dt.datetime | None) -> bool:
        """Whether that time is still to come; the plan says then when to look again."""
        if until is None or until <= self.now:
            return False
        self.look_again_at = min(until, self.look_again_at or until)
        return True

    def is_refused(self, link: Link | None, local: Local) -> bool:
        """Whether the server refused this very version, and it is not yet time to try again."""
        if link is None or link.refused_revision != local.revision:
            return False
        return self.waits(link.not_before)

    def allowed(self, booking_id: int) -> tuple[EventKey, ...]:
        return tuple(sorted(self.beside.get(booking_id, [])))
