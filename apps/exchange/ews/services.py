"""The operations of EWS on items: each builds its request, and gives back elements.

https://learn.microsoft.com/exchange/client-developer/web-service-reference/ews-operations-in-exchange
"""

from __future__ import annotations

import base64
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from apps.exchange.errors import AccessDenied, ExchangeError, NotFound, Rejected, Transient
from apps.exchange.ews import errors
from apps.exchange.ews.codes import ItemNotFound
from apps.exchange.ews.mapping import ids, new_item, stamp_uri, updates
from apps.exchange.ews.xml import Damaged, Element, find, make, text

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterable, Sequence

    from apps.exchange.calendar import Content, Parts, Window
    from apps.exchange.ews.wire import Wire

# The most that the schema allows, and the server's own limit for a list.
SYNC_PAGE = 512
FIND_LIMIT = 1000
# Items a GetItem: a minute of the server's time is all that one request gets.
BATCH = 100

# What lists tell. Times come in UTC, since that is the zone of our requests: the zone's own fields
# are long, and no single needs them.
LISTED = (
    "item:Subject", "item:Sensitivity", "item:DateTimeCreated", "item:ParentFolderId",
    "calendar:UID", "calendar:Start", "calendar:End", "calendar:OriginalStart",
    "calendar:IsAllDayEvent", "calendar:LegacyFreeBusyStatus", "calendar:IsMeeting",
    "calendar:IsCancelled", "calendar:IsRecurring", "calendar:CalendarItemType",
    "calendar:MyResponseType", "calendar:AppointmentState", "calendar:Organizer",
)  # fmt: skip
# What a series needs beside that.
EXPANDED = (
    *LISTED, "calendar:Recurrence", "calendar:ModifiedOccurrences", "calendar:DeletedOccurrences",
    "calendar:StartTimeZone", "calendar:EndTimeZone", "calendar:StartTimeZoneId",
)  # fmt: skip
NOTHING_ELSE: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncPage:
    changed: tuple[Element, ...]
    gone: tuple[str, ...]
    state: str
    is_last: bool


def sync_folder_items(wire: Wire, state: str, *, limit: int = SYNC_PAGE) -> SyncPage:
    """A page of what changed in the calendar: the ids of singles and masters.

    Raises:
        SyncStateInvalid: the state is no use any more.
    """
    answer = wire.message(
        make(
            "m:SyncFolderItems",
            shape("m:ItemShape", NOTHING_ELSE, with_stamp=False),
            make("m:SyncFolderId", calendar_folder(wire)),
            *([make("m:SyncState", text=state)] if state else []),
            make("m:MaxChangesReturned", text=str(min(limit, SYNC_PAGE))),
            make("m:SyncScope", text="NormalItems"),
        )
    )
    new_state = text(answer, "m:SyncState")
    if not new_state:
        raise damaged(wire, "SyncFolderItems")
    changes = find(answer, "m:Changes")
    changed: list[Element] = []
    gone: list[str] = []
    for change in [] if changes is None else changes:
        # Whether something is new here, only the mirror can tell. Read flags are nothing to us.
        if change.tag.endswith(("}Create", "}Update")):
            changed += list(change)
        elif change.tag.endswith("}Delete"):
            gone.append(ids(change)[0])
    return SyncPage(tuple(changed), tuple(gone), new_state, _is_last(answer))


@dataclass(frozen=True, slots=True)
class FindPage:
    items: tuple[Element, ...]
    is_whole: bool


def find_in_view(wire: Wire, window: Window, *, limit: int = FIND_LIMIT) -> FindPage:
    """What overlaps a window, series expanded: whole, or cut at the server's limit."""
    view = make(
        "m:CalendarView",
        MaxEntriesReturned=str(min(limit, FIND_LIMIT)),
        StartDate=_instant(window.starts_at),
        EndDate=_instant(window.ends_at),
    )
    return _find(wire, view, LISTED)


def find_by_stamp(wire: Wire, stamp: str) -> FindPage:
    return _find_equal(wire, stamp_uri(), stamp)


def find_by_uid(wire: Wire, uid: str) -> FindPage:
    """By the global object id, which can be searched where the UID cannot."""
    uri = make(
        "t:ExtendedFieldURI",
        DistinguishedPropertySetId="Meeting", PropertyId="3", PropertyType="Binary",
    )  # fmt: skip
    return _find_equal(wire, uri, base64.b64encode(global_object_id(uid)).decode())


def global_object_id(uid: str) -> bytes:
    """[MS-OXCICAL] 2.1.3.1.1.20.26: a UID of Exchange is that id in hex; others are wrapped in one."""
    prefix = bytes.fromhex("040000008200E00074C5B7101A82E008")
    try:
        known = bytes.fromhex(uid)
    except ValueError:
        known = b""
    if known.startswith(prefix):
        return known
    data = b"vCal-Uid\x01\x00\x00\x00" + uid.encode() + b"\x00"
    return prefix + bytes(20) + struct.pack("<I", len(data)) + data


Answer = Element | ExchangeError


def get_items(
    wire: Wire, item_ids: Sequence[Element], fields: Sequence[str] = LISTED
) -> list[Answer]:
    """The items of these ids, in their order; of what cannot be read, why.

    What concerns the mailbox or the server, and not one item, is raised.
    """
    found: list[Answer] = []
    while len(found) < len(item_ids):
        batch = item_ids[len(found) : len(found) + BATCH]
        payload = make(
            "m:GetItem",
            shape("m:ItemShape", fields, with_stamp=bool(fields)),
            make("m:ItemIds", *batch),
        )
        answers = _items(wire, payload)
        if len(answers) > len(batch):
            raise damaged(wire, "GetItem")
        known = _until_stopped(answers)
        if not known:
            raise answers[0] if answers else damaged(wire, "GetItem")
        found += known
    return found


def create_item(wire: Wire, content: Content, *, stamp: str, attempt_id: str) -> tuple[str, str]:
    """Write a single; its id and change key. Nobody is mailed."""
    payload = make(
        "m:CreateItem",
        make("m:SavedItemFolderId", calendar_folder(wire)),
        make("m:Items", new_item(content, stamp=stamp, attempt_id=attempt_id)),
        SendMeetingInvitations="SendToNone",
    )
    return _written_ids(wire, payload)


def update_item(
    wire: Wire, item: tuple[str, str], content: Content, parts: Parts
) -> tuple[str, str]:
    """Write parts of an item, if its change key is still this one; its id and new change key."""
    payload = make(
        "m:UpdateItem",
        make(
            "m:ItemChanges",
            make("t:ItemChange", item_id(*item), make("t:Updates", *updates(content, parts))),
        ),
        ConflictResolution="NeverOverwrite",
        MessageDisposition="SaveOnly",
        SendMeetingInvitationsOrCancellations="SendToNone",
    )
    return _written_ids(wire, payload)


def delete_item(wire: Wire, item: tuple[str, str]) -> None:
    """To the Deleted Items. Nobody is mailed."""
    payload = make(
        "m:DeleteItem",
        make("m:ItemIds", item_id(*item)),
        DeleteType="MoveToDeletedItems",
        SendMeetingCancellations="SendToNone",
    )
    wire.message(payload, is_write=True)


def decline_item(wire: Wire, item: tuple[str, str]) -> None:
    """Decline an invitation: its organiser is mailed, and it leaves the calendar."""
    answer = make("t:DeclineItem", make("t:ReferenceItemId", Id=item[0], ChangeKey=item[1]))
    payload = make("m:CreateItem", make("m:Items", answer), MessageDisposition="SendAndSaveCopy")
    wire.message(payload, is_write=True)


def item_id(item: str, change_key: str = "") -> Element:
    return make("t:ItemId", Id=item, **_version(change_key))


def occurrence_id(master: str, index: int) -> Element:
    return make("t:OccurrenceItemId", RecurringMasterId=master, InstanceIndex=str(index))


def master_id(occurrence: str) -> Element:
    return make("t:RecurringMasterItemId", OccurrenceId=occurrence)


def _version(change_key: str) -> dict[str, str]:
    return {"ChangeKey": change_key} if change_key else {}


def shape(name: str, fields: Iterable[str], *, with_stamp: bool) -> Element:
    """Which properties an answer is to have, beside ids."""
    found = make(name, make("t:BaseShape", text="IdOnly"))
    uris = [make("t:FieldURI", FieldURI=field) for field in fields]
    if with_stamp:
        uris.append(stamp_uri())
    if uris:
        found.append(make("t:AdditionalProperties", *uris))
    return found


def calendar_folder(wire: Wire) -> Element:
    """The mailbox's own calendar, by no id: one made anew is another folder of that name."""
    mailbox = make("t:Mailbox", make("t:EmailAddress", text=wire.email))
    return make("t:DistinguishedFolderId", mailbox, Id="calendar")


def _instant(at: dt.datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _find_equal(wire: Wire, uri: Element, value: str) -> FindPage:
    constant = make("t:FieldURIOrConstant", make("t:Constant", Value=value))
    page = make(
        "m:IndexedPageItemView",
        MaxEntriesReturned=str(FIND_LIMIT), Offset="0", BasePoint="Beginning",
    )  # fmt: skip
    restriction = make("m:Restriction", make("t:IsEqualTo", uri, constant))
    return _find(wire, page, LISTED, restriction)


def _find(wire: Wire, view: Element, fields: Sequence[str], *restriction: Element) -> FindPage:
    answer = wire.message(
        make(
            "m:FindItem",
            shape("m:ItemShape", fields, with_stamp=True),
            view,
            *restriction,
            make("m:ParentFolderIds", calendar_folder(wire)),
            Traversal="Shallow",
        )
    )
    root = find(answer, "m:RootFolder")
    if root is None:
        raise damaged(wire, "FindItem")
    items = find(root, "t:Items")
    found = tuple(items) if items is not None else ()
    total = root.get("TotalItemsInView", "")
    is_whole = root.get("IncludesLastItemInRange", "").lower() in ("true", "1")
    return FindPage(found, is_whole and not (total.isdecimal() and int(total) > len(found)))


def _is_last(answer: Element) -> bool:
    return text(answer, "m:IncludesLastItemInRange").lower() in ("true", "1")


def _items(wire: Wire, payload: Element) -> list[Answer]:
    """The answers of a GetItem.

    Raises:
        Transient: the mailbox were not there: that says nothing of an item in it; its folder tells.
    """
    try:
        answers = [_item(answer) for answer in wire.messages(payload)]
        for answer in answers:
            if isinstance(answer, NotFound) and not isinstance(answer, ItemNotFound):
                raise answer
    except ItemNotFound:
        raise
    except NotFound as error:
        raise Transient(error.cause, fix=error.fix) from None
    return answers


def _item(answer: Answer) -> Answer:
    if isinstance(answer, ExchangeError):
        return answer
    items = find(answer, "m:Items")
    return Rejected("It came back empty.") if items is None or len(items) == 0 else items[0]


def _until_stopped(answers: list[Answer]) -> list[Answer]:
    """Those before the first that is no fault of its item; they are asked for again."""
    for place, answer in enumerate(answers):
        if isinstance(answer, Transient):
            return answers[:place]
        if isinstance(answer, ExchangeError) and not isinstance(
            answer, NotFound | Rejected | AccessDenied
        ):
            raise answer
    return answers


def _written_ids(wire: Wire, payload: Element) -> tuple[str, str]:
    items = find(wire.message(payload, is_write=True), "m:Items")
    found = ids(items[0]) if items is not None and len(items) else ("", "")
    if not found[0]:
        raise damaged(wire, payload.tag.rpartition("}")[2], is_write=True)
    return found


def damaged(wire: Wire, operation: str, *, is_write: bool = False) -> ExchangeError:
    """An answer that lacks what every answer has."""
    error = Damaged("It lacks what it must have.")
    return errors.translate(error, wire.where(operation, is_write=is_write))
