"""Settings that work badly together are refused at the start."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.core import checks

from apps.sync.checks import check_sync_settings

BASE_DIR = Path(__file__).resolve().parent.parent.parent


def ids() -> list[str | None]:
    return [message.id for message in check_sync_settings()]


def test_settings_as_they_are_pass() -> None:
    assert ids() == []
    assert check_sync_settings in list[object](checks.registry.registry.get_checks())


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [
        ("SYNC_LEASE_S", 70, "sync.E001"),
        ("EXCHANGE_READ_TIMEOUT_S", 140, "sync.E001"),
        ("SYNC_WORKS_FOR_S", 80, "sync.E002"),
        ("SYNC_CREATE_SETTLES_S", 40, "sync.E004"),
        ("SYNC_STALE_AFTER_S", 130, "sync.E005"),
        ("SYNC_EVERY_S", 800, "sync.E005"),
        ("SYNC_EVERY_WITH_PUSH_S", 800, "sync.E005"),
        ("MICROSOFT_NOTIFICATION_URL", "http://sync.example.com", "sync.E006"),
        ("MICROSOFT_NOTIFICATION_URL", "sync.example.com", "sync.E006"),
    ],
)
def test_settings_that_work_badly_together_are_refused(
    settings: Any, name: str, value: int | str, error: str
) -> None:
    setattr(settings, name, value)

    messages = [message for message in check_sync_settings() if message.id == error]

    assert len(messages) == 1
    assert name in f"{messages[0].msg} {messages[0].hint}"


@pytest.mark.parametrize(
    "url", ["", "https://sync.example.com", "http://127.0.0.1:8000", "http://[::1]:8000"]
)
def test_microsoft_calls_over_tls_or_on_this_machine(settings: Any, url: str) -> None:
    settings.MICROSOFT_NOTIFICATION_URL = url

    assert ids() == []


def test_retry_that_is_shorter_than_the_queue_is_refused(settings: Any) -> None:
    settings.Q_CLUSTER = {**settings.Q_CLUSTER, "workers": 1, "queue_limit": 2, "retry": 400}

    assert ids() == ["sync.E003"]


@pytest.mark.parametrize(("workers", "timeout"), [(1, 120), (2, 120), (3, 60), (16, 300)])
def test_retry_follows_from_workers_and_timeout(workers: int, timeout: int) -> None:
    script = "from optixsync.settings import Q_CLUSTER as q; print(q['retry'], q['queue_limit'])"
    told = subprocess.run(
        [sys.executable, "-c", script],
        cwd=BASE_DIR,
        env={"WORKERS": str(workers), "TASK_TIMEOUT_S": str(timeout)},
        capture_output=True,
        text=True,
        check=True,
    )
    retry, queue_limit = map(int, told.stdout.split())

    assert retry > timeout * (math.ceil((queue_limit + 1) / workers) + 1)
