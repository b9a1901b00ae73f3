"""Notifications on their way: threads of their own send them, one for each address, so that nobody waits for a slow one.

Source: GD/concepts/change-notifications-delivery-webhooks.md. What is not answered with 2xx within the patience is sent
again after growing gaps, about four hours in all, and then lost. They leave to loopback alone.
"""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode, urlsplit

import requests

LOOPBACK_NAMES = frozenset({"127.0.0.1", "localhost", "::1"})
MOST_REMEMBERED = 10_000

Note = dict[str, Any]


class HandshakeFailed(Exception):
    """An address did not answer as one that wants notifications must."""


@dataclass
class Settings:
    """Lengths of time in seconds, so that tests can shorten them. `together`: what comes so soon goes in one POST."""

    patience: float = 10.0
    together: float = 0.05
    gaps: tuple[float, ...] = (10, 30, 60, 300, 900, 1800, 3600, 3600, 3600)
    most_in_one: int = 100


@dataclass(frozen=True, slots=True)
class Post:
    """A POST that left: where to, how many notifications it had, and what came back (0: nothing)."""

    address: str
    notes: int
    status: int


@dataclass(order=True, slots=True)
class _Parcel:
    due: float
    number: int
    tries: int = field(compare=False)
    notes: list[Note] = field(compare=False)


def is_loopback(address: str) -> bool:
    """Tell whether an address leads to this machine, by its name alone: nothing is looked up."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and parts.hostname in LOOPBACK_NAMES


class Sender:
    """All that is on its way. `posts` are the latest that left; `lost` counts notifications that were given up."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.settings = settings or Settings()
        self.posts: deque[Post] = deque(maxlen=MOST_REMEMBERED)
        self.lost = 0
        self._lanes: dict[str, _Lane] = {}
        self._lock = threading.Lock()

    def send(self, address: str, note: Note, *, after: float = 0) -> None:
        """Let a notification leave soon, or after some seconds; answers at once."""
        with self._lock:
            lane = self._lanes.get(address)
            if lane is None:
                lane = self._lanes[address] = _Lane(self, address)
        lane.add(note, after)

    def is_idle(self) -> bool:
        """Tell whether nothing is on its way."""
        with self._lock:
            return all(lane.is_idle() for lane in self._lanes.values())

    def stop(self) -> None:
        """Send nothing any more."""
        with self._lock:
            for lane in self._lanes.values():
                lane.stop()

    def post(self, address: str, *, json: Any = None, text: bool = False) -> requests.Response:
        """POST to an address of this machine. Raises requests' RequestException, and ValueError for any other."""
        if not is_loopback(address):
            raise ValueError(address)
        with requests.Session() as session:
            session.trust_env = False
            headers = {"Content-Type": "text/plain; charset=utf-8"} if text else {}
            return session.post(
                address,
                json=json,
                headers=headers,
                timeout=self.settings.patience,
                allow_redirects=False,
            )

    def shake_hands(self, address: str, token: str) -> None:
        """Have an address prove that it wants notifications. Raises HandshakeFailed with Graph's words."""
        joint = "&" if urlsplit(address).query else "?"
        try:
            answer = self.post(
                f"{address}{joint}{urlencode({'validationToken': token})}", text=True
            )
        except requests.Timeout as error:
            raise HandshakeFailed("Subscription validation request timed out.") from error
        except (requests.RequestException, ValueError) as error:
            raise HandshakeFailed(
                "Subscription validation request failed. The notification endpoint cannot be reached."
            ) from error
        if answer.status_code != HTTPStatus.OK:
            raise HandshakeFailed(
                "Subscription validation request failed. Notification endpoint must respond with 200 OK to validation "
                "request."
            )
        is_plain = answer.headers.get("Content-Type", "").lower().startswith("text/plain")
        if not is_plain or answer.content.decode("utf-8", "replace") != token:
            raise HandshakeFailed(
                "Subscription validation request failed. Validation token in the response does not match, or is not "
                "text/plain."
            )


class _Lane:
    """What goes to one address, in a thread that begins with the first notification."""

    def __init__(self, sender: Sender, address: str) -> None:
        self._sender = sender
        self._address = address
        self._waiting: list[_Parcel] = []
        self._is_sending = False
        self._is_stopped = False
        self._numbers = itertools.count()
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="notifications", daemon=True).start()

    def add(self, note: Note, after: float) -> None:
        with self._changed:
            due = time.monotonic() + max(after, self._sender.settings.together)
            heapq.heappush(self._waiting, _Parcel(due, next(self._numbers), 0, [note]))
            self._changed.notify()

    def is_idle(self) -> bool:
        with self._changed:
            return not self._waiting and not self._is_sending

    def stop(self) -> None:
        with self._changed:
            self._is_stopped = True
            self._waiting.clear()
            self._changed.notify()

    def _run(self) -> None:
        while (parcel := self._next()) is not None:
            status = self._send(parcel.notes)
            with self._changed:
                self._is_sending = False
                if not 200 <= status < 300:  # noqa: PLR2004 -- 2xx
                    self._again(parcel)

    def _next(self) -> _Parcel | None:
        """Wait for what is due; what is new and due goes together."""
        with self._changed:
            while not self._is_stopped:
                wait = self._waiting[0].due - time.monotonic() if self._waiting else None
                if wait is not None and wait <= 0:
                    self._is_sending = True
                    return self._taken()
                self._changed.wait(wait)
        return None

    def _taken(self) -> _Parcel:
        first = heapq.heappop(self._waiting)
        if first.tries:
            return first
        now, most = time.monotonic(), self._sender.settings.most_in_one
        while (
            self._waiting
            and len(first.notes) < most
            and not self._waiting[0].tries
            and self._waiting[0].due <= now + self._sender.settings.together
        ):
            first.notes += heapq.heappop(self._waiting).notes
        return first

    def _send(self, notes: list[Note]) -> int:
        try:
            status = self._sender.post(self._address, json={"value": notes}).status_code
        except (requests.RequestException, ValueError):
            status = 0
        self._sender.posts.append(Post(self._address, len(notes), status))
        return status

    def _again(self, parcel: _Parcel) -> None:
        gaps = self._sender.settings.gaps
        if parcel.tries >= len(gaps):
            self._sender.lost += len(parcel.notes)
            return
        if self._is_stopped:
            return
        due = time.monotonic() + gaps[parcel.tries]
        heapq.heappush(
            self._waiting, _Parcel(due, next(self._numbers), parcel.tries + 1, parcel.notes)
        )
