"""Rooms and lists of rooms. Sources: learn.microsoft.com/graph/api/place-list, …/resources/room, …/resources/roomlist."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from apps.sandbox.graph import ids
from apps.sandbox.graph.call import Answer, Call
from apps.sandbox.graph.errors import GraphError, bad
from apps.sandbox.graph.people import granted
from apps.sandbox.store import StoreError

if TYPE_CHECKING:
    from apps.sandbox.store import Mailbox, RoomList

PAGE, LONGEST_PAGE = 100, 1000


def rooms(call: Call) -> Answer:
    """Answer GET places/microsoft.graph.room: the rooms of the organisation that address lists show."""
    _refuse_strangers(call)
    found = [
        one
        for one in call.caller.organisation.mailboxes.values()
        if one.kind == "room" and not one.hidden
    ]
    return _page(call, "room", [_room(call, one) for one in found])


def room_lists(call: Call) -> Answer:
    """Answer GET places/microsoft.graph.roomlist."""
    _refuse_strangers(call)
    found = call.caller.organisation.room_lists.values()
    return _page(call, "roomList", [_room_list(one) for one in found])


def rooms_of_list(call: Call) -> Answer:
    """Answer GET places/{list's address}/microsoft.graph.roomlist/rooms."""
    _refuse_strangers(call)
    try:
        found = call.store.rooms(call.caller.organisation.domain, call.names["place"])
    except StoreError:
        raise GraphError("Request_ResourceNotFound", status=404) from None
    return _page(call, "room", [_room(call, one) for one in found])


def _refuse_strangers(call: Call) -> None:
    if "Place.Read.All" not in granted(call):
        raise GraphError("Authorization_RequestDenied")


def _room(call: Call, mailbox: Mailbox) -> dict[str, Any]:
    return {
        "id": ids.object_id(call.store, mailbox),
        "displayName": mailbox.name,
        "nickname": mailbox.name,
        "emailAddress": mailbox.address,
        "capacity": None,
        "bookingType": "standard",
        "building": None,
        "floorNumber": None,
        "floorLabel": None,
        "label": None,
        "phone": "",
        "tags": [],
        "audioDeviceName": None,
        "videoDeviceName": None,
        "displayDeviceName": None,
        "isWheelChairAccessible": False,
        "address": None,
        "geoCoordinates": None,
    }


def _room_list(found: RoomList) -> dict[str, Any]:
    return {
        "id": found.address,
        "displayName": found.name,
        "emailAddress": found.address,
        "phone": "",
        "address": None,
        "geoCoordinates": None,
    }


def _page(call: Call, kind: str, shown: list[dict[str, Any]]) -> Answer:
    size, begin = _number(call, "$top", PAGE), _number(call, "$skip", 0)
    if not 1 <= size <= LONGEST_PAGE:
        raise bad(f"Invalid value '{size}' for $top query option found.")
    content: dict[str, Any] = {
        "@odata.context": f"{call.service}/$metadata#places/microsoft.graph.{kind}",
        "value": shown[begin : begin + size],
    }
    if call.argument("$count").lower() == "true":
        content["@odata.count"] = len(shown)
    if begin + size < len(shown):
        after = {**call.arguments, "$skip": str(begin + size)}
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in after.items())
        content["@odata.nextLink"] = f"{call.address}?{query}"
    return Answer(content=content)


def _number(call: Call, name: str, default: int) -> int:
    given = call.argument(name)
    if given and not given.isdigit():
        raise bad(f"Invalid value '{given}' for {name} query option found.")
    return int(given) if given else default
