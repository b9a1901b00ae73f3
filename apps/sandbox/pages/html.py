"""What pages are made of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Response:
    """An answer for the server to send."""

    status: int
    headers: dict[str, str]
    body: bytes
