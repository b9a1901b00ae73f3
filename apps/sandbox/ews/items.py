"""GetItem, CreateItem, DeleteItem, MoveItem, CopyItem."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from apps.sandbox.ews import reading, soap
from apps.sandbox.ews.errors import Refusal
from apps.sandbox.ews.folders import holder
from apps.sandbox.ews.names import M, T, short
from apps.sandbox.ews.shapes import Shape, item_id

if TYPE_CHECKING:
    from apps.sandbox.ews.call import Call
    from apps.sandbox.store import Folder, Item
    from apps.sandbox.store.meetings import Reply

Element = Any  # lxml has no types

TO_NONE = "SendToNone"
_REPLIES: dict[str, Reply] = {
    "AcceptItem": "Accept",
    "TentativelyAcceptItem": "Tentative",
    "DeclineItem": "Decline",
}


def find(call: Call, element: Element) -> Item:
    """Read the item that an id names: itself, one occurrence of a series, or the series of an occurrence."""
    match short(element.tag):
        case "t:OccurrenceItemId":
            index = int(element.get("InstanceIndex"))
            return call.readable(call.store.occurrence(element.get("RecurringMasterId"), index))
        case "t:RecurringMasterItemId":
            return call.readable(call.store.master_of(element.get("OccurrenceId")))
        case _:
            return call.readable(call.store.item(element.get("Id")))


def items(*shown: str) -> str:
    """Write an element Items."""
    return f"<m:Items>{''.join(shown)}</m:Items>"


def get_item(call: Call) -> str:
    """Answer GetItem."""
    shape = Shape.of(call.body.find(f"{M}ItemShape"), in_list=False)

    def one(element: Element) -> str:
        item = find(call, element)
        return items(shape.show(item, call.item_right(item)))

    return call.each(call.body.find(f"{M}ItemIds"), one)


def create_item(call: Call) -> str:
    """Answer CreateItem: calendar items, and answers to meetings."""

    def one(element: Element) -> str:
        name = short(element.tag).removeprefix("t:")
        if name in _REPLIES:
            return _reply(call, element, _REPLIES[name])
        if name == "CancelCalendarItem":
            return _cancel(call, element)
        if name != "CalendarItem":
            raise Refusal("ErrorInvalidOperation", "The sandbox keeps calendar items only.")
        return _create(call, element)

    return call.each(call.body.find(f"{M}Items"), one)


def _create(call: Call, element: Element) -> str:
    send = call.body.get("SendMeetingInvitations")
    if send is None:
        raise Refusal("ErrorSendMeetingInvitationsRequired")
    folder = _target(call, f"{M}SavedItemFolderId")
    fields = reading.complete(reading.read(element, call.zone), call.zone)
    fields = reading.with_attendees(fields, ())
    return items(item_id(call.store.create(folder.id, fields, send=send != TO_NONE)))


def _target(call: Call, path: str) -> Folder:
    """Find the folder that something is put into: the one that is named, or the caller's calendar."""
    named = call.body.find(path)
    if named is not None:
        folder = holder(call, named[0])
    elif call.caller.mailbox is not None:
        folder = call.caller.mailbox.calendar
    else:
        raise Refusal("ErrorFolderNotFound")
    if call.caller.folder_right(folder) != "editor":
        raise Refusal(
            "ErrorCreateItemAccessDenied", "The caller cannot create items in this folder."
        )
    return folder


def _reply(call: Call, element: Element, reply: Reply) -> str:
    item = call.writable(call.store.item(element.find(f"{T}ReferenceItemId").get("Id")))
    send = call.body.get("MessageDisposition", "SendAndSaveCopy") != "SaveOnly"
    call.store.respond(item.id, reply, body=element.findtext(f"{T}Body") or "", send=send)
    return items()


def _cancel(call: Call, element: Element) -> str:
    item = call.writable(call.store.item(element.find(f"{T}ReferenceItemId").get("Id")))
    call.store.cancel(item.id, element.findtext(f"{T}NewBodyContent") or "")
    return items()


def delete_item(call: Call) -> str:
    """Answer DeleteItem."""
    send = call.body.get("SendMeetingCancellations")

    def one(element: Element) -> str:
        if send is None:
            raise Refusal("ErrorSendMeetingCancellationsRequired")
        item = call.writable(find(call, element))
        # Microsoft documents no check of the key here; a fault lets clients be tried both ways.
        checks = call.hits.first("check-delete-key") is not None
        key = element.get("ChangeKey") if checks else None
        call.store.delete(
            item.id, call.body.get("DeleteType"), change_key=key, send=send != TO_NONE
        )
        return ""

    return call.each(call.body.find(f"{M}ItemIds"), one)


def move_item(call: Call) -> str:
    """Answer MoveItem: what moves gets another id."""

    def one(element: Element) -> str:
        item = call.writable(find(call, element))
        folder = _target(call, f"{M}ToFolderId")
        return items(item_id(call.store.move(item.id, folder.id)))

    return call.each(call.body.find(f"{M}ItemIds"), one)


def copy_item(call: Call) -> str:
    """Answer CopyItem."""

    def one(element: Element) -> str:
        item = find(call, element)
        folder = _target(call, f"{M}ToFolderId")
        return items(item_id(call.store.copy(item.id, folder.id)))

    return call.each(call.body.find(f"{M}ItemIds"), one)


def convert_id(call: Call) -> str:
    """Answer ConvertId with a refusal: clients send it to learn the server's version, which stands in the header."""
    refusal = Refusal("ErrorInvalidIdMalformed")
    parts = [soap.refused(call.operation, refusal) for _ in call.body.find(f"{M}SourceIds")]
    return soap.messages(call.operation, parts)
