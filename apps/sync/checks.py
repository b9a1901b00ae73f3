"""Settings that would work badly together are refused at the start, in words."""

from __future__ import annotations

import math
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error

from apps.sync import lease
from apps.sync.dispatch import JITTER


def check_sync_settings(**_kwargs: Any) -> list[CheckMessage]:
    """Every rule between two settings that the engine leans on."""
    return [
        *_lease_outlasts_a_write(),
        *_task_outlasts_its_work(),
        *_retry_waits_for_the_queue(),
        *_create_settles_after_its_answer(),
        *_stale_comes_after_the_next_sync(),
        *_notifications_come_over_tls(),
    ]


def _lease_outlasts_a_write() -> list[CheckMessage]:
    """Otherwise no write could ever leave."""
    needs = lease.write_needs()
    if lease.length() > needs:
        return []
    return [
        Error(
            f"SYNC_LEASE_S is {settings.SYNC_LEASE_S}, and a write needs "
            f"{needs.total_seconds():.0f} seconds of lease.",
            hint="Make it longer than EXCHANGE_CONNECT_TIMEOUT_S, EXCHANGE_READ_TIMEOUT_S and "
            "SYNC_WRITE_MARGIN_S together.",
            id="sync.E001",
        )
    ]


def _task_outlasts_its_work() -> list[CheckMessage]:
    """Otherwise tasks are ended in the middle, each time, instead of going on in another."""
    longest = settings.SYNC_WORKS_FOR_S + _answer_s()
    if settings.Q_CLUSTER["timeout"] > longest:
        return []
    return [
        Error(
            f"TASK_TIMEOUT_S is {settings.Q_CLUSTER['timeout']}, and a task may work {longest} "
            "seconds.",
            hint="Make it longer than SYNC_WORKS_FOR_S, EXCHANGE_CONNECT_TIMEOUT_S and "
            "EXCHANGE_READ_TIMEOUT_S together.",
            id="sync.E002",
        )
    ]


def _retry_waits_for_the_queue() -> list[CheckMessage]:
    """Otherwise a task that waits in the queue is handed out a second time."""
    cluster = settings.Q_CLUSTER
    ahead = math.ceil((cluster["queue_limit"] + 1) / cluster["workers"])
    needs = cluster["timeout"] * (ahead + 1)
    if cluster["retry"] > needs:
        return []
    return [
        Error(
            f"Q_CLUSTER has a retry of {cluster['retry']} seconds; with {cluster['workers']} "
            f"workers it must be more than {needs}.",
            hint="retry > timeout x (ceil((queue_limit + 1) / workers) + 1)",
            id="sync.E003",
        )
    ]


def _create_settles_after_its_answer() -> list[CheckMessage]:
    """Otherwise an event is sent again while the first try may still be under way."""
    if _answer_s() < settings.SYNC_CREATE_SETTLES_S:
        return []
    return [
        Error(
            f"SYNC_CREATE_SETTLES_S is {settings.SYNC_CREATE_SETTLES_S}, and an answer may take "
            f"{_answer_s()} seconds.",
            hint="Make it longer than EXCHANGE_CONNECT_TIMEOUT_S and EXCHANGE_READ_TIMEOUT_S "
            "together; 300 is what the wires were judged by.",
            id="sync.E004",
        )
    ]


def _stale_comes_after_the_next_sync() -> list[CheckMessage]:
    """Otherwise every calendar is shown as unknown between two syncs."""
    # The dispatcher looks once a minute.
    longest = max(settings.SYNC_EVERY_S, settings.SYNC_EVERY_WITH_PUSH_S)
    latest = longest * (1 + JITTER) + 60
    if latest < settings.SYNC_STALE_AFTER_S:
        return []
    return [
        Error(
            f"SYNC_STALE_AFTER_S is {settings.SYNC_STALE_AFTER_S}, and the next sync may begin "
            f"{latest:.0f} seconds after the last one.",
            hint="Make it longer, or SYNC_EVERY_S and SYNC_EVERY_WITH_PUSH_S shorter.",
            id="sync.E005",
        )
    ]


def _notifications_come_over_tls() -> list[CheckMessage]:
    """Microsoft calls nothing else; a small one on this machine, as the demo has, may do without."""
    told = settings.MICROSOFT_NOTIFICATION_URL
    parts = urlsplit(told)
    is_here = parts.hostname in {"127.0.0.1", "localhost", "::1"}
    if not told or parts.scheme == "https" or (parts.scheme == "http" and is_here):
        return []
    return [
        Error(
            "MICROSOFT_NOTIFICATION_URL does not begin with https://.",
            hint="Leave it empty where Microsoft reaches us at PUBLIC_URL; http:// is for addresses "
            "of this machine alone.",
            id="sync.E006",
        )
    ]


def _answer_s() -> int:
    return int(settings.EXCHANGE_CONNECT_TIMEOUT_S + settings.EXCHANGE_READ_TIMEOUT_S)
