"""Empty the demo's database."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.db import connection


class Command(BaseCommand):
    help = "Delete all rows of a database that the demo filled; any other is refused."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("demo_check")
        with connection.cursor() as cursor:
            if not connection.introspection.table_names(cursor):
                self.stdout.write("The database is empty already.")
                return
        call_command("flush", interactive=False, verbosity=0)
        self.stdout.write("Demo data deleted.")
