from __future__ import annotations

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    name = "apps.exchange"
    label = "exchange"
    verbose_name = "Exchange"

    def ready(self) -> None:
        from apps.exchange import checks, network_checks  # noqa: F401, PLC0415 -- they register themselves
