"""What is measured, and how it is told."""

from __future__ import annotations

import time
import tracemalloc
from typing import TYPE_CHECKING

from apps.sync import services

if TYPE_CHECKING:
    from collections.abc import Callable

    from apps.sync.models import CalendarLink


def sync(calendar: CalendarLink) -> None:
    """One run, that must end well."""
    report = services.sync_calendar(calendar.pk)
    assert report.outcome == "done", report  # noqa: S101 -- else nothing was measured


def seconds(of: Callable[[], object]) -> float:
    began = time.perf_counter()
    of()
    return time.perf_counter() - began


def cpu_seconds(of: Callable[[], object]) -> float:
    """Of this process alone, whatever else the machine does."""
    began = time.process_time()
    of()
    return time.process_time() - began


def megabytes(of: Callable[[], object]) -> float:
    """The most that it had at once beyond what was there before."""
    tracemalloc.start()
    of()
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return most / 1e6


def told(requests: list[str]) -> str:
    """How often each was asked, in the order in which they came first."""
    return ", ".join(f"{name} {requests.count(name)}" for name in dict.fromkeys(requests))
