from __future__ import annotations

from django.apps import AppConfig


class ExchangeConfig(AppConfig):
    name = "apps.exchange"
    label = "exchange"
    verbose_name = "Exchange"

    def ready(self) -> None:
        from apps.exchange import (  # noqa: PLC0415 -- they register themselves
            checks,  # noqa: F401
            microsoft_checks,  # noqa: F401
            network_checks,  # noqa: F401
        )
