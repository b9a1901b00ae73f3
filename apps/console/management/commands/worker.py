"""Run django-q2's cluster where a signal to the whole group cannot break its clean stop.

Process managers signal groups; the cluster's main process ends its children itself, and hangs if
they are gone already. So the cluster gets a session of its own, and this parent passes signals on.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from typing import Any

from django.core.management.base import BaseCommand

PR_SET_PDEATHSIG = 1


class Command(BaseCommand):
    help = "Run the background tasks until SIGTERM or SIGINT."

    def handle(self, *args: Any, **options: Any) -> None:
        # What a killed task leaves undone is done again; orphans would not be noticed.
        patience = int(os.environ.get("WORKER_STOP_S", "60"))
        cluster = subprocess.Popen(  # noqa: S603 -- our own command
            [sys.executable, sys.argv[0], "qcluster"],
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 -- one thread, before exec
        )
        stopping: list[int] = []

        def pass_on(number: int, _frame: object) -> None:
            if not stopping:
                stopping.append(number)
                signal.alarm(patience)
            cluster.terminate()

        def give_up(_number: int, _frame: object) -> None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(cluster.pid, signal.SIGKILL)

        signal.signal(signal.SIGTERM, pass_on)
        signal.signal(signal.SIGINT, pass_on)
        signal.signal(signal.SIGALRM, give_up)
        status = cluster.wait()
        # While Python itself ends, an alarm would kill it: its handler is gone by then.
        signal.alarm(0)
        # What the main process did not end itself has nobody left to end it.
        give_up(0, None)
        sys.exit(0 if stopping else status)


def _die_with_parent() -> None:
    """A killed parent takes the cluster along (prctl(2)); on other systems, nothing."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
