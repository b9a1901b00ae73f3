"""Bookings: list, form."""

from __future__ import annotations

from django.contrib import admin

from apps.bookings.models import Booking
from apps.console.tenant_admin import TenantAdmin


@admin.register(Booking)
class BookingAdmin(TenantAdmin):
    list_display = ("title", "resource", "starts_at", "ends_at", "status")
    list_select_related = ("resource",)
    search_fields = ("title", "person")
