"""Which item over a new wire is the one that was known over the old: by id, else by what it says. Pure."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Mapping

    from apps.exchange.calendar import Item

# An original start, and where that one lies: of a single the first is empty.
Place = tuple[str, "dt.datetime"]


@dataclass(frozen=True, slots=True)
class Known:
    """An item as links and mirror know it."""

    item_id: str
    uid: str = ""
    places: frozenset[Place] = frozenset()

    @property
    def is_series(self) -> bool:
        return any(original_start for original_start, _at in self.places)


@dataclass(slots=True)
class Rematch:
    """Old ids with their new ones, by the way in which these were found; and those without."""

    translated: dict[str, str] = field(default_factory=dict)
    matched: dict[str, str] = field(default_factory=dict)
    missing: set[str] = field(default_factory=set)

    @property
    def ids(self) -> dict[str, str]:
        return self.translated | self.matched


def by_id(known: Iterable[Known], translation: Mapping[str, str]) -> Rematch:
    """Take the translation where there is one; of two that would become one the first counts."""
    found, taken = Rematch(), set[str]()
    for one in known:
        new = translation.get(one.item_id, "")
        if new and new not in taken:
            found.translated[one.item_id] = new
            taken.add(new)
        else:
            found.missing.add(one.item_id)
    return found


def by_uid(found: Rematch, known: Iterable[Known], items: Iterable[Item]) -> None:
    """Give each that is missing the item with its UID, if there is one that nobody else has.

    Real mailboxes hold two items with one UID: the one of the same kind that lies where the known
    one lies is preferred, then the one that comes first.
    """
    taken = set(found.ids.values())
    by_uids: dict[str, list[Item]] = {}
    for item in items:
        for uid in {event.uid for event in item.events if event.uid}:
            by_uids.setdefault(uid, []).append(item)
    for one in known:
        if one.item_id not in found.missing or not one.uid:
            continue
        free = [item for item in by_uids.get(one.uid, []) if item.item_id not in taken]
        if not free:
            continue
        best = min(free, key=lambda item: _distance(one, item))
        found.missing.discard(one.item_id)
        found.matched[one.item_id] = best.item_id
        taken.add(best.item_id)


def by_starts(found: Rematch, known: Iterable[Known], items: Iterable[Item]) -> None:
    """Give each series that tells no UID the one item with the most of its original starts, if it is one alone.

    A view over Graph tells no UIDs of series. If it is another one, with the same times, nothing is
    lost: what we have of a series is what its item says.
    """
    series = [item for item in items if item.is_series]
    for one in known:
        if one.item_id not in found.missing or one.uid or not one.is_series:
            continue
        taken = set(found.ids.values())
        starts = {original_start for original_start, _at in one.places if original_start}
        shared = Counter(
            {
                item.item_id: len(starts & {event.key.original_start for event in item.events})
                for item in series
                if item.item_id not in taken
            }
        )
        (best, most), (_next, fewer) = [*shared.most_common(2), ("", 0), ("", 0)][:2]
        if most > fewer:
            found.missing.discard(one.item_id)
            found.matched[one.item_id] = best


def _distance(known: Known, item: Item) -> tuple[bool, bool]:
    places = {(event.key.original_start, event.starts_at) for event in item.events}
    return (known.is_series != item.is_series, not known.places & places)


def are_the_same(known: Known, item: Item) -> bool:
    """Whether an item that was read says of itself what was known of it: UID, and a place in time."""
    uids = {event.uid for event in item.events}
    places = {(event.key.original_start, event.starts_at) for event in item.events}
    return bool(known.uid) and known.uid in uids and bool(known.places & places)
