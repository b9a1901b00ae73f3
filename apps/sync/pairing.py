"""Who belongs to whom: links to events, also where an event's key has changed. Pure."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from apps.sync.facts import Attempt, Link, LinkState, Local, Remote, RemoteState, Status
from apps.sync.fingerprint import normal
from apps.sync.operations import Adopt, Relink

if TYPE_CHECKING:
    import datetime as dt
    import uuid
    from collections.abc import Iterable, Mapping

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
    # Bookings whose event is adopted in this plan; the next one pairs them.
    found: tuple[Local, ...]
    # Events that no booking was found for, and those that are second events of ours.
    strangers: tuple[Remote, ...]
    twins: tuple[tuple[Remote, int], ...]
    operations: tuple[Adopt | Relink, ...]


def pair_up(
    local: Iterable[Local],
    mirror: Iterable[Remote],
    links: Iterable[Link],
    attempts: Mapping[str, Attempt],
) -> Pairing:
    """Pair what is linked, find what moved to another key, and adopt what is ours."""
    bookings = {booking.id: booking for booking in local}
    events = {event.key: event for event in mirror}
    known = sorted((link for link in links if link.booking_id in bookings), key=lambda x: x.id)
    live = [link for link in known if link.state is LinkState.LIVE]
    woken = _woken(known, live, events)
    live += woken
    taken = {link.key for link in live}
    free = {k: e for k, e in events.items() if k not in taken and e.state is not RemoteState.GONE}
    lost = [link for link in live if _is_lost(link, events)]
    moved = _matched_by_kin(lost, events, free)
    for event in moved.values():
        del free[event.key]
    ours = _Ours({booking.uuid: booking for booking in bookings.values()}, attempts)
    moved |= _matched_by_attempt([link for link in lost if link.id not in moved], free, ours)
    pairs = []
    for link in live:
        if link.id in moved:
            link = replace(link, key=moved[link.id].key)  # noqa: PLW2901 -- under its new key
        pairs.append(Pair(link, bookings[link.booking_id], events.get(link.key)))
    creating = {link.booking_id: link for link in known if link.state is LinkState.CREATING}
    adopted, twins = _adopted(free, creating, {pair.local.id for pair in pairs}, ours)
    done = {pair.local.id for pair in pairs} | {adopt.booking_id for adopt in adopted}
    return Pairing(
        pairs=tuple(pairs),
        alone=tuple(
            (booking, creating.get(key)) for key, booking in bookings.items() if key not in done
        ),
        found=tuple(bookings[adopt.booking_id] for adopt in adopted),
        strangers=tuple(free.values()),
        twins=tuple(twins),
        operations=(
            *(Adopt(link.id, link.booking_id, events[link.key]) for link in woken),
            *(Relink(link_id, event) for link_id, event in moved.items()),
            *adopted,
        ),
    )


def is_as_written(local: Local, remote: Remote) -> bool:
    """Whether an event says just what we would write of the booking."""
    return remote.blocks and says_the_same(local, remote) and not remote.has_attendees


def says_the_same(local: Local, remote: Remote) -> bool:
    return (
        when(local) == when(remote)
        and same_words(local, remote)
        and local.content.is_all_day == remote.is_all_day
    )


def same_words(local: Local, remote: Remote) -> bool:
    return normal(local.content.subject) == normal(remote.subject)


def when(of: Local | Remote) -> tuple[dt.datetime, dt.datetime]:
    return of.starts_at, of.ends_at


def _woken(known: list[Link], live: list[Link], events: dict[EventKey, Remote]) -> list[Link]:
    """Retired links whose event is seen again; the latest one of a booking, and of an event."""
    keys = {link.key for link in live}
    busy = {link.booking_id for link in known if link.state is not LinkState.RETIRED}
    woken = []
    for link in reversed(known):
        event = events.get(link.key)
        if (
            link.state is LinkState.RETIRED
            and event is not None
            and event.state is not RemoteState.GONE
            and link.key not in keys
            and link.booking_id not in busy
        ):
            woken.append(link)
            keys.add(link.key)
            busy.add(link.booking_id)
    return woken[::-1]


def _is_lost(link: Link, events: dict[EventKey, Remote]) -> bool:
    event = events.get(link.key)
    return event is not None and event.state is RemoteState.GONE


def _matched_by_kin(
    lost: list[Link], events: dict[EventKey, Remote], free: dict[EventKey, Remote]
) -> dict[int, Remote]:
    """Link id to the event of the same item, else of the same UID, that took the place of its own.

    A series that was shifted is the same item; what is put back from elsewhere may be another one
    with the same UID. A wire that tells no UIDs in views knows the first kind alone.
    """
    found: dict[int, Remote] = {}
    left = dict(free)
    for kin in (_item, _uid):
        groups: defaultdict[str, list[Link]] = defaultdict(list)
        for link in lost:
            if link.id not in found and kin(link):
                groups[kin(link)].append(link)
        candidates: defaultdict[str, list[Remote]] = defaultdict(list)
        # Most plans have lost nothing, and many events.
        for event in left.values() if groups else ():
            if kin(event) in groups:
                candidates[kin(event)].append(event)
        for name, some in candidates.items():
            found |= _matched(groups[name], some, events)
        for event in found.values():
            left.pop(event.key, None)
    return found


def _item(one: Link | Remote) -> str:
    return one.key.item_id


def _uid(one: Link | Remote) -> str:
    return one.uid


def _matched(
    group: list[Link], candidates: list[Remote], events: dict[EventKey, Remote]
) -> dict[int, Remote]:
    """Equal original start first, then time's order."""
    found: dict[int, Remote] = {}
    left = sorted(candidates, key=lambda event: (event.starts_at, event.key))
    same_start = {event.key.original_start: event for event in reversed(left)}
    rest = []
    for link in sorted(group, key=lambda x: (events[x.key].starts_at, x.key)):
        if link.key.original_start in same_start:
            found[link.id] = same_start.pop(link.key.original_start)
            left.remove(found[link.id])
        else:
            rest.append(link)
    return found | {link.id: event for link, event in zip(rest, left, strict=False)}


@dataclass(frozen=True, slots=True)
class _Ours:
    """Whose events are ours: stamp and attempt must agree; with the stamp alone it is a copy."""

    by_uuid: Mapping[uuid.UUID, Local]
    attempts: Mapping[str, Attempt]

    def of(self, event: Remote) -> tuple[Local, Attempt] | None:
        booking = self.by_uuid.get(event.stamped) if event.stamped else None
        attempt = self.attempts.get(event.attempt_id)
        if booking is None or attempt is None or attempt.booking_id != booking.id:
            return None
        if event.state is RemoteState.CANCELLED and attempt.was_seen:
            # Given up there: it is no event of the booking any more.
            return None
        return booking, attempt


def _matched_by_attempt(
    lost: list[Link], free: dict[EventKey, Remote], ours: _Ours
) -> dict[int, Remote]:
    """Link id to another live event of the booking whose own event is gone; it is free no more."""
    links = {link.booking_id: link for link in lost}
    found: dict[int, Remote] = {}
    for event in sorted(free.values(), key=_age) if links else ():
        match = ours.of(event)
        link = links.pop(match[0].id, None) if match else None
        if link is not None:
            found[link.id] = event
    for event in found.values():
        del free[event.key]
    return found


def _adopted(
    free: dict[EventKey, Remote], creating: dict[int, Link], linked: set[int], ours: _Ours
) -> tuple[list[Adopt], list[tuple[Remote, int]]]:
    """Events of ours without a link: those to adopt, and second ones. They are free no more.

    Restored from the Deleted Items it has stamp and attempt, but its booking is no longer live, or
    its attempt was seen before.
    """
    adopted: list[Adopt] = []
    twins: list[tuple[Remote, int]] = []
    done = set(linked)
    for event in sorted(free.values(), key=_age) if ours.attempts else ():
        match = ours.of(event)
        if match is None:
            continue
        booking, attempt = match
        is_live = booking.status is not Status.CANCELLED
        if is_live and booking.id not in done:
            link = creating.get(booking.id)
            adopted.append(Adopt(link.id if link else attempt.link_id, booking.id, event))
            done.add(booking.id)
        elif is_live or not attempt.was_seen:
            # A create that landed late, for a booking that has its event or is cancelled by now.
            twins.append((event, booking.id))
    for key in [*(adopt.remote.key for adopt in adopted), *(event.key for event, _id in twins)]:
        del free[key]
    return adopted, twins


def _age(event: Remote) -> tuple[bool, object, EventKey]:
    return (event.created_at is None, event.created_at or 0, event.key)
