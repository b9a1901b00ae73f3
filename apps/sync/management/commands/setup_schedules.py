from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from apps.sync import schedules


class Command(BaseCommand):
    help = "Write the schedules of the sync into the database; every migrate does it too."

    def handle(self, *args: Any, **options: Any) -> None:
        schedules.setup()
        self.stdout.write(f"{len(schedules.SCHEDULES)} schedules are set up.")
