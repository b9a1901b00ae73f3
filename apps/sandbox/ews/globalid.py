"""PidLidGlobalObjectId: the binary form of a UID, by which Exchange lets meetings be searched.

Source: MS-OXOCAL 2.2.1.27. A UID that Outlook made is this blob in hexadecimal; any other is wrapped as "vCal-Uid".
"""

from __future__ import annotations

import base64
import struct
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import datetime as dt

ARRAY_ID = bytes.fromhex("040000008200E00074C5B7101A82E008")
_VCAL = b"vCal-Uid\x01\x00\x00\x00"


@lru_cache(maxsize=65536)
def of_uid(uid: str) -> str:
    """Give the property's value for a UID, in base64."""
    return base64.b64encode(_blob(uid)).decode()


@lru_cache(maxsize=65536)
def of_occurrence(uid: str, day: dt.date) -> str:
    """Give the UID of one occurrence, as Graph shows it: the blob in hexadecimal, with the day of its original start."""
    blob, place = _blob(uid), len(ARRAY_ID)
    stamp = struct.pack(">HBB", day.year, day.month, day.day)
    return (blob[:place] + stamp + blob[place + len(stamp) :]).hex().upper()


def _blob(uid: str) -> bytes:
    if uid.upper().startswith(ARRAY_ID.hex().upper()):
        try:
            return bytes.fromhex(uid)
        except ValueError:
            pass
    data = _VCAL + uid.encode() + b"\x00"
    return ARRAY_ID + bytes(20) + struct.pack("<I", len(data)) + data
