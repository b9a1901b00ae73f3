"""UpdateItem: one property at a time, set, appended to or deleted (WSR/updateitem-operation.md)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from apps.sandbox.ews import paths, reading
from apps.sandbox.ews.call import Call, id_in
from apps.sandbox.ews.errors import Refusal
from apps.sandbox.ews.items import TO_NONE, find, items
from apps.sandbox.ews.names import M, T, short
from apps.sandbox.ews.shapes import item_id

if TYPE_CHECKING:
    from apps.sandbox.ews.reading import Fields
    from apps.sandbox.store import Item

Element = Any  # lxml has no types

_CLEARED: dict[str, Fields] = {
    "item:Subject": {"subject": ""},
    "item:Body": {"body": ""},
    "item:Categories": {"categories": ()},
    "item:Sensitivity": {"sensitivity": "Normal"},
    "item:Importance": {"importance": "Normal"},
    "item:ReminderIsSet": {"reminder_is_set": False},
    "calendar:Location": {"location": ""},
    "calendar:RequiredAttendees": {"attendees Required": ()},
    "calendar:OptionalAttendees": {"attendees Optional": ()},
    "calendar:Resources": {"attendees Resource": ()},
    "calendar:Recurrence": {"recurrence": None},
}
# Kept nowhere, so there is nothing to take away.
_NOT_KEPT = frozenset(
    {
        "item:Culture", "item:InReplyTo", "item:MimeContent", "calendar:When", "calendar:ConferenceType",
        "calendar:MeetingWorkspaceUrl", "calendar:NetShowUrl", "calendar:MeetingTimeZone",
        "calendar:AllowNewTimeProposal", "calendar:IsResponseRequested",
    }
)  # fmt: skip
_CONFLICTS = "<m:ConflictResults><t:Count>0</t:Count></m:ConflictResults>"


def update_item(call: Call) -> str:
    """Answer UpdateItem."""
    send = call.body.get("SendMeetingInvitationsOrCancellations")

    def one(change: Element) -> str:
        if send is None:
            raise Refusal("ErrorSendMeetingInvitationsOrCancellationsRequired")
        item = call.writable(find(call, change[0]))
        fields = _fields(call, change.find(f"{T}Updates"), item)
        changed = call.store.change(
            item.id,
            reading.with_attendees(fields, item.attendees),
            change_key=change[0].get("ChangeKey"),
            resolution=call.body.get("ConflictResolution"),
            send=send != TO_NONE,
        )
        return items(item_id(changed)) + _CONFLICTS

    changes = call.body.find(f"{M}ItemChanges")
    parts = [call.one(id_in(change[0]), partial(one, change)) for change in changes]
    return call.together(parts)


def _fields(call: Call, updates: Element, item: Item) -> Fields:
    zone = _zone_after(updates, item)
    found: Fields = {}
    seen: set[object] = set()
    for update in updates:
        path = paths.read(update[0])
        key = path.name if isinstance(path, paths.Extended) else path
        if key in seen:
            raise Refusal("ErrorIncorrectUpdatePropertyCount", f"{key} stands twice.")
        seen.add(key)
        fields = _one(update, path, item, zone)
        if "extended" in fields:
            fields = {"extended": {**found.get("extended", {}), **fields["extended"]}}
        found.update(fields)
    return found


def _zone_after(updates: Element, item: Item) -> str:
    """Tell the zone of times without one: that which the update sets, or the item's."""
    for element in updates.iter(f"{T}StartTimeZone"):
        return str(element.get("Id") or item.start_zone)
    return item.start_zone


def _one(update: Element, path: paths.Path, item: Item, zone: str) -> Fields:
    action = short(update.tag)
    if action == "t:DeleteItemField":
        return _cleared(path)
    sent = update[1]
    if len(sent) != 1:
        raise Refusal("ErrorIncorrectUpdatePropertyCount", "An update sets one property at a time.")
    if not _is_of(sent[0], path):
        raise Refusal("ErrorUpdatePropertyMismatch", "The property does not match the path.")
    if path == "calendar:UID":
        raise Refusal("ErrorInvalidPropertySet", "Set action is invalid for property calendar:UID.")
    fields = reading.read(sent, zone)
    return _appended(fields, path, item) if action == "t:AppendToItemField" else fields


def _is_of(element: Element, path: paths.Path) -> bool:
    name = short(element.tag).removeprefix("t:")
    if isinstance(path, paths.Extended):
        return name == "ExtendedProperty" and paths.extended(element[0]).name == path.name
    return path.partition(":")[2] == name


def _cleared(path: paths.Path) -> Fields:
    if isinstance(path, paths.Extended):
        return {"extended": {path.name: None}}
    if path in _NOT_KEPT:
        return {}
    if path not in _CLEARED:
        raise Refusal(
            "ErrorInvalidPropertyDelete", f"Delete action is invalid for property {path}."
        )
    return dict(_CLEARED[path])


def _appended(fields: Fields, path: paths.Path, item: Item) -> Fields:
    if path == "item:Body":
        return {**fields, "body": item.body + fields["body"]}
    role = next((name for name in fields if name.startswith("attendees ")), "")
    if role:
        present = tuple(one for one in item.attendees if role == f"attendees {one.role}")
        return {role: present + fields[role]}
    raise Refusal("ErrorInvalidPropertyAppend", f"Append action is invalid for property {path}.")
