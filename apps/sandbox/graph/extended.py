"""Extended properties: the named MAPI properties that EWS reaches too, under the names that Graph gives them.

Source: learn.microsoft.com/graph/api/resources/singlevaluelegacyextendedproperty. The name's letter case counts.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from apps.sandbox.ews import globalid
from apps.sandbox.graph.errors import bad
from apps.sandbox.store import PropertyName

if TYPE_CHECKING:
    from collections.abc import Mapping

    from apps.sandbox.store import Item

# Sets that EWS calls by a name.
_SETS = {
    "00020329-0000-0000-c000-000000000046": "PublicStrings",
    "00062002-0000-0000-c000-000000000046": "Appointment",
    "00062008-0000-0000-c000-000000000046": "Common",
    "6ed8da90-450b-101b-98da-00aa003f1305": "Meeting",
}
_NAMED = re.compile(r"(\w+) \{([0-9A-Fa-f-]{36})\} (Name|Id) (.+)")
_TAGGED = re.compile(r"(\w+) (0x[0-9A-Fa-f]{1,8})")
_GLOBAL_OBJECT_IDS = {("Meeting", "3"), ("Meeting", "35")}


def named(property_id: Any) -> PropertyName:
    """Read the id of an extended property. Raises GraphError ErrorInvalidPropertyRequest."""
    text = str(property_id)
    if found := _NAMED.fullmatch(text):
        kind, set_id, by, name = found.groups()
        given = name if by == "Name" else str(int(name, 0))
        return PropertyName(set_id.lower(), given, kind)
    if found := _TAGGED.fullmatch(text):
        return PropertyName("tag", found.group(2).lower(), found.group(1))
    raise bad(f"The extended property id '{text}' is not valid.", "ErrorInvalidPropertyRequest")


def value(item: Item, name: PropertyName) -> str | None:
    """Read a property of an item, whichever way EWS named its set; the global object ids follow from the UID."""
    of_ews = PropertyName(_SETS.get(name.set_id, name.set_id), name.name, name.type)
    if (of_ews.set_id, of_ews.name) in _GLOBAL_OBJECT_IDS:
        return globalid.of_uid(item.uid)
    held = item.extended.get(name, item.extended.get(of_ews))
    return held if isinstance(held, str) else None


def read(values: Any) -> dict[PropertyName, str]:
    """Read `singleValueExtendedProperties` of a body. Raises GraphError."""
    if not isinstance(values, list):
        raise bad("singleValueExtendedProperties is a list.", "RequestBodyRead")
    found: dict[PropertyName, str] = {}
    for one in values:
        if not isinstance(one, dict) or not isinstance(one.get("value"), str):
            raise bad(
                "An extended property needs an id and a value.", "ErrorInvalidPropertyRequest"
            )
        found[named(one.get("id"))] = one["value"]
    return found


def written(item: Item, wanted: Mapping[str, PropertyName]) -> list[dict[str, str]]:
    """Write those of the wanted properties that an item has, under the ids by which they were asked for."""
    shown = ((given, value(item, name)) for given, name in wanted.items())
    return [{"id": _spelt(given), "value": held} for given, held in shown if held is not None]


def _spelt(given: str) -> str:
    """Answers name the set in lower case."""
    return re.sub(r"\{[^}]*\}", lambda found: found.group().lower(), given)
