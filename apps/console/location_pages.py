"""Locations: list and form."""

from __future__ import annotations

from django.contrib import admin

from apps.console.tenant_admin import TenantAdmin
from apps.resources.models import Location


@admin.register(Location)
class LocationAdmin(TenantAdmin):
    list_display = ("name", "address")
    search_fields = ("name", "address")
    fields = ("name", "address")
