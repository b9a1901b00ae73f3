"""What was asked of the server: one line a request, for tests and benchmarks to count."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import asdict, dataclass, field
from typing import Any

MOST_KEPT = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One request. `status` 0: it got no answer. `codes`: response codes other than NoError. `in_batch`: one of a `$batch`."""

    operation: str
    mailbox: str
    account: str
    status: int
    codes: tuple[str, ...]
    ms: float
    in_batch: bool = False


@dataclass
class RequestLog:
    """The latest requests, in order of their answers."""

    _lines: deque[Line] = field(default_factory=lambda: deque(maxlen=MOST_KEPT))
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, line: Line) -> None:
        """Note a request."""
        with self._lock:
            self._lines.append(line)

    def lines(self, operation: str = "") -> list[Line]:
        """List what was asked, or only one operation."""
        with self._lock:
            return [line for line in self._lines if operation in {"", line.operation}]

    def forget(self) -> None:
        """Count from nought again."""
        with self._lock:
            self._lines.clear()

    def as_json(self) -> list[dict[str, Any]]:
        """Show all lines."""
        return [asdict(line) for line in self.lines()]
