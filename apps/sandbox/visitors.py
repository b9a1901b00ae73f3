"""Who may come: what has no sign-in is for this machine alone, and no other site's page may post here.

A page in the same browser can send requests to loopback, and a name of its owner's can be made to lead here. So the
name in `Host` must be one of loopback's, and what changes something must not come from a page of another site.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from email.message import Message

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
CHANGING = frozenset({"POST", "PATCH", "DELETE"})


def refusal(method: str, headers: Message[str, str], *, any_name: bool) -> str:
    """Say why a request is refused; empty: it is not. `any_name`: its place asks for a password, or tells nothing."""
    host = headers.get("Host", "")
    if not any_name and _name(host) not in LOOPBACK_NAMES:
        return "The sandbox answers on this machine alone: use http://127.0.0.1 and its port."
    if method in CHANGING and not _is_from_here(host, headers):
        return "A page of another site sent this. Use the sandbox's own pages."
    return ""


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""


def _is_from_here(host: str, headers: Message[str, str]) -> bool:
    """Browsers tell where a request comes from; what tells nothing is no browser."""
    if (origin := headers.get("Origin")) is not None:
        return origin.lower() == f"http://{host}".lower()
    referer = headers.get("Referer")
    return referer is None or referer.lower().startswith(f"http://{host}/".lower())
