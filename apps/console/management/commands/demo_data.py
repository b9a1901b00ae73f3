"""Fill in the demo's tenants."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand

from apps.console import demo


class Command(BaseCommand):
    help = "Fill in the demo's tenants, people, resources and bookings, where there are none."

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("demo_check")
        filled = demo.fill()
        self.stdout.write("Demo data filled in." if filled else "Demo data is there already.")
