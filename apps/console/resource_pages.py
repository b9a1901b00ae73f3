"""Resources: list, form."""

from __future__ import annotations

from django.contrib import admin

from apps.console.tenant_admin import TenantAdmin
from apps.resources.models import Resource


@admin.register(Resource)
class ResourceAdmin(TenantAdmin):
    list_display = ("name", "location", "kind", "capacity")
    list_select_related = ("location",)
    search_fields = ("name", "location__name")
