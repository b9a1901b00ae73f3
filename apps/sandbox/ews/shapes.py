"""Show items as a request's ItemShape asks: which properties, in which order, how much of them.

Answers of FindItem and SyncFolderItems ("lists") have no bodies, attendees or recurrence, of the organiser the name
alone, and long strings cut (EWSdoc/mailbox-synchronization-and-ews-in-exchange.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from apps.sandbox.ews import paths
from apps.sandbox.ews.fields import PROPERTIES, Property, Showing
from apps.sandbox.ews.names import T

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.sandbox.store import Item
    from apps.sandbox.store.microsoft import Right

Element = Any  # lxml has no types

LONGEST_IN_LISTS = 255
_DEFAULT = frozenset(
    {
        "item:Subject", "item:HasAttachments", "calendar:Start", "calendar:End", "calendar:LegacyFreeBusyStatus",
        "calendar:Location", "calendar:CalendarItemType", "calendar:Organizer", "calendar:RequiredAttendees",
        "calendar:OptionalAttendees", "calendar:Resources", "calendar:UID",
    }
)  # fmt: skip
_NEVER_UNASKED = frozenset(
    {"item:MimeContent", "item:TextBody", "item:UniqueBody", "item:NormalizedBody"}
)
_EXTENDED_AFTER = "item:HasAttachments"


@dataclass(frozen=True)
class Shape:
    """What to show of each item."""

    names: frozenset[str]
    extended: tuple[paths.Extended, ...]
    in_list: bool
    body_type: str = "Best"

    @staticmethod
    def of(element: Element, *, in_list: bool) -> Shape:
        """Read an element ItemShape."""
        names: set[str] = set()
        extended: list[paths.Extended] = []
        for one in element.findall(f"{T}AdditionalProperties/*"):
            path = paths.read(one)
            if isinstance(path, paths.Extended):
                extended.append(path)
            else:
                names.add(path)
        base = element.findtext(f"{T}BaseShape")
        if base == "Default":
            names |= _DEFAULT
        elif base == "AllProperties":
            names |= {one.uri for one in PROPERTIES} - _NEVER_UNASKED
        return Shape(
            frozenset(names), tuple(extended), in_list, element.findtext(f"{T}BodyType") or "Best"
        )

    @cached_property
    def _writers(self) -> tuple[list[Callable[[Showing], str]], list[Callable[[Showing], str]]]:
        """The chosen properties' writers, up to where extended ones stand, and from there on."""
        chosen = [one for one in PROPERTIES if one.uri in self.names and self._has(one)]
        place = next(number for number, one in enumerate(PROPERTIES) if one.uri == _EXTENDED_AFTER)
        early = {one.uri for one in PROPERTIES[: place + 1]}
        return (
            [one.show for one in chosen if one.uri in early],
            [one.show for one in chosen if one.uri not in early],
        )

    def _has(self, one: Property) -> bool:
        return one.in_lists or not self.in_list

    def show(self, item: Item, right: Right = "editor") -> str:
        """Write an item with what was asked for, in the schema's order."""
        longest = LONGEST_IN_LISTS if self.in_list else None
        showing = Showing(item, right, self.in_list, longest, self.body_type)
        before, after = self._writers
        parts = [f'<t:CalendarItem><t:ItemId Id="{item.id}" ChangeKey="{item.change_key}"/>']
        parts += [write(showing) for write in before]
        parts += [one.show(item, longest) for one in self.extended]
        parts += [write(showing) for write in after]
        parts.append("</t:CalendarItem>")
        return "".join(parts)


def item_id(item: Item) -> str:
    """Write an item with its id and change key alone."""
    return (
        f'<t:CalendarItem><t:ItemId Id="{item.id}" ChangeKey="{item.change_key}"/></t:CalendarItem>'
    )
