"""Who belongs to whom: links to events, also where an event's key has changed. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from apps.sync.facts import Attempt, Link, LinkState, Local, Remote, RemoteState, Status
from apps.sync.fingerprint import normal
from apps.sync.operations import Adopt, Operation, Relink

if TYPE_CHECKING:
    from collections.abc import Iterable

    from apps.exchange.calendar import EventKey


@dataclass(frozen=True, slots=True)
class Pair:
    """A link, its booking, and its event as last read; None where the mirror has none."""

    link: Link
    local: Local
    remote: Remote | None


@dataclass(frozen=True, slots=True)
class Pairing:
    pairs: tuple[Pair, ...]
    # Bookings that no event was found for; a link that is `creating` comes with them.
    alone: tuple[tuple[Local, Link | None], ...]
    # Events that no booking was found for, and those that are second events of ours.
    strangers: tuple[Remote, ...]
    twins: tuple[tuple[Remote, int], ...]
    operations: tuple[Operation, ...]

    def alone_by_id(self) -> dict[int, Local]:
        return {booking.id: booking for booking, _link in self.alone}


def pair_up(
    local: Iterable[Local],
    mirror: Iterable[Remote],
    links: Iterable[Link],
    attempts: dict[str, Attempt],
) -> Pairing:
    """Pair what is linked, find what moved to another key, and adopt what is ours."""
    bookings = {booking.id: booking for booking in local}
    events = {event.key: event for event in mirror}
    known = sorted((link for link in links if link.booking_id in bookings), key=lambda x: x.id)
    live = [link for link in known if link.state is LinkState.LIVE]
    taken = {link.key for link in live}
    # A retired link counts only where its event is seen again.
    retired = [
        link
        for link in known
        if link.state is LinkState.RETIRED
        and link.key in events
        and link.key not in taken
        and events[link.key].state is not RemoteState.GONE
    ]
    operations: list[Operation] = [
        Adopt(link.id, link.booking_id, events[link.key]) for link in retired
    ]
    live += retired
    taken |= {link.key for link in retired}
    free = {k: e for k, e in events.items() if k not in taken and e.state is not RemoteState.GONE}
    moved = _matched_by_uid([link for link in live if _is_lost(link, events)], events, free)
    pairs = []
    for link in live:
        key = link.key
        if link.id in moved:
            key = moved[link.id].key
            operations.append(Relink(link.id, moved[link.id]))
            del free[key]
            link = replace(link, key=key)  # noqa: PLW2901 -- the same link, under its new key
        pairs.append(Pair(link, bookings[link.booking_id], events.get(key)))
    adopted, twins = _ours(free, bookings, known, {p.local.id for p in pairs}, attempts)
    for link_id, booking, event in adopted:
        operations.append(Adopt(link_id, booking.id, event))
        del free[event.key]
    for event, _booking_id in twins:
        del free[event.key]
    done = {pair.local.id for pair in pairs} | {booking.id for _l, booking, _e in adopted}
    creating = {link.booking_id: link for link in known if link.state is LinkState.CREATING}
    return Pairing(
        pairs=tuple(pairs),
        alone=tuple(
            (booking, creating.get(key)) for key, booking in bookings.items() if key not in done
        ),
        strangers=tuple(free.values()),
        twins=tuple(twins),
        operations=tuple(operations),
    )


def is_as_written(local: Local, remote: Remote) -> bool:
    """Whether an event says just what we would write of the booking."""
    return remote.blocks and says_the_same(local, remote) and not remote.has_attendees


def says_the_same(local: Local, remote: Remote) -> bool:
    content = local.content
    return (remote.starts_at, remote.ends_at, normal(remote.subject)) == (
        content.starts_at,
        content.ends_at,
        normal(content.subject),
    )


def _is_lost(link: Link, events: dict[EventKey, Remote]) -> bool:
    event = events.get(link.key)
    return event is not None and event.state is RemoteState.GONE


def _matched_by_uid(
    lost: list[Link], events: dict[EventKey, Remote], free: dict[EventKey, Remote]
) -> dict[int, Remote]:
    """Link id to the event that took the place of its own: equal original start, then time's order."""
    found: dict[int, Remote] = {}
    by_uid: dict[str, list[Remote]] = defaultdict(list)
    for event in free.values():
        if event.uid:
            by_uid[event.uid].append(event)
    groups: dict[str, list[Link]] = defaultdict(list)
    for link in lost:
        if link.uid in by_uid:
            groups[link.uid].append(link)
    for uid, group in groups.items():
        left = sorted(by_uid[uid], key=lambda event: (event.starts_at, event.key))
        same_start = {event.key.original_start: event for event in reversed(left)}
        rest = []
        for link in sorted(group, key=lambda x: (events[x.key].starts_at, x.key)):
            if link.key.original_start in same_start:
                found[link.id] = same_start.pop(link.key.original_start)
                left.remove(found[link.id])
            else:
                rest.append(link)
        found |= {link.id: event for link, event in zip(rest, left, strict=False)}
    return found


def _ours(
    free: dict[EventKey, Remote],
    bookings: dict[int, Local],
    links: list[Link],
    linked: set[int],
    attempts: dict[str, Attempt],
) -> tuple[list[tuple[int | None, Local, Remote]], list[tuple[Remote, int]]]:
    """Events of ours without a link: those to adopt, and second ones.

    Stamp and attempt must agree: with the stamp alone it is somebody's copy. Restored from the
    Deleted Items it has both, but its booking is no longer live, or its attempt was seen before.
    """
    creating = {link.booking_id: link for link in links if link.state is LinkState.CREATING}
    by_uuid = {booking.uuid: booking for booking in bookings.values()}
    adopted: list[tuple[int | None, Local, Remote]] = []
    twins: list[tuple[Remote, int]] = []
    done = set(linked)
    for event in sorted(free.values(), key=_age):
        booking = by_uuid.get(event.stamped) if event.stamped else None
        attempt = attempts.get(event.attempt_id)
        if booking is None or attempt is None or attempt.booking_id != booking.id:
            continue
        link = creating.get(booking.id)
        if booking.status is not Status.CANCELLED and booking.id not in done:
            adopted.append((link.id if link else None, booking, event))
            done.add(booking.id)
        elif booking.status is not Status.CANCELLED or not attempt.was_seen:
            # A create that landed late, for a booking that has its event or is cancelled by now.
            twins.append((event, booking.id))
    return adopted, twins


def _age(event: Remote) -> tuple[bool, object, EventKey]:
    return (event.created_at is None, event.created_at or 0, event.key)
