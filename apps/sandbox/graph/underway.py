"""How much at once: four requests of an application in one mailbox, no more. Source: learn.microsoft.com/graph/throttling-limits."""

from __future__ import annotations

import threading
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING

from apps.sandbox.graph.errors import GraphError

if TYPE_CHECKING:
    from collections.abc import Iterator

AT_ONCE = 4
WAIT_S = 1  # what Retry-After says to who asks too much at once


class Underway:
    """How many requests of an application are under way in each mailbox: at most four are allowed."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str]] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def one(self, app: str, mailbox: str, batched: Counter[str] | None = None) -> Iterator[None]:
        """Count a request while it runs. Raises GraphError ApplicationThrottled for the fifth at once.

        Requests of a batch that run at the same time are all counted in `batched`; what is in no mailbox is not counted.
        """
        if not mailbox:
            yield
            return
        if batched is not None:
            batched[mailbox] += 1
            if batched[mailbox] > AT_ONCE:
                raise throttled()
        key = (app, mailbox)
        with self._lock:
            if self._counts[key] >= AT_ONCE:
                raise throttled()
            self._counts[key] += 1
        try:
            yield
        finally:
            with self._lock:
                self._counts[key] -= 1


def throttled(seconds: float | None = WAIT_S) -> GraphError:
    """Make a 429, with or without word of how long to wait."""
    headers = {} if seconds is None else {"Retry-After": f"{seconds:g}"}
    return GraphError("ApplicationThrottled", headers=headers)
