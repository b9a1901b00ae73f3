"""Delta tokens: opaque for who gets them, signed, and whole: window, page size and place are all in them."""

from __future__ import annotations

import base64
import binascii
import datetime as dt
import hashlib
import hmac
import json
import zlib
from dataclasses import dataclass
from typing import Any

from apps.sandbox.graph.errors import bad

# It keeps a token from being made up by mistake; there is nothing here to be kept secret.
_KEY = b"A sandbox's delta tokens"
_SIGNATURE = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """How far a client has read a view.

    `seen`: the folder's number that the round goes from (or, of a first round, began at). `at`: the place amid a round,
    as (order, rows given of what stands there); None before its first page. `pages`: how many pages it gave.
    """

    folder: str
    epoch: int
    start: dt.datetime
    end: dt.datetime
    size: int
    seen: int
    is_first: bool
    at: tuple[int, int] | None = None
    pages: int = 0


def written(token: Token) -> str:
    """Write a token."""
    held = [
        token.folder,
        token.epoch,
        token.start.isoformat(),
        token.end.isoformat(),
        token.size,
        token.seen,
        token.is_first,
        token.at,
        token.pages,
    ]
    body = zlib.compress(json.dumps(held).encode())
    return base64.urlsafe_b64encode(_sign(body) + body).decode().rstrip("=")


def read(text: str) -> Token:
    """Read it again. Raises GraphError for one that was not made here, or was changed."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        body = raw[_SIGNATURE:]
        if not hmac.compare_digest(raw[:_SIGNATURE], _sign(body)):
            raise bad("Badly formed token.", "ErrorInvalidUrlQuery")
        held: list[Any] = json.loads(zlib.decompress(body))
    except (binascii.Error, ValueError, zlib.error):
        raise bad("Badly formed token.", "ErrorInvalidUrlQuery") from None
    folder, epoch, start, end, size, seen, is_first, at, pages = held
    return Token(
        folder=folder,
        epoch=epoch,
        start=dt.datetime.fromisoformat(start),
        end=dt.datetime.fromisoformat(end),
        size=size,
        seen=seen,
        is_first=is_first,
        at=None if at is None else (at[0], at[1]),
        pages=pages,
    )


def _sign(body: bytes) -> bytes:
    return hmac.new(_KEY, body, hashlib.sha256).digest()[:_SIGNATURE]
