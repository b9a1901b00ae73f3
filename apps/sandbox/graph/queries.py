"""The query of a list: $filter, $orderby, $top, $skip, $select and $expand, as far as Outlook's events know them.

Source: learn.microsoft.com/graph/query-parameters and /graph/paging. What is not known is refused, never passed over.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from apps.sandbox.graph import extended, times
from apps.sandbox.graph.errors import bad

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.sandbox.graph.call import Call
    from apps.sandbox.store import Item, PropertyName

PAGE, LONGEST_PAGE = 10, 1000
EVENT = frozenset({
    "allownewtimeproposals", "attendees", "body", "bodypreview", "cancelledoccurrences", "categories", "changekey",
    "createddatetime", "end", "exceptionoccurrences", "hasattachments", "hideattendees", "icaluid", "id", "importance",
    "isallday", "iscancelled", "isdraft", "isonlinemeeting", "isorganizer", "isreminderon", "lastmodifieddatetime",
    "location", "locations", "onlinemeeting", "onlinemeetingprovider", "onlinemeetingurl", "organizer",
    "originalendtimezone", "originalstart", "originalstarttimezone", "recurrence", "reminderminutesbeforestart",
    "responserequested", "responsestatus", "sensitivity", "seriesmasterid", "showas", "start", "subject",
    "transactionid", "type", "weblink",
})  # fmt: skip
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "ge": operator.ge,
    "gt": operator.gt,
    "le": operator.le,
    "lt": operator.lt,
}
_FIELDS: dict[str, Callable[[Item], Any]] = {
    "icaluid": lambda item: item.uid,
    "subject": lambda item: item.subject,
    "start/datetime": lambda item: item.start,
    "end/datetime": lambda item: item.end,
    "createddatetime": lambda item: item.created_at,
    "lastmodifieddatetime": lambda item: item.modified_at,
    "isallday": lambda item: item.all_day,
    "iscancelled": lambda item: item.is_cancelled,
}
_MOMENTS = {"start/datetime", "end/datetime", "createddatetime", "lastmodifieddatetime"}
_CONDITION = re.compile(r"([A-Za-z/]+) (eq|ne|ge|gt|le|lt) (.+)")
_STARTS_WITH = re.compile(r"startswith\(\s*subject\s*,\s*'((?:[^']|'')*)'\s*\)", re.IGNORECASE)
_ANY = re.compile(
    r"singleValueExtendedProperties/any\(\s*(\w+)\s*:\s*\1/id eq '((?:[^']|'')*)'"
    r" and \1/value eq '((?:[^']|'')*)'\s*\)",
    re.IGNORECASE,
)
_EXPANDED_ID = re.compile(r"id eq '((?:[^']|'')*)'")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What of an event is asked for. `select` empty: all that is given by default, names in lower case."""

    select: frozenset[str] = frozenset()
    properties: dict[str, PropertyName] = field(default_factory=dict)
    exceptions: bool = False


def wanted(call: Call) -> Wanted:
    """Read $select and $expand. Raises GraphError."""
    select = frozenset(
        one.strip().lower() for one in call.argument("$select").split(",") if one.strip()
    )
    if strange := sorted(select - EVENT):
        text = f"Could not find a property named '{strange[0]}' on type 'Microsoft.OutlookServices.Event'."
        raise bad(text, "RequestBroker--ParseUri")
    properties: dict[str, PropertyName] = {}
    exceptions = False
    for one in _parts(call.argument("$expand"), ","):
        name = one.partition("(")[0].strip().lower()
        if name == "singlevalueextendedproperties":
            found = [_plain(given) for given in _EXPANDED_ID.findall(one)]
            if not found:
                text = "$expand of singleValueExtendedProperties needs a $filter with the property's id."
                raise bad(text, "ErrorInvalidUrlQueryFilter")
            properties |= {given: extended.named(given) for given in found}
        elif name == "exceptionoccurrences":
            exceptions = True
        elif name not in {"calendar", "instances", "attachments", "extensions"}:
            raise bad(
                f"Parsing OData Select and Expand failed: Could not find a property named '{name}'."
            )
    return Wanted(select, properties, exceptions)


def page_size(call: Call) -> int:
    """Read $top, or the size that Prefer names."""
    given = call.argument("$top")
    if not given:
        return min(call.preferences.page_size or PAGE, LONGEST_PAGE)
    if not given.isdigit() or not 1 <= int(given) <= LONGEST_PAGE:
        raise bad(f"Invalid value '{given}' for $top query option found.", "ErrorInvalidUrlQuery")
    return int(given)


def skipped(call: Call) -> int:
    """Read $skip."""
    given = call.argument("$skip") or "0"
    if not given.isdigit():
        raise bad(f"Invalid value '{given}' for $skip query option found.", "ErrorInvalidUrlQuery")
    return int(given)


def ordered(call: Call, items: list[Item]) -> list[Item]:
    """Sort by $orderby; without it the order is kept."""
    for one in reversed(_parts(call.argument("$orderby"), ",")):
        name, _, way = one.strip().partition(" ")
        read = _FIELDS.get(name.lower())
        if read is None or way.strip().lower() not in {"", "asc", "desc"}:
            raise bad(f"Could not sort by '{one.strip()}'.", "ErrorInvalidUrlQuery")
        items = sorted(items, key=read, reverse=way.strip().lower() == "desc")
    return items


def filtered(call: Call, items: list[Item]) -> list[Item]:
    """Keep what $filter names. Raises GraphError ErrorInvalidUrlQueryFilter."""
    tests = [_test(one.strip()) for one in _parts(call.argument("$filter"), " and ")]
    return [item for item in items if all(test(item) for test in tests)]


def _test(condition: str) -> Callable[[Item], bool]:
    if found := _ANY.fullmatch(condition):
        name, value = extended.named(_plain(found[2])), _plain(found[3])
        return lambda item: (extended.value(item, name) or "").lower() == value.lower()
    if found := _STARTS_WITH.fullmatch(condition):
        beginning = _plain(found[1]).lower()
        return lambda item: item.subject.lower().startswith(beginning)
    found = _CONDITION.fullmatch(condition)
    read = _FIELDS.get(found[1].lower()) if found else None
    if found is None or read is None:
        raise bad(f"Invalid filter clause: '{condition}'.", "ErrorInvalidUrlQueryFilter")
    compare, value = _COMPARE[found[2]], _value(found[1].lower(), found[3])
    return lambda item: compare(read(item), value)


def _value(name: str, text: str) -> Any:
    if name in _MOMENTS:
        return times.moment(text.strip("'"))
    if text in {"true", "false"}:
        return text == "true"
    if len(text) > 1 and text[0] == text[-1] == "'":
        return _plain(text[1:-1])
    raise bad(f"Invalid filter clause: '{text}'.", "ErrorInvalidUrlQueryFilter")


def _plain(quoted: str) -> str:
    return quoted.replace("''", "'")


def _parts(text: str, separator: str) -> list[str]:
    """Split where neither quotes nor parentheses are open."""
    found, begun, depth, quoted, place = [], 0, 0, False, 0
    while place < len(text):
        letter = text[place]
        if letter == "'":
            quoted = not quoted
        elif not quoted:
            depth += (letter == "(") - (letter == ")")
            if depth == 0 and text.startswith(separator, place):
                found.append(text[begun:place])
                place += len(separator)
                begun = place
                continue
        place += 1
    return [one for one in (*found, text[begun:]) if one.strip()]
