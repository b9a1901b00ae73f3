"""What there is on a server: the calendar's folder, rooms, names.

https://learn.microsoft.com/exchange/client-developer/web-service-reference/ews-operations-in-exchange
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from apps.exchange.errors import ExchangeError
from apps.exchange.ews.mapping import ids
from apps.exchange.ews.services import NOTHING_ELSE, calendar_folder, damaged, shape
from apps.exchange.ews.xml import Element, every, find, make

if TYPE_CHECKING:
    from apps.exchange.ews.wire import Wire


def get_folder(wire: Wire) -> Element:
    """The calendar: FolderId, DisplayName, EffectiveRights."""
    payload = make(
        "m:GetFolder",
        shape("m:FolderShape", ("folder:DisplayName", "folder:EffectiveRights"), with_stamp=False),
        make("m:FolderIds", calendar_folder(wire)),
    )
    folders = find(wire.message(payload), "m:Folders")
    if folders is None or len(folders) == 0:
        raise damaged(wire, "GetFolder")
    return folders[0]


def is_calendar(wire: Wire, folder_id: str) -> bool:
    """Whether a folder is the mailbox's calendar, whatever form its id has where it was read."""
    payload = make(
        "m:GetFolder",
        shape("m:FolderShape", NOTHING_ELSE, with_stamp=False),
        make("m:FolderIds", calendar_folder(wire), make("t:FolderId", Id=folder_id)),
    )
    known, other = [*wire.messages(payload), None, None][:2]
    if known is None or isinstance(known, ExchangeError):
        raise known or damaged(wire, "GetFolder")
    if other is None or isinstance(other, ExchangeError):
        return False
    one, two = (find(message, "m:Folders")[0] for message in (known, other))
    return ids(one, "t:FolderId")[0] == ids(two, "t:FolderId")[0]


def get_room_lists(wire: Wire) -> list[Element]:
    """Name and EmailAddress of each list of rooms that an administrator made."""
    return every(wire.message(make("m:GetRoomLists")), "m:RoomLists/t:Address")


def get_rooms(wire: Wire, room_list: str) -> list[Element]:
    """Name and EmailAddress of each room on a list."""
    payload = make("m:GetRooms", make("m:RoomList", make("t:EmailAddress", text=room_list)))
    return every(wire.message(payload), "m:Rooms/t:Room/t:Id")


def resolve_names(wire: Wire, entry: str) -> list[Element]:
    """Mailboxes (Name, EmailAddress, MailboxType) that answer to a name or an address."""
    payload = make(
        "m:ResolveNames",
        make("m:UnresolvedEntry", text=entry),
        ReturnFullContactData="false",
        SearchScope="ActiveDirectory",
    )
    return every(wire.message(payload), "m:ResolutionSet/t:Resolution/t:Mailbox")
