from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.core import checks
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class SyncConfig(AppConfig):
    name = "apps.sync"
    label = "sync"
    verbose_name = _("Sync")

    def ready(self) -> None:
        from apps.bookings.signals import booking_changed  # noqa: PLC0415 -- after the app registry
        from apps.exchange.signals import connection_works  # noqa: PLC0415 -- the same
        from apps.sync.checks import check_sync_settings  # noqa: PLC0415

        checks.register(check_sync_settings)
        booking_changed.connect(_nudge, dispatch_uid="sync.nudge")
        connection_works.connect(_hurry, dispatch_uid="sync.hurry")
        # After every migrate, so that no start can forget it.
        post_migrate.connect(_setup_schedules, sender=self, dispatch_uid="sync.schedules")


def _nudge(resource_ids: list[int], **_kwargs: Any) -> None:
    from apps.sync.dispatch import nudge  # noqa: PLC0415

    nudge(resource_ids)


def _hurry(connection_id: int, **_kwargs: Any) -> None:
    from apps.sync.dispatch import hurry  # noqa: PLC0415

    hurry(connection_id)


def _setup_schedules(**_kwargs: Any) -> None:
    from apps.sync import schedules  # noqa: PLC0415

    schedules.setup()
