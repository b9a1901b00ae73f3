"""The worker ends with all its children, in time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection
from django_q.models import OrmQ
from django_q.tasks import async_task

from tests.conftest import ENCRYPTION_KEY

BASE_DIR = Path(__file__).resolve().parent.parent.parent


def descendants(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(one) for one in children] + [d for one in children for d in descendants(int(one))]


@pytest.mark.django_db(transaction=True)
def test_worker_works_and_leaves_nothing_behind_after_sigterm() -> None:
    settings = connection.settings_dict
    url = f"postgresql://postgres@/{settings['NAME']}?host={settings['OPTIONS'].get('host', '')}"
    if settings["HOST"]:
        url = (
            f"postgresql://{settings['USER']}:{settings['PASSWORD']}@{settings['HOST']}"
            f":{settings['PORT'] or 5432}/{settings['NAME']}"
        )
    env = {
        **os.environ,
        "DATABASE_URL": url,
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
