"""Refuse a database that the demo did not fill; an empty one will do."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError, connection

from apps.tenants.models import Installation, Tenant, User


class Command(BaseCommand):
    help = "Exit with an error, in words, unless this database is empty or the demo's own."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        with connection.cursor() as cursor:
            tables = connection.introspection.table_names(cursor)
        if not tables:
            return
        if not self._is_demo(tables):
            name = connection.settings_dict["NAME"]
            raise CommandError(
                f"The demo did not fill the database “{name}”, so the demo leaves it alone. "
                "Point DATABASE_URL to an empty database, or unset it to use the embedded one."
            )

    def _is_demo(self, tables: list[str]) -> bool:
        ours = {model._meta.db_table for model in (Installation, Tenant, User)}
        if not ours <= set(tables):
            # Migrated halfway by a first start that was stopped: Django's own tables alone.
            return all(name.startswith(("django_", "auth_")) for name in tables)
        try:
            if Installation.objects.filter(is_demo=True).exists():
                return True
            return not (Tenant.objects.exists() or User.objects.exists())
        except DatabaseError:
            return False
