"""Laws that no single page or module can keep by itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from django.apps import apps
from django.contrib import admin

from apps.console.tenant_admin import TenantAdmin
from apps.tenants.querysets import TenantQuerySet

BASE_DIR = Path(__file__).resolve().parent.parent.parent
# Rows of the whole installation, shown to superusers alone.
WITHOUT_TENANT = {"User", "Tenant", "Installation", "SecretWarning"}


def our_models() -> list[type]:
    return [
        model
        for config in apps.get_app_configs()
        if config.name.startswith("apps.")
        for model in config.get_models()
    ]


def test_layers_hold() -> None:
    linter = Path(sys.executable).parent / "lint-imports"

    result = subprocess.run(
        [str(linter), "--no-cache"], cwd=BASE_DIR, capture_output=True, text=True, check=False
    )

    assert result.returncode == 0, result.stdout


def test_every_model_with_a_tenant_is_reached_through_a_scoped_queryset() -> None:
    unscoped = {
        model.__name__
        for model in our_models()
        if not isinstance(model._default_manager.all(), TenantQuerySet)  # type: ignore[attr-defined]
    }

    assert unscoped == WITHOUT_TENANT


def test_every_page_about_a_tenants_rows_is_behind_the_wall() -> None:
    outside = {
        model.__name__
        for model, page in admin.site._registry.items()
        if model.__module__.startswith("apps.") and not isinstance(page, TenantAdmin)
    }

    assert outside <= WITHOUT_TENANT


def test_every_command_of_ours_has_help() -> None:
    commands = (BASE_DIR / "apps" / "console" / "management" / "commands").glob("[a-z]*.py")

    assert all("    help = " in path.read_text() for path in commands)
