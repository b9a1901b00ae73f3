"""A request as Graph and the identity platform get it: HTTP, read, and nothing more."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from email.message import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`path` as it was sent, without what the server took to find who answers (`/graph`, `/login`); `query` undecoded."""

    method: str
    path: str
    query: str
    headers: Message[str, str]
    body: bytes

    @property
    def arguments(self) -> dict[str, str]:
        """The query's arguments; of one that is given twice, the first."""
        return _first(self.query)

    @property
    def form(self) -> dict[str, str]:
        """What a form posted."""
        return _first(self.body.decode("utf-8", "replace"))


def _first(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text, keep_blank_values=True).items()}
