"""What an Exchange holds. Items are frozen: to change one is to put another in its place.

Enumerations are spelt as Exchange Web Services spells them. Times are aware and in UTC; zones are Windows names,
except that of a mailbox, which is its owner's IANA zone.
"""

from __future__ import annotations

import datetime as dt  # noqa: TC003 -- the snapshot reads the types while it runs
from collections.abc import Mapping  # noqa: TC003
from dataclasses import dataclass, field
from typing import Literal

from apps.sandbox.attendant import Attendant
from apps.sandbox.recurrence import Recurrence  # noqa: TC001
from apps.sandbox.store.microsoft import EnterpriseApp, MicrosoftAccount, Right  # noqa: TC001
from apps.sandbox.store.subscription import GraphSubscription  # noqa: TC001

Kind = Literal["Single", "RecurringMaster", "Occurrence", "Exception"]
MailboxKind = Literal["room", "equipment", "shared", "user"]
SignIn = Literal["basic", "ntlm"]
Response = Literal["Unknown", "Organizer", "Tentative", "Accept", "Decline", "NoResponseReceived"]
FolderRole = Literal["calendar", "deleteditems", "other"]
SHOW_AS = ("Free", "Tentative", "Busy", "OOF", "WorkingElsewhere", "NoData")
SENSITIVITY = ("Normal", "Personal", "Private", "Confidential")
BLOCKING = frozenset({"Tentative", "Busy", "OOF", "WorkingElsewhere"})


@dataclass(frozen=True, slots=True)
class Person:
    """A name and an address."""

    name: str
    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Attendee:
    """Who is invited, and what they answered. `role`: Required, Optional or Resource."""

    name: str
    address: str
    role: str = "Required"
    response: Response = "Unknown"
    responded_at: dt.datetime | None = None


@dataclass(frozen=True, slots=True)
class PropertyName:
    """The name of an extended property: GUID in lower case (or a distinguished set), name or id, type."""

    set_id: str
    name: str
    type: str = "String"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A single event, the master of a series, or, as views show it, one occurrence.

    `overrides` (of a master) maps an occurrence's number to the fields that its exception changes; `deleted` holds
    the numbers that were deleted. `master_id`, `index` (from 1) and `original_start` are set on occurrences alone.
    `touched` tells at which revision a field was last written, for AutoResolve. `first_id` is the id that it got first,
    once it was moved: what Graph's immutable ids are made of. `transaction_id` is what a client of Graph created it with.
    """

    id: str
    change_key: str
    mailbox_id: str
    folder_id: str
    kind: Kind
    uid: str
    start: dt.datetime
    end: dt.datetime
    start_zone: str
    end_zone: str
    organizer: Person
    created_at: dt.datetime
    modified_at: dt.datetime
    subject: str = ""
    body: str = ""
    body_type: str = "Text"
    sensitivity: str = "Normal"
    importance: str = "Normal"
    show_as: str = "Busy"
    all_day: bool = False
    location: str = ""
    attendees: tuple[Attendee, ...] = ()
    is_cancelled: bool = False
    was_received: bool = False
    my_response: Response = "Organizer"
    reminder_is_set: bool = False
    reminder_minutes: int = 15
    categories: tuple[str, ...] = ()
    extended: Mapping[PropertyName, str | tuple[str, ...]] = field(default_factory=dict)
    sequence: int = 0
    recurrence: Recurrence | None = None
    overrides: Mapping[int, Mapping[str, object]] = field(default_factory=dict)
    deleted: frozenset[int] = frozenset()
    touched: Mapping[str, int] = field(default_factory=dict)
    master_id: str = ""
    index: int = 0
    original_start: dt.datetime | None = None
    first_id: str = ""
    transaction_id: str = ""

    @property
    def is_meeting(self) -> bool:
        """Tell whether somebody is invited."""
        return self.was_received or bool(self.attendees)

    @property
    def appointment_state(self) -> int:
        """Give the bits 1 meeting, 2 received, 4 cancelled."""
        return self.is_meeting * 1 | self.was_received * 2 | self.is_cancelled * 4

    @property
    def is_recurring(self) -> bool:
        """Tell whether it belongs to a series."""
        return self.kind in {"Occurrence", "Exception"}

    @property
    def blocks(self) -> bool:
        """Tell whether nobody else can have this time."""
        return self.show_as in BLOCKING and not self.is_cancelled


@dataclass(slots=True)
class Slot:
    """An item in its folder: at which of the folder's numbers it came, and was last changed.

    `whole_seq` is when it changed as a whole, and `numbers` when single occurrences of a series did (0: never since it
    came).
    """

    item: Item
    created_seq: int
    changed_seq: int
    whole_seq: int = 0
    numbers: Mapping[int, int] = field(default_factory=dict)


@dataclass(slots=True)
class Folder:
    """A folder, its items, and what sync states need: numbers of changes, and what went away when.

    `gone` has the numbers at which an item came and left; `first_ids` the first id of what left, if it had another.
    """

    id: str
    change_key: str
    mailbox_id: str
    role: FolderRole
    name: str
    epoch: int = 0
    seq: int = 0
    slots: dict[str, Slot] = field(default_factory=dict)
    gone: dict[str, tuple[int, int]] = field(default_factory=dict)
    first_ids: dict[str, str] = field(default_factory=dict)

    @property
    def items(self) -> list[Item]:
        """List what lies in it: singles and masters."""
        return [slot.item for slot in self.slots.values()]


@dataclass(slots=True)
class Mailbox:
    """A mailbox with its three folders. `id` is made anew when a mailbox is replaced."""

    id: str
    organisation: str
    address: str
    name: str
    kind: MailboxKind
    time_zone: str
    aliases: tuple[str, ...] = ()
    hidden: bool = False
    attendant: Attendant = field(default_factory=Attendant)
    folders: dict[FolderRole, Folder] = field(default_factory=dict)

    @property
    def calendar(self) -> Folder:
        """Its calendar."""
        return self.folders["calendar"]

    @property
    def deleted_items(self) -> Folder:
        """Where deleted items go."""
        return self.folders["deleteditems"]

    @property
    def other(self) -> Folder:
        """A second calendar folder, to which events can be moved out of the way."""
        return self.folders["other"]


@dataclass(slots=True)
class Account:
    """A service account. `impersonates`: the kinds of mailbox in its organisation that its role covers.

    `rights` are folder permissions by primary address in lower case; "none" there takes a mailbox out of the role's scope.
    """

    name: str
    login: str
    password: str
    organisation: str
    sign_ins: frozenset[SignIn] = frozenset({"basic", "ntlm"})
    impersonates: frozenset[MailboxKind] = frozenset()
    rights: dict[str, Right] = field(default_factory=dict)


@dataclass(slots=True)
class RoomList:
    """A distribution group of rooms, as New-DistributionGroup -RoomList makes it."""

    name: str
    address: str
    members: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mail:
    """A mail that left. `kind`: request, update, cancellation, accept, tentative or decline."""

    sent_at: dt.datetime
    sender: str
    to: str
    kind: str
    subject: str
    uid: str
    body: str = ""


@dataclass(slots=True)
class Organisation:
    """A customer's Exchange: its domain, its server's name, and all that is in it.

    One that has a `tenant_id` is at Microsoft 365: people sign in with Microsoft accounts, applications with tokens.
    `apps` are what was consented to, by client id; `rbac_scope` are the addresses that RBAC for Applications opens, in lower
    case (None: it limits nothing); `ews_allowed_apps` are the client ids that may still use EWS.
    """

    domain: str
    name: str
    server: str
    time_zone: str
    accounts: dict[str, Account] = field(default_factory=dict)
    mailboxes: dict[str, Mailbox] = field(default_factory=dict)
    room_lists: dict[str, RoomList] = field(default_factory=dict)
    outbox: list[Mail] = field(default_factory=list)
    tenant_id: str = ""
    microsoft_accounts: dict[str, MicrosoftAccount] = field(default_factory=dict)
    apps: dict[str, EnterpriseApp] = field(default_factory=dict)
    subscriptions: dict[str, GraphSubscription] = field(default_factory=dict)
    rbac_scope: frozenset[str] | None = None
    ews_allowed_apps: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line of a sync answer: "create" or "update" with the item as it is now, or "delete" without."""

    kind: Literal["create", "update", "delete"]
    item_id: str
    item: Item | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SyncPage:
    """A sync answer: the new state, the changes, and whether that was all."""

    state: str
    changes: tuple[Change, ...]
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A find answer: the items, how many there are in all, and whether these are the last of them."""

    items: tuple[Item, ...]
    total: int
    is_last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreEvent:
    """What happened to an item, for who listens. Old ids are set on Moved and Copied."""

    kind: Literal["Created", "Modified", "Deleted", "Moved", "Copied"]
    at: dt.datetime
    mailbox_id: str
    folder_id: str
    item_id: str
    old_folder_id: str = ""
    old_item_id: str = ""
