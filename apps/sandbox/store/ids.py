"""Ids and change keys: opaque and case-sensitive for who gets them, readable for the store."""

from __future__ import annotations

import base64
import binascii
import struct

from apps.sandbox.store.errors import StoreError

ITEM_HEAD = b"\x00\x05\x0c\x00"
KEY_HEAD = b"\x0f\x00\x00\x00\x16"
ITEM_LENGTH = 48  # head 4, mailbox 16, folder 8, random 20
OCCURRENCE_LENGTH = 54  # the master's, a mark of 2 bytes, the number in 4
MARK = b"OC"


def encode(raw: bytes) -> str:
    """Write bytes as an id."""
    return base64.b64encode(raw).decode("ascii")


def item_id(mailbox_id: str, folder_id: str, random: bytes) -> str:
    """Make the id of an item in a folder."""
    folder = _decode(folder_id)[-8:]
    return encode(ITEM_HEAD + bytes.fromhex(mailbox_id) + folder + random[:20])


def folder_id(mailbox_id: str, random: bytes) -> str:
    """Make the id of a folder."""
    return encode(b"\x00\x05\x0f" + bytes.fromhex(mailbox_id) + random[:11])


def occurrence_id(master_id: str, index: int) -> str:
    """Make the id of one occurrence of a series."""
    return encode(_decode(master_id) + MARK + struct.pack(">I", index))


def split(given: str) -> tuple[str, int]:
    """Take an item's id apart into the id of the stored item and an occurrence's number (0: none).

    Raises StoreError ErrorInvalidIdEmpty or ErrorInvalidIdMalformed.
    """
    if not given:
        raise StoreError("ErrorInvalidIdEmpty", "Id must be non-empty.")
    raw = _decode(given)
    if not raw.startswith(ITEM_HEAD) or len(raw) not in {ITEM_LENGTH, OCCURRENCE_LENGTH}:
        raise StoreError("ErrorInvalidIdMalformed", "Id is malformed.")
    if len(raw) == ITEM_LENGTH:
        return given, 0
    (index,) = struct.unpack(">I", raw[-4:])
    return encode(raw[:ITEM_LENGTH]), index


def change_key(revision: int, random: bytes) -> str:
    """Make the change key of what was written at a revision of the store."""
    return encode(KEY_HEAD + random[:11] + struct.pack(">Q", revision))


def revision_of(key: str) -> int:
    """Read the revision back. Raises StoreError ErrorInvalidChangeKey."""
    try:
        raw = base64.b64decode(key, validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if not raw.startswith(KEY_HEAD) or len(raw) != 24:  # noqa: PLR2004 -- head 5, random 11, revision 8
        raise StoreError("ErrorInvalidChangeKey", "The change key is invalid.")
    return int(struct.unpack(">Q", raw[-8:])[0])


def _decode(given: str) -> bytes:
    try:
        return base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError) as exc:
        raise StoreError("ErrorInvalidIdMalformed", "Id is malformed.") from exc
