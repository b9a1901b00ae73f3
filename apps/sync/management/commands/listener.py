from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand

from apps.sync.listener import Listener


class Command(BaseCommand):
    help = "Hear from mail servers when a calendar changes, until SIGTERM or SIGINT."

    def handle(self, *args: Any, **options: Any) -> None:
        listener = Listener()

        def stop(_number: int, _frame: object) -> None:
            listener.is_stopping = True

        signal.signal(signal.SIGTERM, stop)
        signal.signal(signal.SIGINT, stop)
        listener.run()
