"""How a connection speaks to Microsoft Graph, and the HTTP sessions that are kept for each."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass, field
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING

import requests

from apps.exchange import transport

if TYPE_CHECKING:
    from apps.exchange.tokens import Tokens

# Whose rights count: the app's own, granted for all by an administrator, or those of one account.
ORGANISATION, ACCOUNT = "organisation", "account"
# Outlook serves four calls of an application on one mailbox at once, and refuses the fifth. Half of
# that leaves room for a second process that begins before the first one's call has ended.
CALLS_PER_MAILBOX = 2
# TCP connections that one of ours keeps open.
CONNECTIONS = 8


@dataclass(frozen=True, slots=True)
class GraphSettings:
    """Where Graph is, who asks, and whose rights count."""

    # Such as https://graph.microsoft.com, without the version.
    graph_url: str
    tokens: Tokens = field(repr=False, compare=False)
    access: str = ORGANISATION
    # Of the connection.
    key: str = ""
    calls_per_mailbox: int = CALLS_PER_MAILBOX

    @property
    def base_url(self) -> str:
        return f"{self.graph_url.rstrip('/')}/v1.0"


@dataclass(slots=True)
class Session:
    """What a process keeps of a connection: open sockets, and who is on the line to which mailbox."""

    graph_url: str
    http: requests.Session
    _calls: dict[str, threading.BoundedSemaphore] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def line_to(self, email: str, calls: int) -> threading.BoundedSemaphore:
        """What lets so many at once through to a mailbox."""
        with self._lock:
            return self._calls.setdefault(email.lower(), threading.BoundedSemaphore(calls))


_sessions: dict[str, Session] = {}
_lock = threading.Lock()


def session_for(settings: GraphSettings) -> Session:
    """The session of a connection: the same one as long as it goes to the same place.

    Raises:
        Misconfigured: a setting of the operator's that cannot be read.
    """
    with _lock:
        known = _sessions.get(settings.key)
        if known is not None and known.graph_url == settings.graph_url:
            return known
        made = Session(settings.graph_url, _http())
        _sessions[settings.key] = made
    if known is not None:
        known.http.close()
    return made


def _http() -> requests.Session:
    adapter = transport.Adapter(
        transport.policy(), pool_connections=1, pool_maxsize=CONNECTIONS, max_retries=0
    )
    made = transport.secured(requests.Session(), adapter)
    # Proofs of all tenants go over one session: none brings what another was told.
    made.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return made


def close_connection(key: str) -> None:
    """When a connection is uninstalled."""
    with _lock:
        known = _sessions.pop(key, None)
    if known is not None:
        known.http.close()


def close_connections() -> None:
    """At the end of a process."""
    with _lock:
        known = list(_sessions.values())
        _sessions.clear()
    for one in known:
        one.http.close()


def _begin_child() -> None:
    """What is open belongs to the parent alone, and another of its threads may hold the lock."""
    global _lock  # noqa: PLW0603 -- one a process
    _lock = threading.Lock()
    close_connections()


os.register_at_fork(after_in_child=_begin_child)
