"""What a slot remembers of how its item changed, for views that show the occurrences of a series. Pure."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from apps.sandbox.store.model import Item, Slot


def note(slot: Slot, item: Item, seq: int) -> None:
    """Note in a slot what an item that takes the place of its own changes, at a folder's number."""
    if _apart(slot.item) != _apart(item):
        slot.whole_seq = seq
        return
    both = slot.item.overrides.keys() | item.overrides.keys()
    changed = {n for n in both if slot.item.overrides.get(n) != item.overrides.get(n)}
    slot.numbers = {**slot.numbers, **dict.fromkeys(changed, seq)}


def _apart(item: Item) -> Item:
    """An item but for its single occurrences, and for what each write changes."""
    return replace(
        item,
        overrides={},
        deleted=frozenset(),
        touched={},
        change_key="",
        modified_at=item.created_at,
    )
