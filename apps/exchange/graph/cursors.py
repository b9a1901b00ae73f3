"""The cursors of a mailbox over Graph: a link of a delta, or what a calendar showed. Pure.

Each carries the address that it is for: Graph would follow another mailbox's link without a word.
A link is kept without its origin, so that no stored text says where a token goes.
"""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import json
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from apps.exchange.calendar import Window
from apps.exchange.graph.mapping import change_key, item_id, text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from apps.exchange.graph.mapping import Row

_DELTA, _SHOWN = "delta", "shown"
# Of what an item's versions come to: two that differ are told apart but once in 2 ** 48.
_DIGITS = 12
# A cursor larger than this when unpacked was not made here.
_LARGEST = 16 * 1024 * 1024


class NoCursor(ValueError):
    """It was not made here, or not for this mailbox."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What a window showed: item id -> digest of its versions.

    For calendars whose delta the account may not read: the view is compared with the one before.
    """

    window: Window
    digests: Mapping[str, str] = field(default_factory=dict)


def of_link(email: str, link: str) -> str:
    """From a nextLink or a deltaLink, without its origin."""
    return f"{_DELTA} {email.lower()} {link}"


def of_shown(email: str, shown: Shown) -> str:
    window = [shown.window.starts_at.isoformat(), shown.window.ends_at.isoformat()]
    packed = zlib.compress(json.dumps([window, shown.digests], separators=(",", ":")).encode(), 9)
    return f"{_SHOWN} {email.lower()} {base64.b64encode(packed).decode()}"


def read(cursor: str, email: str) -> str | Shown:
    """The link, or what was shown.

    Raises:
        NoCursor.
    """
    kind, _, rest = cursor.partition(" ")
    owner, _, held = rest.partition(" ")
    if owner != email.lower():
        raise NoCursor
    if kind == _DELTA and held.lower().startswith("/users") and not set(held) & set(" \\\r\n\t"):
        return held
    if kind == _SHOWN:
        return _unpacked(held)
    raise NoCursor


def digests(rows: Iterable[Row]) -> dict[str, str]:
    """What each item's versions come to; rows are as a view shows them."""
    found: dict[str, list[str]] = {}
    for row in rows:
        if item_id(row):
            found.setdefault(item_id(row), []).append(f"{text(row, 'id')} {change_key(row)}")
    return {
        one: hashlib.sha256("\n".join(sorted(versions)).encode()).hexdigest()[:_DIGITS]
        for one, versions in found.items()
    }


def _unpacked(held: str) -> Shown:
    try:
        raw = zlib.decompressobj().decompress(base64.b64decode(held, validate=True), _LARGEST)
        (starts_at, ends_at), told = json.loads(raw)
        window = Window(dt.datetime.fromisoformat(starts_at), dt.datetime.fromisoformat(ends_at))
        return Shown(window, {str(name): str(value) for name, value in told.items()})
    except (binascii.Error, zlib.error, ValueError, TypeError, AttributeError) as error:
        raise NoCursor from error
