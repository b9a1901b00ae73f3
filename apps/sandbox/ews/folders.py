"""Folders: find the one that a request names, and show it. GetFolder, FindFolder.

The store has calendars and Deleted Items. The other folders that every mailbox has (root, sent items ...) are shown
with an id of their own and nothing in them.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apps.sandbox.ews import soap
from apps.sandbox.ews.errors import Refusal
from apps.sandbox.ews.names import M, T, short
from apps.sandbox.store import Folder, Mailbox, StoreError

if TYPE_CHECKING:
    from apps.sandbox.ews.call import Call
    from apps.sandbox.store.microsoft import Right

Element = Any  # lxml has no types

_BARE_HEAD = b"\x00\x05\x0e"
_BARE_NAMES = {
    "root": "Root",
    "msgfolderroot": "Top of Information Store",
    "sentitems": "Sent Items",
}
_ROLES = {"calendar": "calendar", "deleteditems": "deleteditems"}


@dataclass(frozen=True)
class Place:
    """A folder as a request names it. `folder` is None for one that holds no items here."""

    mailbox: Mailbox
    role: str
    folder: Folder | None
    right: Right

    @property
    def id(self) -> str:
        """Its id: opaque, and of this mailbox alone."""
        return self.folder.id if self.folder else bare_id(self.mailbox, self.role)

    @property
    def change_key(self) -> str:
        """Its change key."""
        return self.folder.change_key if self.folder else "AQAAAA=="


def bare_id(mailbox: Mailbox, role: str) -> str:
    """Make the id of a folder that holds nothing here."""
    return base64.b64encode(_BARE_HEAD + bytes.fromhex(mailbox.id) + role.encode()).decode()


def place(call: Call, element: Element) -> Place:
    """Find the folder of a FolderId or a DistinguishedFolderId. Raises Refusal, StoreError."""
    found = (
        _named(call, element)
        if short(element.tag) == "t:DistinguishedFolderId"
        else _by_id(call, element)
    )
    if found.right == "none":
        raise Refusal("ErrorFolderNotFound")
    return found


def holder(call: Call, element: Element) -> Folder:
    """Find a folder that holds items. Raises Refusal ErrorFolderNotFound."""
    found = place(call, element).folder
    if found is None:
        raise Refusal("ErrorFolderNotFound")
    return found


def _named(call: Call, element: Element) -> Place:
    address = element.findtext(f"{T}Mailbox/{T}EmailAddress") or ""
    mailbox = call.store.find_mailbox(address) if address else call.caller.mailbox
    if mailbox is None and not address:
        raise Refusal(
            "ErrorMissingEmailAddress",
            "When making a request as an account that does not have a mailbox, you must specify the mailbox primary"
            " SMTP address for any distinguished folder Ids.",
        )
    if mailbox is None or mailbox.organisation != call.caller.account.organisation:
        raise Refusal("ErrorNonExistentMailbox")
    return _of(call, mailbox, element.get("Id"))


def _of(call: Call, mailbox: Mailbox, name: str) -> Place:
    role = _ROLES.get(name)
    if role is None:
        return Place(mailbox, name, None, call.caller.right(mailbox))
    folder = mailbox.calendar if role == "calendar" else mailbox.deleted_items
    return Place(mailbox, name, folder, call.caller.folder_right(folder))


def _by_id(call: Call, element: Element) -> Place:
    given = element.get("Id")
    try:
        folder = call.store.folder(given)
    except StoreError:
        return _bare(call, given)
    mailbox = call.store.mailbox_of(folder)
    return Place(mailbox, folder.role, folder, call.caller.folder_right(folder))


def _bare(call: Call, given: str) -> Place:
    try:
        raw = base64.b64decode(given, validate=True)
    except ValueError:
        raise Refusal("ErrorInvalidIdMalformed") from None
    if raw.startswith(_BARE_HEAD):
        mailbox_id, role = raw[3:19].hex(), raw[19:].decode("ascii", "replace")
        mailbox = call.store.mailbox_by_id(mailbox_id)
        return Place(mailbox, role, None, call.caller.right(mailbox))
    if not raw.startswith(b"\x00\x05"):
        raise Refusal("ErrorInvalidIdMalformed")
    raise Refusal("ErrorFolderNotFound")


def get_folder(call: Call) -> str:
    """Answer GetFolder."""
    shape = FolderShape.of(call.body.find(f"{M}FolderShape"))

    def one(element: Element) -> str:
        return f"<m:Folders>{shape.show(place(call, element))}</m:Folders>"

    return call.each(call.body.find(f"{M}FolderIds"), one)


def find_folder(call: Call) -> str:
    """Answer FindFolder: what lies below the root, and nothing below the rest."""
    shape = FolderShape.of(call.body.find(f"{M}FolderShape"))

    def one(element: Element) -> str:
        parent = place(call, element)
        below = _below(call, parent)
        shown = "".join(shape.show(found) for found in below)
        return (
            f'<m:RootFolder TotalItemsInView="{len(below)}" IncludesLastItemInRange="true">'
            f"<t:Folders>{shown}</t:Folders></m:RootFolder>"
        )

    return call.each(call.body.find(f"{M}ParentFolderIds"), one)


def _below(call: Call, parent: Place) -> list[Place]:
    if parent.role not in {"root", "msgfolderroot"}:
        return []
    found = [
        Place(parent.mailbox, role, folder, call.caller.folder_right(folder))
        for role, folder in parent.mailbox.folders.items()
    ]
    return [one for one in found if one.right != "none"]


@dataclass(frozen=True)
class FolderShape:
    """Which properties of a folder a request asks for, by the end of their names."""

    names: frozenset[str]

    @staticmethod
    def of(element: Element) -> FolderShape:
        """Read an element FolderShape."""
        names = {one.get("FieldURI").partition(":")[2] for one in element.iter(f"{T}FieldURI")}
        if element.findtext(f"{T}BaseShape") != "IdOnly":
            names |= {"DisplayName", "TotalCount", "ChildFolderCount", "UnreadCount"}
        if element.findtext(f"{T}BaseShape") == "AllProperties":
            names |= {"ParentFolderId", "FolderClass", "EffectiveRights", "DistinguishedFolderId"}
        return FolderShape(frozenset(names))

    def show(self, found: Place) -> str:
        """Write a folder with what was asked for, in the schema's order."""
        is_calendar = found.role in {"calendar", "other"}
        parts = {
            "ParentFolderId": f'<t:ParentFolderId Id="{bare_id(found.mailbox, _parent(found))}"/>',
            "FolderClass": f"<t:FolderClass>{'IPF.Appointment' if is_calendar else 'IPF.Note'}</t:FolderClass>",
            "DisplayName": f"<t:DisplayName>{soap.text(_name(found))}</t:DisplayName>",
            "TotalCount": f"<t:TotalCount>{len(found.folder.slots) if found.folder else 0}</t:TotalCount>",
            "ChildFolderCount": "<t:ChildFolderCount>0</t:ChildFolderCount>",
            "EffectiveRights": effective_rights(found.right),
            "DistinguishedFolderId": _distinguished(found),
            "UnreadCount": "" if is_calendar else "<t:UnreadCount>0</t:UnreadCount>",
        }
        shown = "".join(text for name, text in parts.items() if name in self.names)
        tag = "CalendarFolder" if is_calendar else "Folder"
        return f'<t:{tag}><t:FolderId Id="{found.id}" ChangeKey="{found.change_key}"/>{shown}</t:{tag}>'


def _parent(found: Place) -> str:
    return "root" if found.role in {"root", "msgfolderroot"} else "msgfolderroot"


def _name(found: Place) -> str:
    return (
        found.folder.name if found.folder else _BARE_NAMES.get(found.role, found.role.capitalize())
    )


def _distinguished(found: Place) -> str:
    if found.role == "other":
        return ""
    return f"<t:DistinguishedFolderId>{found.role}</t:DistinguishedFolderId>"


def effective_rights(right: Right) -> str:
    """Write what somebody may do with a folder or an item."""
    write = "true" if right == "editor" else "false"
    return (
        "<t:EffectiveRights><t:CreateAssociated>false</t:CreateAssociated>"
        f"<t:CreateContents>{write}</t:CreateContents><t:CreateHierarchy>false</t:CreateHierarchy>"
        f"<t:Delete>{write}</t:Delete><t:Modify>{write}</t:Modify><t:Read>true</t:Read>"
        "<t:ViewPrivateItems>true</t:ViewPrivateItems></t:EffectiveRights>"
    )
