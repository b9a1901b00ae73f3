"""The worker ends with all its children, in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django_q.models import OrmQ
from django_q.tasks import async_task

from tests.conftest import ENCRYPTION_KEY
from tests.running.cluster import BASE_DIR, database_url, descendants


@pytest.mark.django_db(transaction=True)
def test_worker_works_and_leaves_nothing_behind_after_sigterm() -> None:
    env = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "WORKER_STOP_S": "4",
        "FIELD_ENCRYPTION_KEYS": ENCRYPTION_KEY,
    }
    subprocess.run(
        [sys.executable, "manage.py", "createcachetable"], cwd=BASE_DIR, env=env, check=True
    )
    async_task("time.sleep", 0)
    worker = subprocess.Popen(
        [sys.executable, "manage.py", "worker"], cwd=BASE_DIR, env=env, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 30
        while OrmQ.objects.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not OrmQ.objects.exists()
        everyone = descendants(worker.pid)
        assert len(everyone) >= 4
    finally:
        # To the whole group, as a process manager does.
        os.killpg(worker.pid, signal.SIGTERM)
        status = worker.wait(timeout=20)

    assert status == 0
    assert [pid for pid in everyone if Path(f"/proc/{pid}").exists()] == []
