"""Graph's ids: those that change when an item moves, those that do not, and object ids.

A REST id is the id of EWS in the alphabet of URLs. An immutable id is made of the id that an item got first.
Source: learn.microsoft.com/graph/outlook-immutable-id and /graph/api/user-translateexchangeids.
"""

from __future__ import annotations

import base64
import binascii
import struct
import uuid
from typing import TYPE_CHECKING

from apps.sandbox.store import StoreError, ids

if TYPE_CHECKING:
    from apps.sandbox.store import Item, Mailbox, Store

IMMUTABLE_HEAD = b"\x00\x09\x00\x2e"


def rest(ews_id: str) -> str:
    """Write an id of EWS, of an item or a folder, as a REST id."""
    return ews_id.replace("/", "-").replace("+", "_")


def ews(rest_id: str) -> str:
    """Write a REST id as EWS does."""
    return rest_id.replace("-", "/").replace("_", "+")


def shown(item: Item, *, immutable: bool) -> str:
    """Give the id of an item, or of one occurrence, in the form that was asked for."""
    if not immutable:
        return rest(item.id)
    stored, index = ids.split(item.id)
    return of_first(item.first_id or stored, index)


def of_first(first_id: str, index: int = 0) -> str:
    """Make the immutable id of what got this id first, or of one of its occurrences."""
    whole = ids.occurrence_id(first_id, index) if index else first_id
    raw = base64.b64decode(whole)
    return rest(base64.b64encode(IMMUTABLE_HEAD + raw[len(IMMUTABLE_HEAD) :]).decode())


def found(store: Store, given: str) -> Item:
    """Read an item by either form of its id. Raises StoreError, among it ErrorInvalidIdMalformed."""
    return store.item(stored(store, given))


def stored(store: Store, given: str) -> str:
    """Turn either form of an id into the one that the store knows now. Raises StoreError ErrorInvalidIdMalformed."""
    raw = _raw(given)
    if not raw.startswith(IMMUTABLE_HEAD):
        ids.split(ews(given))
        return ews(given)
    first = ids.ITEM_HEAD + raw[len(ids.ITEM_HEAD) :]
    stored_id, index = ids.split(base64.b64encode(first).decode())
    now = store.id_now(stored_id)
    return ids.occurrence_id(now, index) if index else now


def of_ews(store: Store, ews_id: str, *, immutable: bool) -> str:
    """Write an id of EWS in a form of Graph, of what has left its folder too, as notifications tell of it."""
    if not immutable:
        return rest(ews_id)
    try:
        return shown(store.item(ews_id), immutable=True)
    except StoreError:
        return of_first(store.first_id_of(ews_id))


def occurrence_key(master: str, day: str) -> str:
    """Name an occurrence as `cancelledOccurrences` does: by its master's id and the day of its original start."""
    return f"OID.{master}.{day}"


def object_id(store: Store, mailbox: Mailbox) -> str:
    """Give the directory's id of the user behind a mailbox: that of its account, or one made of the mailbox's id."""
    accounts = store.organisation(mailbox.organisation).microsoft_accounts
    account = accounts.get(mailbox.address.lower())
    return account.oid if account else str(uuid.UUID(hex=mailbox.id))


def entry_id(ews_id: str) -> str:
    """Write an id as MAPI's binary ones are: in base64 for URLs, with the number of padding characters at the end."""
    return _binary(base64.b64decode(ews_id))


def immutable_entry_id(rest_id: str) -> str:
    """Write an immutable id in the binary form."""
    return _binary(_raw(rest_id))


def from_entry_id(entry: str) -> str:
    """Read the binary form of either kind, as a REST id. Raises StoreError ErrorInvalidIdMalformed."""
    try:
        raw = base64.urlsafe_b64decode(entry[:-1] + "=" * int(entry[-1:]))
    except ValueError:
        raise StoreError("ErrorInvalidIdMalformed", "Id is malformed.") from None
    return rest(base64.b64encode(raw).decode())


def _binary(raw: bytes) -> str:
    written = base64.urlsafe_b64encode(raw).decode()
    plain = written.rstrip("=")
    return f"{plain}{len(written) - len(plain)}"


def _raw(given: str) -> bytes:
    try:
        return base64.b64decode(ews(given), validate=True)
    except (binascii.Error, ValueError, struct.error):
        raise StoreError("ErrorInvalidIdMalformed", "Id is malformed.") from None
