from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps
from django.utils.translation import gettext_lazy as _


class ConsoleConfig(AppConfig):
    name = "apps.console"
    verbose_name = _("Console")
    default = True

    def ready(self) -> None:
        from apps.console import checks  # noqa: F401, PLC0415 -- registers the system checks


class ConsoleAdminConfig(admin_apps.AdminConfig):
    """Django's admin with our site in the place of its own."""

    default_site = "apps.console.site.ConsoleSite"
    default = False
