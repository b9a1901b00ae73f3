"""What an Exchange holds and how it behaves, without a wire. Thread-safe: every public call takes the one lock."""

from __future__ import annotations

from apps.sandbox.store.errors import StoreError
from apps.sandbox.store.identity import Identities
from apps.sandbox.store.microsoft import EnterpriseApp, MicrosoftAccount, Registration
from apps.sandbox.store.model import (
    Account,
    Attendee,
    Change,
    Folder,
    Found,
    Item,
    Mail,
    Mailbox,
    Organisation,
    Person,
    PropertyName,
    RoomList,
    StoreEvent,
    SyncPage,
)


class Store(Identities):
    """All organisations of one sandbox.

    Built in layers, each a module: `state` (lock, clock, listeners), `directory` (organisations, accounts,
    mailboxes), `items` (folders and what lies in them), `sync` (sync states), `meetings` (mail between mailboxes),
    `identity` (Microsoft accounts, consents, tokens).
    """


__all__ = [
    "Account",
    "Attendee",
    "Change",
    "EnterpriseApp",
    "Folder",
    "Found",
    "Item",
    "Mail",
    "Mailbox",
    "MicrosoftAccount",
    "Organisation",
    "Person",
    "PropertyName",
    "Registration",
    "RoomList",
    "Store",
    "StoreError",
    "StoreEvent",
    "SyncPage",
]
