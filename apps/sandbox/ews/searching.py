"""Restrictions and sort orders of FindItem, over the items that a folder holds (masters, not occurrences)."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import operator
from collections.abc import Callable
from typing import Any

from apps.sandbox.ews import paths
from apps.sandbox.ews.errors import Refusal
from apps.sandbox.ews.names import T, short
from apps.sandbox.ews.reading import moment
from apps.sandbox.store import Item

Element = Any  # lxml has no types
Predicate = Callable[[Item], bool]
Value = str | int | bool | dt.datetime | tuple[str, ...] | None

_VALUES: dict[str, Callable[[Item], Value]] = {
    "item:Subject": lambda item: item.subject,
    "item:Sensitivity": lambda item: item.sensitivity,
    "item:Importance": lambda item: item.importance,
    "item:ItemClass": lambda item: "IPM.Appointment",
    "item:Categories": lambda item: item.categories or None,
    "item:DateTimeCreated": lambda item: item.created_at,
    "item:DateTimeReceived": lambda item: item.created_at,
    "item:LastModifiedTime": lambda item: item.modified_at,
    "item:ReminderIsSet": lambda item: item.reminder_is_set,
    "calendar:Start": lambda item: item.start,
    "calendar:End": lambda item: item.end,
    "calendar:IsAllDayEvent": lambda item: item.all_day,
    "calendar:LegacyFreeBusyStatus": lambda item: item.show_as,
    "calendar:Location": lambda item: item.location or None,
    "calendar:IsMeeting": lambda item: item.is_meeting,
    "calendar:IsCancelled": lambda item: item.is_cancelled,
    "calendar:IsRecurring": lambda item: item.is_recurring,
    "calendar:AppointmentState": lambda item: item.appointment_state,
}
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "IsEqualTo": operator.eq,
    "IsNotEqualTo": operator.ne,
    "IsGreaterThan": operator.gt,
    "IsGreaterThanOrEqualTo": operator.ge,
    "IsLessThan": operator.lt,
    "IsLessThanOrEqualTo": operator.le,
}


def predicate(element: Element, zone: str) -> Predicate:
    """Turn a search expression into a function of an item. Raises Refusal for what cannot be searched."""
    name = short(element.tag).removeprefix("t:")
    match name:
        case "And" | "Or":
            parts = [predicate(child, zone) for child in element]
            together = all if name == "And" else any
            return lambda item: together(part(item) for part in parts)
        case "Not":
            inner = predicate(element[0], zone)
            return lambda item: not inner(item)
        case "Exists":
            value = _reader(element[0])
            return lambda item: value(item) is not None
        case "Contains":
            return _contains(element)
        case _:
            pass
    if name in _COMPARISONS:
        return _comparison(element, _COMPARISONS[name], zone)
    raise Refusal("ErrorUnsupportedQueryFilter", f"The sandbox does not search with {name}.")


def _reader(element: Element) -> Callable[[Item], Value]:
    path = paths.read(element)
    if isinstance(path, paths.Extended):
        return path.value
    if path not in _VALUES:
        raise Refusal("ErrorUnsupportedPathForQuery", f"The property {path} cannot be searched.")
    return _VALUES[path]


def _comparison(element: Element, compare: Callable[[Any, Any], bool], zone: str) -> Predicate:
    value = _reader(element[0])
    other = element.find(f"{T}FieldURIOrConstant")[0]
    if short(other.tag) != "t:Constant":
        right = _reader(other)
        return lambda item: _safely(compare, value(item), right(item))
    constant = other.get("Value")
    is_binary = element[0].get("PropertyType") == "Binary"

    def fits(item: Item) -> bool:
        found = value(item)
        if is_binary and isinstance(found, str):
            return _safely(compare, _bytes(found), _bytes(constant))
        if isinstance(found, tuple):
            return any(_safely(compare, one.casefold(), constant.casefold()) for one in found)
        return _safely(compare, _folded(found), _like(found, constant, zone))

    return fits


def _safely(compare: Callable[[Any, Any], bool], left: object, right: object) -> bool:
    """What an item lacks equals nothing, and is neither less nor more."""
    if left is None or right is None:
        return compare is operator.ne and left is not right
    return compare(left, right)


def _folded(value: Value) -> object:
    return value.casefold() if isinstance(value, str) else value


def _like(value: Value, constant: str, zone: str) -> object:
    """Read a constant as the kind of value that it is compared with; strings are compared without case."""
    try:
        if isinstance(value, dt.datetime):
            return moment(constant, zone)
        if isinstance(value, bool):
            return constant.strip().lower() in {"1", "true"}
        if isinstance(value, int):
            return int(constant)
    except ValueError:
        raise Refusal(
            "ErrorInvalidValueForProperty", f"'{constant}' does not fit the property."
        ) from None
    return constant.casefold()


def _bytes(text: str) -> bytes | None:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return None


def _contains(element: Element) -> Predicate:
    value = _reader(element[0])
    constant = element.find(f"{T}Constant").get("Value")
    exact = element.get("ContainmentComparison", "Exact") == "Exact"
    sought = constant if exact else constant.casefold()
    mode = element.get("ContainmentMode", "FullString")
    tests: dict[str, Callable[[str], bool]] = {
        "FullString": lambda text: text == sought,
        "Prefixed": lambda text: text.startswith(sought),
        "PrefixOnWords": lambda text: any(word.startswith(sought) for word in text.split()),
    }

    def anywhere(text: str) -> bool:
        return sought in text

    test = tests.get(mode, anywhere)

    def fits(item: Item) -> bool:
        found = value(item)
        texts = found if isinstance(found, tuple) else (found,)
        return any(
            test(text if exact else text.casefold()) for text in texts if isinstance(text, str)
        )

    return fits


def sort_key(element: Element) -> Callable[[Item], Any]:
    """Sort by a property; items that lack it come first."""
    value = _reader(element)

    def key(item: Item) -> tuple[bool, Any]:
        found = _folded(value(item))
        return (found is not None, found if found is not None else 0)

    return key
